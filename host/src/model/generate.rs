//! Sampling: counter-based random numbers, filters, inverse-CDF draws, and the loop that grows
//! responses with a key/value cache. Knows the trunk; knows nothing of training.

use super::decoder;
use super::head::math_kind;
use super::layout::Layout;
use super::tape;
use super::transformer::{KvCache, Transformer};
use tch::{Kind, Tensor};

/// How tokens are drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Logits are divided by it; 0 takes the most likely token.
    pub temperature: f64,
    /// Keep the k most likely tokens; 0 keeps all.
    pub top_k: i64,
    /// Keep the most likely tokens up to this mass; 1 keeps all.
    pub top_p: f64,
    /// Leave the first token unfiltered, as the original implementation does.
    pub skip_first: bool,
    /// Number of the first row in the random stream, so that batches split anywhere draw the same.
    pub first_row: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            skip_first: true,
            first_row: 0,
        }
    }
}

/// The finisher of splitmix64: a bijection of 64-bit numbers that scatters neighbours.
fn scatter(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A number in `[0, 1)` that depends on its three coordinates alone.
#[must_use]
pub fn uniform(seed: u64, row: u64, t: u64) -> f64 {
    let bits = scatter(scatter(scatter(seed) ^ row) ^ t);
    (bits >> 12) as f64 / (1u64 << 52) as f64
}

/// A standard normal number that depends on its three coordinates alone.
#[must_use]
pub fn gaussian(seed: u64, stream: u64, k: u64) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(seed, stream, 2 * k)).ln()).sqrt();
    radius * (2.0 * std::f64::consts::PI * uniform(seed, stream, 2 * k + 1)).cos()
}

/// Lowers all but the `k` highest logits. `logits`: `[batch, vocab]`, also the result.
pub fn top_k(logits: &Tensor, k: i64) -> Tensor {
    if k <= 0 || k >= logits.size()[1] {
        return logits.shallow_clone();
    }
    let floor = logits.topk(k, -1, true, true).0.narrow(1, k - 1, 1);
    logits.masked_fill(&logits.lt_tensor(&floor), -1e10)
}

/// Lowers all logits below the one where the sorted mass reaches `p`; like the original, the
/// cut is `max(count(mass <= p) - 1, 0)`. `logits`: `[batch, vocab]`, also the result.
pub fn top_p(logits: &Tensor, p: f64) -> Tensor {
    if p >= 1.0 {
        return logits.shallow_clone();
    }
    let sorted = logits.sort(-1, true).0;
    let mass = sorted.softmax(-1, Kind::Double).cumsum(-1, Kind::Double);
    let cut = (mass.le(p).sum_dim_intlist(-1, true, Kind::Int64) - 1).clamp_min(0);
    let floor = sorted.gather(1, &cut, false);
    logits.masked_fill(&logits.lt_tensor(&floor), -1e10)
}

/// Draws token `t` of each row. `logits`: `[batch, vocab]`; result `[batch]` i64.
pub fn draw(logits: &Tensor, sampling: &Sampling, seed: u64, t: i64) -> Tensor {
    if sampling.temperature == 0.0 {
        return logits.argmax(-1, false);
    }
    let (rows, vocab) = logits
        .size2()
        .expect("logits of one position have two dimensions");
    let mut scaled = logits.to_kind(math_kind(logits.kind())) / sampling.temperature.max(1e-10);
    if !(sampling.skip_first && t == 0) {
        scaled = top_p(&top_k(&scaled, sampling.top_k), sampling.top_p);
    }
    // Sums of 50,000 terms: f64, so that small probabilities late in the vocabulary survive.
    let mass = scaled.softmax(-1, Kind::Double).cumsum(-1, Kind::Double);
    let rolls: Vec<f64> = (0..rows as u64)
        .map(|row| uniform(seed, sampling.first_row + row, t as u64))
        .collect();
    let rolls = Tensor::from_slice(&rolls)
        .to_device(logits.device())
        .unsqueeze(1);
    let target = rolls * mass.narrow(1, vocab - 1, 1);
    target
        .searchsorted(&mass, false, true, "right", None::<&Tensor>)
        .clamp_max(vocab - 1)
        .squeeze_dim(1)
}

/// Grows `len` tokens after each context. `contexts`: `[batch, context_len]` i64, pads allowed;
/// result `[batch, len]` i64.
pub fn respond(
    model: &Transformer,
    contexts: &Tensor,
    len: i64,
    sampling: &Sampling,
    seed: u64,
) -> Tensor {
    respond_keeping(model, contexts, len, sampling, seed, 0).0
}

/// As [`respond`]; also returns what the lowest `frozen` blocks made of contexts and responses,
/// `[batch, context_len + len, hidden]`, where that cost nothing.
pub(super) fn respond_keeping(
    model: &Transformer,
    contexts: &Tensor,
    len: i64,
    sampling: &Sampling,
    seed: u64,
    frozen: i64,
) -> (Tensor, Option<Tensor>) {
    let _guard = tch::no_grad_guard();
    if len == 0 {
        return (contexts.narrow(1, 0, 0), None);
    }
    let prompt = Prompt::read(model, contexts, len, frozen);
    if decoder::fits(model) {
        prompt.grow_by_hand(model, len, sampling, seed)
    } else {
        (prompt.grow(model, len, sampling, seed), None)
    }
}

/// Contexts that the model has read.
#[derive(Debug)]
pub(super) struct Prompt {
    layout: Layout,
    cache: KvCache,
    /// Trunk output of each row's last real token. `[batch, 1, hidden]`.
    last: Tensor,
    /// How many lowest blocks are frozen, and what they made. `[batch, context_len, hidden]`.
    bottom: (i64, Tensor),
}

impl Prompt {
    /// `contexts`: `[batch, context_len]` i64; leaves room for `len` more tokens.
    pub(super) fn read(model: &Transformer, contexts: &Tensor, len: i64, frozen: i64) -> Prompt {
        let (batch, context_len) = contexts.size2().expect("contexts have two dimensions");
        let mut cache = KvCache::new(model, batch, context_len + len);
        let layout = Layout::new(contexts, model.config.vocab_size);
        let (x, layers) = (model.embed(&layout), model.config.layers);
        let bottom = tape::Span {
            blocks: 0..frozen,
            wanted: None,
        };
        let bottom = tape::run(model, &x, &layout, &bottom, Some(&mut cache));
        let top = tape::Span {
            blocks: frozen..layers,
            wanted: Some(&layout.sources(context_len - 1, 1)),
        };
        let last = tape::run(model, &bottom, &layout, &top, Some(&mut cache));
        cache.len = context_len;
        Prompt {
            layout,
            cache,
            last,
            bottom: (frozen, bottom),
        }
    }

    /// By the kernels for f32 on the CPU. Result `[batch, len]` i64, and as [`respond_keeping`].
    pub(super) fn grow_by_hand(
        &self,
        model: &Transformer,
        len: i64,
        sampling: &Sampling,
        seed: u64,
    ) -> (Tensor, Option<Tensor>) {
        let (frozen, bottom) = &self.bottom;
        let start = decoder::Start {
            cache: &self.cache,
            last: &self.last.squeeze_dim(1),
            real: self.layout.real.as_ref(),
            bottom: (*frozen > 0).then_some((*frozen, bottom)),
        };
        decoder::respond(model, &start, len as usize, sampling, seed)
    }

    /// By libtorch, on any device and for any kind of number. Result `[batch, len]` i64.
    pub(super) fn grow(
        mut self,
        model: &Transformer,
        len: i64,
        sampling: &Sampling,
        seed: u64,
    ) -> Tensor {
        let batch = self.last.size()[0];
        let mut steps = Steps::after(&self.layout, batch, self.cache.len, len);
        let mut out = Vec::with_capacity(len as usize);
        for t in 0..len {
            let logits = model.logits(&model.finish(&self.last)).squeeze_dim(1);
            let token = draw(&logits, sampling, seed, t);
            if t + 1 < len {
                let layout = steps.next(&token.unsqueeze(1), t);
                let (x, layers) = (model.embed(&layout), model.config.layers);
                self.last = model.run(x, &layout, 0, layers, Some(&mut self.cache));
            }
            out.push(token);
        }
        Tensor::stack(&out, 1)
    }
}

/// Layouts of single tokens after a prompt.
#[derive(Debug)]
struct Steps {
    /// Real tokens in the prompt, `[batch or 1, 1]` i64.
    count: Tensor,
    /// Which cached tokens are real, `[batch, 1, 1, capacity]` bool.
    mask: Option<Tensor>,
    context_len: i64,
}

impl Steps {
    fn after(prompt: &Layout, batch: i64, context_len: i64, len: i64) -> Self {
        let options = (Kind::Int64, prompt.ids.device());
        let Some(real) = &prompt.real else {
            return Self {
                count: Tensor::full([1, 1], context_len, options),
                mask: None,
                context_len,
            };
        };
        let rest = Tensor::ones([batch, len], (Kind::Bool, prompt.ids.device()));
        let mask = Tensor::cat(&[real, &rest], 1).unsqueeze(1).unsqueeze(1);
        let count = real.sum_dim_intlist(1, true, Kind::Int64);
        Self {
            count,
            mask: Some(mask),
            context_len,
        }
    }

    /// `token`: `[batch, 1]` i64, the `t`-th of the response.
    fn next(&mut self, token: &Tensor, t: i64) -> Layout {
        Layout {
            ids: token.shallow_clone(),
            positions: &self.count + t,
            mask: self
                .mask
                .as_ref()
                .map(|m| m.narrow(3, 0, self.context_len + t + 1)),
            causal: false,
            real: None,
            source: None,
        }
    }
}

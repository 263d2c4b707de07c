//! The loop that grows responses with a key/value cache. Knows the trunk; knows nothing of training.

use super::decoder;
use super::episodes::Grown;
use super::layout::Layout;
use super::sampling::{Drawn, Sampling, draw};
use super::tape;
use super::transformer::{KvCache, Transformer};
use tch::{Kind, Tensor};

/// Grows `len` tokens after each context. `contexts`: `[batch, context_len]` i64, pads allowed;
/// result `[batch, len]` i64.
pub(super) fn respond(
    model: &Transformer,
    contexts: &Tensor,
    len: i64,
    sampling: &Sampling,
    seed: u64,
) -> Tensor {
    respond_keeping(model, contexts, len, sampling, seed, 0).tokens
}

/// As [`respond`]; also returns what the sampler knows of the tokens, and what the lowest `frozen` blocks made of them.
pub(super) fn respond_keeping(
    model: &Transformer,
    contexts: &Tensor,
    len: i64,
    sampling: &Sampling,
    seed: u64,
    frozen: i64,
) -> Grown {
    let _guard = tch::no_grad_guard();
    if len == 0 {
        let tokens = contexts.narrow(1, 0, 0);
        return Grown {
            logprobs: tokens.to_kind(Kind::Float),
            tokens,
            bottom: None,
        };
    }
    let prompt = Prompt::read(model, contexts, len, frozen);
    if decoder::fits(model) {
        prompt.grow_by_hand(model, len, sampling, seed)
    } else {
        prompt.grow(model, len, sampling, seed)
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
    /// `contexts`: `[batch, context_len]` i64; leaves room for `len` more tokens. Rows that follow each other and are the
    /// same, as of several responses to one query, are read once.
    pub(super) fn read(model: &Transformer, contexts: &Tensor, len: i64, frozen: i64) -> Prompt {
        let (different, row, _) = contexts.unique_consecutive(true, false, 0);
        let prompt = Prompt::read_each(model, &different, len, frozen);
        if different.size() == contexts.size() {
            return prompt;
        }
        let (blocks, bottom) = prompt.bottom;
        Prompt {
            layout: Layout::new(contexts, model.config.vocab_size),
            cache: prompt.cache.for_rows(&row),
            last: prompt.last.index_select(0, &row),
            bottom: (blocks, bottom.index_select(0, &row)),
        }
    }

    fn read_each(model: &Transformer, contexts: &Tensor, len: i64, frozen: i64) -> Prompt {
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

    /// By the kernels for f32 on the CPU.
    pub(super) fn grow_by_hand(
        &self,
        model: &Transformer,
        len: i64,
        sampling: &Sampling,
        seed: u64,
    ) -> Grown {
        let (frozen, bottom) = &self.bottom;
        let start = decoder::Start {
            cache: &self.cache,
            last: &self.last.squeeze_dim(1),
            real: self.layout.real.as_ref(),
            bottom: (*frozen > 0).then_some((*frozen, bottom)),
        };
        decoder::respond(model, &start, len as usize, sampling, seed)
    }

    /// By libtorch, on any device and for any kind of number.
    pub(super) fn grow(
        mut self,
        model: &Transformer,
        len: i64,
        sampling: &Sampling,
        seed: u64,
    ) -> Grown {
        let batch = self.last.size()[0];
        let mut steps = Steps::after(&self.layout, batch, self.cache.len, len);
        let (mut tokens, mut logprobs) = (Vec::new(), Vec::new());
        for t in 0..len {
            let logits = model.logits(&model.finish(&self.last)).squeeze_dim(1);
            let Drawn { token, logprob } = draw(&logits, sampling, seed, t);
            if t + 1 < len {
                let layout = steps.next(&token.unsqueeze(1), t);
                let (x, layers) = (model.embed(&layout), model.config.layers);
                self.last = model.run(x, &layout, 0, layers, Some(&mut self.cache));
            }
            tokens.push(token);
            logprobs.push(logprob);
        }
        Grown {
            tokens: Tensor::stack(&tokens, 1),
            logprobs: Tensor::stack(&logprobs, 1),
            bottom: None,
        }
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
            runs: Vec::new(),
        }
    }
}

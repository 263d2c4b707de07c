//! How a token is drawn: counter-based random numbers, filters, inverse-CDF draws. Knows logits; knows no
//! model.

use tch::{Kind, Tensor};

use super::head::math_kind;

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

/// The tokens that were drawn, one for each row, and how likely they were.
#[derive(Debug)]
pub struct Drawn {
    /// `[batch]` i64.
    pub token: Tensor,
    /// Log-probability under the softmax of all logits at the temperature, whatever filters ruled out; 0 at
    /// temperature 0, where the token is certain. `[batch]`, f32 (f64 for f64 logits).
    pub logprob: Tensor,
}

/// Draws token `t` of each row. `logits`: `[batch, vocab]`.
pub fn draw(logits: &Tensor, sampling: &Sampling, seed: u64, t: i64) -> Drawn {
    let kind = math_kind(logits.kind());
    if sampling.temperature == 0.0 {
        let token = logits.argmax(-1, false);
        return Drawn {
            logprob: token.zeros_like().to_kind(kind),
            token,
        };
    }
    let (rows, vocab) = logits
        .size2()
        .expect("logits of one position have two dimensions");
    let scaled = logits.to_kind(kind) / sampling.temperature.max(1e-10);
    let narrowed = sampling.top_k > 0 || sampling.top_p < 1.0;
    // Sums of 50,000 terms: f64, so that small probabilities late in the vocabulary survive.
    let whole = scaled.softmax(-1, Kind::Double);
    let mass = if narrowed && !(sampling.skip_first && t == 0) {
        let left = top_p(&top_k(&scaled, sampling.top_k), sampling.top_p);
        left.softmax(-1, Kind::Double).cumsum(-1, Kind::Double)
    } else {
        whole.cumsum(-1, Kind::Double)
    };
    let rolls: Vec<f64> = (0..rows as u64)
        .map(|row| uniform(seed, sampling.first_row + row, t as u64))
        .collect();
    let rolls = Tensor::from_slice(&rolls)
        .to_device(logits.device())
        .unsqueeze(1);
    let target = rolls * mass.narrow(1, vocab - 1, 1);
    let token = target
        .searchsorted(&mass, false, true, "right", None::<&Tensor>)
        .clamp_max(vocab - 1);
    let logprob = whole.gather(1, &token, false).log().to_kind(kind);
    Drawn {
        token: token.squeeze_dim(1),
        logprob: logprob.squeeze_dim(1),
    }
}

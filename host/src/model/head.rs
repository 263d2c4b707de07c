//! Log-probabilities and entropies of tokens straight from hidden states, forward and backward,
//! without ever holding the logits of all rows. Knows one matrix; knows nothing of sequences.

use tch::{Kind, Tensor};

/// Bytes of logits at a time.
const CHUNK_BYTES: i64 = 64 << 20;

/// What the head says of each row.
#[derive(Debug)]
pub struct Scores {
    /// Log-probability of the row's label at the temperature. `[rows]`.
    pub logprobs: Tensor,
    /// Entropy of the row's distribution at the temperature. `[rows]`.
    pub entropy: Tensor,
    /// Log of the sum of exponentials of the scaled logits. `[rows]`.
    normalizer: Tensor,
}

/// The arithmetic's type: f32, or f64 for f64 weights.
#[must_use]
pub fn math_kind(kind: Kind) -> Kind {
    if kind == Kind::Double {
        Kind::Double
    } else {
        Kind::Float
    }
}

fn chunks(rows: i64, vocab: i64) -> impl Iterator<Item = (i64, i64)> {
    let step = (CHUNK_BYTES / (4 * vocab)).max(1);
    (0..rows)
        .step_by(step as usize)
        .map(move |start| (start, step.min(rows - start)))
}

/// `hidden`: `[n, width]`, `weight`: `[vocab, width]`; result `[n, vocab]`, divided by T.
fn scaled_logits(hidden: &Tensor, weight: &Tensor, temperature: f64) -> Tensor {
    let logits = hidden
        .linear(weight, None::<&Tensor>)
        .to_kind(math_kind(weight.kind()));
    if temperature == 1.0 {
        logits
    } else {
        logits / temperature.max(1e-10)
    }
}

/// `hidden`: `[rows, width]`; `weight`: `[vocab, width]`; `labels`: `[rows]` i64. No gradients.
#[must_use]
pub fn forward(hidden: &Tensor, weight: &Tensor, labels: &Tensor, temperature: f64) -> Scores {
    let _guard = tch::no_grad_guard();
    let (rows, vocab) = (hidden.size()[0], weight.size()[0]);
    let mut parts: [Vec<Tensor>; 3] = Default::default();
    for (start, len) in chunks(rows, vocab) {
        let logits = scaled_logits(&hidden.narrow(0, start, len), weight, temperature);
        let normalizer = logits.logsumexp(-1, false);
        let picked = logits
            .gather(1, &labels.narrow(0, start, len).unsqueeze(1), false)
            .squeeze_dim(1);
        let probs = (&logits - normalizer.unsqueeze(1)).exp_();
        let mean = (probs * logits).sum_dim_intlist(-1, false, None);
        parts[0].push(picked - &normalizer);
        parts[1].push(&normalizer - mean);
        parts[2].push(normalizer);
    }
    let [logprobs, entropy, normalizer] = parts.map(|p| Tensor::cat(&p, 0));
    Scores {
        logprobs,
        entropy,
        normalizer,
    }
}

/// Gradients with respect to the head's inputs.
#[derive(Debug)]
pub struct Gradients {
    /// `[rows, width]`.
    pub hidden: Tensor,
    /// `[vocab, width]`, when asked for.
    pub weight: Option<Tensor>,
}

/// What flows back into the head.
#[derive(Debug)]
pub struct Upstream {
    /// d loss / d logprobs, `[rows]`.
    pub logprobs: Tensor,
    /// d loss / d entropy, `[rows]`; absent when the loss does not use it.
    pub entropy: Option<Tensor>,
}

/// The backward of [`forward`] with the same `hidden`, `weight`, `labels` and `temperature`.
#[must_use]
pub fn backward(
    hidden: &Tensor,
    weight: &Tensor,
    labels: &Tensor,
    temperature: f64,
    scores: &Scores,
    upstream: &Upstream,
    with_weight: bool,
) -> Gradients {
    let _guard = tch::no_grad_guard();
    let (rows, vocab) = (hidden.size()[0], weight.size()[0]);
    let mut d_hidden = Vec::new();
    let mut d_weight = with_weight.then(|| weight.zeros_like());
    for (start, len) in chunks(rows, vocab) {
        let cut = |t: &Tensor| t.narrow(0, start, len);
        let h = cut(hidden);
        let logp = scaled_logits(&h, weight, temperature) - cut(&scores.normalizer).unsqueeze(1);
        let up = cut(&upstream.logprobs).unsqueeze(1);
        // d logprob / d z = onehot - p;  d entropy / d z = -p (log p + entropy).
        let slope = match &upstream.entropy {
            Some(entropy) => {
                let own = cut(&scores.entropy).unsqueeze(1);
                up.neg() - cut(entropy).unsqueeze(1) * (&logp + own)
            }
            None => up.neg(),
        };
        let mut d = logp.exp() * slope;
        let _ = d.scatter_add_(1, &cut(labels).unsqueeze(1), &up);
        let d = (d / temperature.max(1e-10)).to_kind(weight.kind());
        d_hidden.push(d.matmul(weight));
        if let Some(sum) = &mut d_weight {
            let _ = sum.addmm_(&d.tr(), &h);
        }
    }
    Gradients {
        hidden: Tensor::cat(&d_hidden, 0),
        weight: d_weight,
    }
}

//! Log-probabilities and entropies of tokens straight from hidden states, forward and backward,
//! without ever holding the logits of all rows. Knows one matrix; knows nothing of sequences.

use super::memory::{rows, share};
use kernels::Columns;
use std::cell::RefCell;
use tch::{Device, Kind, Tensor};

mod kernels;

/// Bytes of logits at a time, at most.
const CHUNK_BYTES: i64 = 40 << 20;

/// Memory for a chunk of logits, which one pass leaves to the next.
#[derive(Debug, Default)]
pub(super) struct Scratch(RefCell<Option<Tensor>>);

impl Scratch {
    /// `[rows, vocab]`, f32 on the CPU, holding anything.
    fn logits(&self, rows: i64, vocab: i64) -> Tensor {
        let mut held = self.0.borrow_mut();
        if let Some(held) = held.as_ref()
            && held.size()[1] == vocab
            && held.size()[0] >= rows
        {
            return held.narrow(0, 0, rows);
        }
        let new = Tensor::empty([rows, vocab], (Kind::Float, Device::Cpu));
        *held = Some(new.shallow_clone());
        new
    }
}

/// The matrix that turns hidden states into logits, and how it is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    /// `[vocab, width]`.
    pub weight: &'a Tensor,
    /// Logits are divided by it.
    pub temperature: f64,
    /// Where logits are held for a moment.
    pub scratch: &'a Scratch,
}

/// What the head says of each row.
#[derive(Debug)]
pub(super) struct Scores {
    /// Log-probability of the row's label at the temperature. `[rows]`.
    pub logprobs: Tensor,
    /// Entropy of the row's distribution at the temperature. `[rows]`.
    pub entropy: Tensor,
    /// Log of the sum of exponentials of the scaled logits. `[rows]`.
    normalizer: Tensor,
}

/// The arithmetic's type: f32, or f64 for f64 weights.
#[must_use]
pub(super) fn math_kind(kind: Kind) -> Kind {
    if kind == Kind::Double {
        Kind::Double
    } else {
        Kind::Float
    }
}

fn chunks(rows: i64, vocab: i64) -> impl Iterator<Item = (i64, i64)> {
    let most = (CHUNK_BYTES / (4 * vocab)).clamp(1, rows.max(1));
    // Parts of equal size.
    let step = (rows as u64)
        .div_ceil((rows as u64).div_ceil(most as u64).max(1))
        .max(1) as i64;
    (0..rows)
        .step_by(step as usize)
        .map(move |start| (start, step.min(rows - start)))
}

/// What flows back into the head.
#[derive(Debug)]
pub(super) struct Upstream {
    /// d loss / d logprobs, `[rows]`.
    pub logprobs: Tensor,
    /// d loss / d entropy, `[rows]`; absent when the loss does not use it.
    pub entropy: Option<Tensor>,
}

impl Head<'_> {
    /// `hidden`: `[rows, width]`; `labels`: `[rows]` i64. No gradients.
    #[must_use]
    pub(super) fn forward(self, hidden: &Tensor, labels: &Tensor) -> Scores {
        let _guard = tch::no_grad_guard();
        if self.by_hand() {
            return self.forward_by_hand(hidden, labels);
        }
        let mut parts: [Vec<Tensor>; 3] = Default::default();
        for (start, len) in chunks(hidden.size()[0], self.vocab()) {
            let logits = self.scaled_logits(&hidden.narrow(0, start, len));
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

    /// The backward of [`Head::forward`] with the same `hidden` and `labels`: the gradient of
    /// `hidden`, `[rows, width]`; that of the weight is added to `d_weight`, when there is one.
    pub(super) fn backward(
        self,
        hidden: &Tensor,
        labels: &Tensor,
        scores: &Scores,
        upstream: &Upstream,
        mut d_weight: Option<&mut Tensor>,
    ) -> Tensor {
        let _guard = tch::no_grad_guard();
        let d_hidden = hidden.empty_like();
        for (start, len) in chunks(hidden.size()[0], self.vocab()) {
            let cut = |t: &Tensor| t.narrow(0, start, len);
            let (h, labels) = (cut(hidden), cut(labels));
            let scores = [&scores.normalizer, &scores.entropy].map(cut);
            let upstream = (cut(&upstream.logprobs), upstream.entropy.as_ref().map(cut));
            let d = if self.by_hand() {
                self.slopes_by_hand(&h, &labels, &scores, &upstream)
            } else {
                self.slopes(&h, &labels, &scores, &upstream)
            };
            let _ = d.matmul_out(&cut(&d_hidden), self.weight);
            if let Some(sum) = &mut d_weight {
                let _ = sum.addmm_(&d.tr(), &h);
            }
        }
        d_hidden
    }

    /// Forward and backward of a loss that is `up` times the sum of all log-probabilities: these, `[rows]`, and the
    /// gradient of `hidden`, `[rows, width]`; that of the weight is added to `d_weight`, when there is one. Logits are
    /// made once, where [`Head::forward`] and [`Head::backward`] make them twice.
    pub(super) fn learn(
        self,
        hidden: &Tensor,
        labels: &Tensor,
        up: f64,
        mut d_weight: Option<&mut Tensor>,
    ) -> (Tensor, Tensor) {
        let _guard = tch::no_grad_guard();
        if !self.by_hand() {
            let scores = self.forward(hidden, labels);
            let upstream = Upstream {
                logprobs: scores.logprobs.full_like(up),
                entropy: None,
            };
            let d = self.backward(hidden, labels, &scores, &upstream, d_weight);
            return (scores.logprobs, d);
        }
        let d_hidden = hidden.empty_like();
        let mut logprobs = Vec::new();
        for (start, len) in chunks(hidden.size()[0], self.vocab()) {
            let (h, labels) = (hidden.narrow(0, start, len), labels.narrow(0, start, len));
            let logits = self.logits(&h);
            let scores = self.score(&logits, &labels);
            let upstream = (scores.logprobs.full_like(up), None);
            let own = [scores.normalizer, scores.entropy];
            self.slope(&logits, &labels, &own, &upstream);
            let _ = logits.matmul_out(&d_hidden.narrow(0, start, len), self.weight);
            if let Some(sum) = &mut d_weight {
                let _ = sum.addmm_(&logits.tr(), &h);
            }
            logprobs.push(scores.logprobs);
        }
        (Tensor::cat(&logprobs, 0), d_hidden)
    }

    fn vocab(self) -> i64 {
        self.weight.size()[0]
    }

    /// `hidden`: `[n, width]`; result `[n, vocab]`, divided by the temperature.
    fn scaled_logits(self, hidden: &Tensor) -> Tensor {
        let logits = hidden
            .linear(self.weight, None::<&Tensor>)
            .to_kind(math_kind(self.weight.kind()));
        if self.temperature == 1.0 {
            logits
        } else {
            logits / self.temperature.max(1e-10)
        }
    }

    /// Gradient of the loss by the logits of some rows, `[rows, vocab]`. `hidden`: `[rows, width]`;
    /// `labels`, `scores` (normalizer, entropy) and `upstream` (log-probability, entropy): `[rows]`.
    fn slopes(
        self,
        hidden: &Tensor,
        labels: &Tensor,
        [normalizer, own]: &[Tensor; 2],
        (up, up_entropy): &(Tensor, Option<Tensor>),
    ) -> Tensor {
        let logp = self.scaled_logits(hidden) - normalizer.unsqueeze(1);
        let up = up.unsqueeze(1);
        // d logprob / d z = onehot - p;  d entropy / d z = -p (log p + entropy).
        let slope = match up_entropy {
            Some(entropy) => up.neg() - entropy.unsqueeze(1) * (&logp + own.unsqueeze(1)),
            None => up.neg(),
        };
        let mut d = logp.exp() * slope;
        let _ = d.scatter_add_(1, &labels.unsqueeze(1), &up);
        (d / self.temperature.max(1e-10)).to_kind(self.weight.kind())
    }

    /// Whether the passes over logits are our own.
    fn by_hand(self) -> bool {
        self.weight.device() == Device::Cpu && self.weight.kind() == Kind::Float
    }

    fn scale(self) -> f32 {
        (1.0 / self.temperature.max(1e-10)) as f32
    }

    /// Unscaled, in the scratch. `hidden`: `[n, width]`; result `[n, vocab]`.
    fn logits(self, hidden: &Tensor) -> Tensor {
        let logits = self.scratch.logits(hidden.size()[0], self.vocab());
        hidden.linear_out(&logits, self.weight, None::<&Tensor>)
    }

    /// As [`Head::forward`].
    fn forward_by_hand(self, hidden: &Tensor, labels: &Tensor) -> Scores {
        let mut parts: [Vec<Tensor>; 3] = Default::default();
        for (start, len) in chunks(hidden.size()[0], self.vocab()) {
            let logits = self.logits(&hidden.narrow(0, start, len));
            let scores = self.score(&logits, &labels.narrow(0, start, len));
            parts[0].push(scores.logprobs);
            parts[1].push(scores.entropy);
            parts[2].push(scores.normalizer);
        }
        let [logprobs, entropy, normalizer] = parts.map(|p| Tensor::cat(&p, 0));
        Scores {
            logprobs,
            entropy,
            normalizer,
        }
    }

    /// What unscaled `logits`, `[n, vocab]`, say of as many labels.
    fn score(self, logits: &Tensor, labels: &Tensor) -> Scores {
        let (len, vocab) = logits.size2().expect("rows of logits");
        let new = || Tensor::empty([len, 1], (Kind::Float, Device::Cpu));
        let [logprobs, entropy, normalizer] = [new(), new(), new()];
        let labels = label_list(labels);
        let [logits, a, b, c] = [logits, &logprobs, &entropy, &normalizer].map(rows);
        let out = Columns {
            logprobs: a,
            entropy: b,
            normalizers: c,
        };
        let scale = self.scale();
        // SAFETY: all have `len` rows; each thread has its own.
        share(len, |range| unsafe {
            kernels::score(range, vocab as usize, logits, scale, &labels, out);
        });
        let [logprobs, entropy, normalizer] = [logprobs, entropy, normalizer].map(|t| t.view([-1]));
        Scores {
            logprobs,
            entropy,
            normalizer,
        }
    }

    /// As [`Head::slopes`], in the scratch.
    fn slopes_by_hand(
        self,
        hidden: &Tensor,
        labels: &Tensor,
        scores: &[Tensor; 2],
        upstream: &(Tensor, Option<Tensor>),
    ) -> Tensor {
        let logits = self.logits(hidden);
        self.slope(&logits, labels, scores, upstream);
        logits
    }

    /// Turns unscaled `logits`, `[n, vocab]`, into the gradient of the loss by them; else as [`Head::slopes`].
    fn slope(
        self,
        logits: &Tensor,
        labels: &Tensor,
        scores: &[Tensor; 2],
        (up, up_entropy): &(Tensor, Option<Tensor>),
    ) {
        let labels = label_list(labels);
        let up_entropy = up_entropy
            .as_ref()
            .map_or_else(|| up.zeros_like(), Tensor::shallow_clone);
        let held = [&scores[0], &scores[1], up, &up_entropy].map(column);
        let [normalizers, entropy, up, up_entropy] = held.each_ref().map(rows);
        let columns = |logprobs, entropy| Columns {
            logprobs,
            entropy,
            normalizers,
        };
        let (scores, upstream) = (columns(normalizers, entropy), columns(up, up_entropy));
        let (to, scale, width) = (rows(logits), self.scale(), self.vocab() as usize);
        // SAFETY: all have as many rows as `logits`; each thread has its own.
        share(logits.size()[0], |range| unsafe {
            kernels::score_back(range, width, to, scale, &labels, scores, upstream);
        });
    }
}

fn column(tensor: &Tensor) -> Tensor {
    tensor.reshape([-1, 1]).contiguous()
}

fn label_list(labels: &Tensor) -> Vec<i64> {
    Vec::try_from(labels).expect("one label a row")
}

#[cfg(test)]
mod tests;

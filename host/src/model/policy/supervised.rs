//! What a policy says of what people wrote, each of its own length, and the gradients of learning it.
//!
//! Rows are padded at their ends alone, where nobody looks at them: causal order is the whole mask.

use super::Policy;
use super::learn::Pass;
use crate::model::layout::Layout;
use tch::{Device, Kind, Tensor};

/// What a person wrote, and what it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demonstration {
    /// Token ids that are read, at least one.
    pub context: Vec<u32>,
    /// Token ids that are learned, at least one.
    pub response: Vec<u32>,
}

impl Demonstration {
    /// Tokens that go through the model: all but the last, after which nothing is asked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.context.len() + self.response.len() - 1
    }

    /// Never: a demonstration has tokens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Demonstrations side by side.
struct Batch {
    layout: Layout,
    /// Before which positions the response's tokens stand. `[batch, count]` i64.
    wanted: Tensor,
    /// Those tokens; 0 beyond a response's end. `[batch * count]` i64.
    labels: Tensor,
    /// 1 where there is a token, else 0. `[batch, count]` f32.
    mask: Tensor,
}

impl Batch {
    fn new(rows: &[&Demonstration], vocab_size: i64, device: Device) -> Batch {
        let len = rows.iter().map(|row| row.len()).max().unwrap_or_default();
        let count = rows.iter().map(|row| row.response.len()).max();
        let count = count.unwrap_or_default();
        let (mut tokens, mut wanted, mut labels, mut mask) = (vec![], vec![], vec![], vec![]);
        for row in rows {
            let read = row.context.iter().chain(&row.response).take(row.len());
            tokens.extend(read.map(|id| i64::from(*id)));
            tokens.resize(tokens.len() + len - row.len(), 0);
            for at in 0..count {
                // Beyond the end its last place stands once more, and weighs nothing.
                let place = at.min(row.response.len() - 1);
                wanted.push((row.context.len() - 1 + place) as i64);
                let label = row.response.get(at);
                labels.push(label.map_or(0, |id| i64::from(*id)));
                mask.push(f32::from(u8::from(label.is_some())));
            }
        }
        let shape = [rows.len() as i64, count as i64];
        let put = |tensor: Tensor| tensor.to_device(device);
        let tokens = put(Tensor::from_slice(&tokens)).view([shape[0], len as i64]);
        Batch {
            layout: Layout::new(&tokens, vocab_size),
            wanted: put(Tensor::from_slice(&wanted)).view(shape),
            labels: put(Tensor::from_slice(&labels)),
            mask: put(Tensor::from_slice(&mask)).view(shape),
        }
    }
}

impl Policy {
    /// The log-probability of each whole response, without gradients.
    #[must_use]
    pub fn log_likelihoods(&self, rows: &[&Demonstration]) -> Vec<f64> {
        let _guard = tch::no_grad_guard();
        let batch = Batch::new(rows, self.config().vocab_size, self.device());
        let pass = self.pass_over(&batch, false);
        let logprobs = pass.logprobs() * &batch.mask;
        let sums = logprobs.sum_dim_intlist(1, false, Kind::Double);
        Vec::try_from(sums.to_device(Device::Cpu)).expect("one number a row")
    }

    /// Adds `weight` times the gradient of the responses' negative log-likelihood, summed over their tokens, to the
    /// gradients of [`Policy::trainable`]; returns that sum without the weight.
    pub fn imitate(&self, rows: &[&Demonstration], weight: f64) -> f64 {
        let batch = Batch::new(rows, self.config().vocab_size, self.device());
        let pass = tch::with_grad(|| self.pass_over(&batch, true));
        let loss = self.accumulate_kept(pass, 1.0, &mut |analysis| {
            (&analysis.logprobs * &batch.mask).sum(None) * -weight
        });
        loss.double_value(&[]) / weight
    }

    fn pass_over(&self, batch: &Batch, learn: bool) -> Pass {
        let bottom = (self.trunk.frozen > 0).then(|| self.trunk.bottom(&batch.layout));
        let labels = batch.labels.shallow_clone();
        let places = (&batch.layout, &batch.wanted, labels);
        self.forward_at(bottom.as_ref(), places, 1.0, learn)
    }
}

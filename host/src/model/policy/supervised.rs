//! What a policy says of what people wrote, each of its own length, and the gradients of learning it.
//!
//! Where blocks are run by hand, demonstrations go through the model packed, without pads. Elsewhere they are padded at
//! their ends alone, where nobody looks at them: causal order is the whole mask.

use super::Policy;
use crate::model::layout::Layout;
use crate::model::tape;
use crate::model::trunk::Passed;
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

/// Demonstrations that go through the model together.
struct Batch {
    layout: Layout,
    /// Before which of all places, counted through all rows, the responses' tokens stand. `[asked]` i64.
    asked: Tensor,
    /// Those tokens. `[asked]` i64.
    labels: Tensor,
}

impl Batch {
    fn new(rows: &[&Demonstration], packed: bool, device: Device) -> Batch {
        let longest = rows.iter().map(|row| row.len()).max().unwrap_or_default();
        let (mut tokens, mut asked, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let mut from = 0;
        for row in rows {
            let read = row.context.iter().chain(&row.response).take(row.len());
            let mut ids: Vec<i64> = read.map(|id| i64::from(*id)).collect();
            asked.extend((from + row.context.len() - 1..from + row.len()).map(|at| at as i64));
            labels.extend(row.response.iter().map(|id| i64::from(*id)));
            if !packed {
                ids.resize(longest, 0);
            }
            from += ids.len();
            tokens.push(ids);
        }
        let put = |numbers: &[i64]| Tensor::from_slice(numbers).to_device(device);
        let layout = match packed {
            true => Layout::packed(tokens.iter().map(Vec::as_slice), device),
            // What stands at the ends is a token like any other.
            false => Layout::new(&put(&tokens.concat()).view([-1, longest as i64]), i64::MAX),
        };
        Batch {
            layout,
            asked: put(&asked),
            labels: put(&labels),
        }
    }
}

impl Policy {
    /// Whether demonstrations go through the model without pads.
    #[must_use]
    pub fn packs(&self) -> bool {
        self.trunk.by_hand()
    }

    /// The log-probability of each whole response, without gradients.
    #[must_use]
    pub fn log_likelihoods(&self, rows: &[&Demonstration]) -> Vec<f64> {
        let _guard = tch::no_grad_guard();
        let batch = Batch::new(rows, self.packs(), self.device());
        let (states, _) = self.states(&batch, false);
        let logprobs = self.head(1.0).forward(&states, &batch.labels).logprobs;
        let logprobs = logprobs.to_device(Device::Cpu).to_kind(Kind::Double);
        let all = Vec::<f64>::try_from(logprobs).expect("one number a token");
        let mut rest = all.as_slice();
        let sum_of = |row: &&Demonstration| {
            let (own, others) = rest.split_at(row.response.len());
            rest = others;
            own.iter().sum()
        };
        rows.iter().map(sum_of).collect()
    }

    /// Adds `weight` times the gradient of the responses' negative log-likelihood, summed over their tokens, to the
    /// gradients of [`Policy::trainable`]; returns that sum without the weight.
    pub fn imitate(&self, rows: &[&Demonstration], weight: f64) -> f64 {
        let batch = Batch::new(rows, self.packs(), self.device());
        tch::with_grad(|| {
            let (states, mut passed) = self.states(&batch, true);
            let head = self.head(1.0);
            let learns = head.weight.requires_grad();
            let mut d_weight = learns.then(|| tape::gradient(head.weight));
            let plain = states.detach();
            let (logprobs, d) = head.learn(&plain, &batch.labels, -weight, d_weight.as_mut());
            // A scalar whose gradient by the states is the one wanted.
            (&states * d).sum(logprobs.kind()).backward();
            self.trunk.backward(&mut passed);
            -logprobs.sum(Kind::Double).double_value(&[])
        })
    }

    /// Final hidden states before each token of the responses, `[asked, hidden]`, and the way back from them.
    fn states(&self, batch: &Batch, learn: bool) -> (Tensor, Passed) {
        let layout = &batch.layout;
        let bottom = (self.trunk.frozen > 0).then(|| self.trunk.bottom(layout));
        let passed = self.trunk.pass(bottom.as_ref(), layout, None, learn);
        let all = passed.x.reshape([-1, self.config().hidden]);
        let states = self.model().finish(&all.index_select(0, &batch.asked));
        (states, passed)
    }
}

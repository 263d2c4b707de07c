//! What a policy says of responses, and the way back from the loss to its gradients.

use super::Policy;
use crate::model::episodes::{Analysis, Episodes};
use crate::model::head::{self, Head};
use crate::model::layout::Layout;
use crate::model::tape;
use crate::model::trunk::Passed;
use tch::{Kind, Tensor};

/// One forward through trunk and head, whose backward may follow.
#[derive(Debug)]
pub struct Pass {
    /// Final hidden states before each response token. `[batch * response_len, hidden]`.
    hidden: Tensor,
    /// `[batch * response_len]` i64.
    labels: Tensor,
    /// `[batch, response_len]`.
    values: Tensor,
    scores: head::Scores,
    trunk: Passed,
}

impl Policy {
    /// Scores responses without gradients.
    #[must_use]
    pub fn analyze(&self, episodes: &Episodes, temperature: f64) -> Analysis {
        let _guard = tch::no_grad_guard();
        let pass = self.forward(episodes, temperature, false);
        let shape = pass.values.size();
        Analysis {
            logprobs: pass.scores.logprobs.reshape(&shape),
            entropy: pass.scores.entropy.reshape(&shape),
            values: pass.values,
        }
    }

    /// As [`Policy::analyze`]; keeps what [`Policy::accumulate_kept`] needs, where that is possible.
    #[must_use]
    pub fn analyze_keeping(
        &self,
        episodes: &Episodes,
        temperature: f64,
    ) -> (Analysis, Option<Pass>) {
        if !self.trunk.by_hand() {
            return (self.analyze(episodes, temperature), None);
        }
        let pass = tch::with_grad(|| self.forward(episodes, temperature, true));
        let shape = pass.values.size();
        let analysis = Analysis {
            logprobs: pass.scores.logprobs.reshape(&shape),
            entropy: pass.scores.entropy.reshape(&shape),
            values: pass.values.detach(),
        };
        (analysis, Some(pass))
    }

    /// Scores responses, hands the scores to `loss` as leaves, and adds the gradients of the
    /// scalar that it returns to `.grad()` of [`Policy::trainable`]. Returns that scalar.
    pub fn accumulate(
        &self,
        episodes: &Episodes,
        temperature: f64,
        loss: &mut dyn FnMut(&Analysis) -> Tensor,
    ) -> Tensor {
        let pass = tch::with_grad(|| self.forward(episodes, temperature, true));
        self.accumulate_kept(pass, temperature, loss)
    }

    /// As [`Policy::accumulate`] with a forward pass that was made before, by these parameters and at
    /// this temperature.
    pub fn accumulate_kept(
        &self,
        mut pass: Pass,
        temperature: f64,
        loss: &mut dyn FnMut(&Analysis) -> Tensor,
    ) -> Tensor {
        tch::with_grad(|| {
            let shape = pass.values.size();
            let leaf = |t: &Tensor| t.detach().reshape(&shape).set_requires_grad(true);
            let analysis = Analysis {
                logprobs: leaf(&pass.scores.logprobs),
                values: leaf(&pass.values),
                entropy: leaf(&pass.scores.entropy),
            };
            let value = loss(&analysis);
            if value.requires_grad() {
                value.backward();
                self.backward(&pass, &analysis, temperature);
                self.trunk.backward(&mut pass.trunk);
            }
            value.detach()
        })
    }

    /// From the leaves' gradients to the parameters': the head by hand, the trunk by autograd of
    /// a scalar whose gradient is the one wanted.
    fn backward(&self, pass: &Pass, analysis: &Analysis, temperature: f64) {
        let gradient = |t: &Tensor| Some(t.grad()).filter(Tensor::defined);
        let flat = |t: Tensor| t.reshape([-1]);
        let (logprobs, entropy) = (gradient(&analysis.logprobs), gradient(&analysis.entropy));
        let mut scalars = Vec::new();
        if logprobs.is_some() || entropy.is_some() {
            let upstream = head::Upstream {
                logprobs: logprobs.map_or_else(|| pass.scores.logprobs.zeros_like(), flat),
                entropy: entropy.map(flat),
            };
            let head = self.head(temperature);
            let hidden = pass.hidden.detach();
            let learns = head.weight.requires_grad();
            let mut d_weight = learns.then(|| tape::gradient(head.weight));
            let (labels, scores) = (&pass.labels, &pass.scores);
            let d = head.backward(&hidden, labels, scores, &upstream, d_weight.as_mut());
            scalars.push((&pass.hidden * d).sum(math(&pass.hidden)));
        }
        if let Some(values) = gradient(&analysis.values) {
            scalars.push((&pass.values * values).sum(math(&pass.values)));
        }
        if let Some(total) = scalars.into_iter().reduce(|a, b| a + b) {
            total.backward();
        }
    }

    pub(super) fn head(&self, temperature: f64) -> Head<'_> {
        Head {
            weight: self.model().head(),
            temperature,
            scratch: &self.scratch,
        }
    }

    /// `learn`: keep what the backward needs.
    fn forward(&self, episodes: &Episodes, temperature: f64, learn: bool) -> Pass {
        let layout = Layout::new(&episodes.tokens, self.config().vocab_size);
        let len = episodes.response_len();
        // The token at p is judged by the state before it, so what is wanted starts one early.
        let wanted = layout.sources(episodes.context_len - 1, len);
        let labels = layout
            .ids
            .narrow(1, episodes.context_len, len)
            .reshape([-1]);
        let bottom = episodes.bottom.as_ref();
        let trunk = self.trunk.pass(bottom, &layout, Some(&wanted), learn);
        let hidden = self.model().finish(&trunk.x);
        let values = hidden
            .to_kind(self.value.0.kind())
            .linear(&self.value.0, Some(&self.value.1))
            .squeeze_dim(2);
        let hidden = hidden.reshape([-1, self.config().hidden]);
        let scores = self.head(temperature).forward(&hidden, &labels);
        Pass {
            hidden,
            labels,
            values,
            scores,
            trunk,
        }
    }
}

fn math(t: &Tensor) -> Kind {
    head::math_kind(t.kind())
}

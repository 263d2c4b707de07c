//! Proximal policy optimisation: targets of a minibatch, then the clipped loss of its micro-batches.
//!
//! policy: `mean(max(-A ratio, -A clip(ratio, 1-c, 1+c)))`; value: `mean(max((v-R)^2, (vclip-R)^2)) / 2`;
//! no entropy bonus. Each loss is a sum over the micro-batch divided by the whole minibatch's token
//! count, so that the gradients of micro-batches add up to the minibatch's. Does not know models.

use tch::{Kind, Tensor};

use super::{gae, whiten};

/// How rewards become targets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimation {
    /// Discount per token.
    pub gamma: f64,
    /// Decay of the advantage estimate.
    pub lambda: f64,
    /// Whether rewards get variance 1 (their mean stays) before anything else.
    pub whiten_rewards: bool,
    /// In how many equal groups of rows whitening happens; 8 is what 8 ranks would do.
    pub groups: i64,
}

/// What a minibatch is trained towards. Without gradients.
#[derive(Debug)]
pub struct Targets {
    /// Whitened advantages, `[batch, response_len]`.
    pub advantages: Tensor,
    /// Un-whitened advantages plus rollout values, `[batch, response_len]`.
    pub returns: Tensor,
}

/// Targets of one whole minibatch.
///
/// `rewards`, `values` (of the rollout): `[batch, response_len]`.
pub fn prepare(rewards: &Tensor, values: &Tensor, estimation: &Estimation) -> Targets {
    tch::no_grad(|| {
        let rewards = if estimation.whiten_rewards {
            whiten::whiten_groups(rewards, estimation.groups, true)
        } else {
            rewards.shallow_clone()
        };
        let advantages = gae::advantages(&rewards, values, estimation.gamma, estimation.lambda);
        let returns = &advantages + values;
        Targets {
            advantages: whiten::whiten_groups(&advantages, estimation.groups, false),
            returns,
        }
    })
}

/// One micro-batch. Every tensor is `[micro_batch, response_len]`.
#[derive(Debug, Clone, Copy)]
pub struct LossInput<'a> {
    /// Log-probabilities under the policy that is trained; with gradients.
    pub logprobs: &'a Tensor,
    /// Values under the policy that is trained; with gradients.
    pub vpred: &'a Tensor,
    /// Entropy of each token's distribution; only measured.
    pub entropy: &'a Tensor,
    /// Log-probabilities at rollout.
    pub old_logprobs: &'a Tensor,
    /// Values at rollout.
    pub old_values: &'a Tensor,
    /// From [`Targets`].
    pub advantages: &'a Tensor,
    /// From [`Targets`].
    pub returns: &'a Tensor,
}

/// What weighs and clips the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    /// Weight of the value loss.
    pub vf_coef: f64,
    /// How far the ratio may move from 1.
    pub cliprange: f64,
    /// How far a value may move from its rollout value.
    pub cliprange_value: f64,
}

/// Loss of one micro-batch; scalars.
#[derive(Debug)]
pub struct Loss {
    /// This micro-batch's part of the policy loss, `[]`.
    pub policy: Tensor,
    /// This micro-batch's part of the value loss, before its weight, `[]`.
    pub value: Tensor,
    /// What to call `backward` on, `[]`.
    pub total: Tensor,
    /// Sums to add over micro-batches.
    pub stats: Stats,
}

/// The clipped loss of one micro-batch of a minibatch of `total_tokens` tokens.
pub fn loss(input: &LossInput, coefficients: &Coefficients, total_tokens: i64) -> Loss {
    let shape = input.logprobs.size();
    for other in [
        input.vpred,
        input.entropy,
        input.old_logprobs,
        input.old_values,
        input.advantages,
        input.returns,
    ] {
        assert_eq!(
            other.size(),
            shape,
            "every tensor of a micro-batch has one shape"
        );
    }
    let clip = coefficients.cliprange;
    let log_ratio = input.logprobs - input.old_logprobs;
    let ratio = log_ratio.exp();
    let unclipped = -(input.advantages * &ratio);
    let clipped = -(input.advantages * ratio.clamp(1.0 - clip, 1.0 + clip));
    let policy_sum = unclipped.maximum(&clipped).sum(None::<Kind>);

    let clip = coefficients.cliprange_value;
    let vclip = (input.vpred - input.old_values).clamp(-clip, clip) + input.old_values;
    let error = (input.vpred - input.returns).square();
    let clipped_error = (vclip - input.returns).square();
    let value_sum: Tensor = error.maximum(&clipped_error).sum(None::<Kind>) * 0.5;

    let stats = Stats::measure([
        &policy_sum.detach(),
        &value_sum.detach(),
        &input.entropy.detach(),
        &(log_ratio.detach().square() * 0.5),
        &clipped.gt_tensor(&unclipped),
        input.returns,
        &input.returns.to_kind(Kind::Double).square(),
        &input.vpred.detach(),
        &error.detach(),
        &clipped_error.gt_tensor(&error),
        input.old_values,
        &input.old_values.to_kind(Kind::Double).square(),
    ]);
    let policy = policy_sum / total_tokens as f64;
    let value = value_sum / total_tokens as f64;
    let total = &policy + coefficients.vf_coef * &value;
    Loss {
        policy,
        value,
        total,
        stats,
    }
}

/// Sums over tokens, left on the device until [`Stats::finish`]; those of micro-batches add up.
#[derive(Debug)]
pub struct Stats {
    /// `[12]`, f64, in the order in which `loss` measures them.
    sums: Tensor,
}

impl Stats {
    fn measure(terms: [&Tensor; 12]) -> Stats {
        // f64 sums: the variances below are differences of squares.
        Stats {
            sums: Tensor::stack(&terms.map(|term| term.sum(Kind::Double)), 0),
        }
    }

    /// Adds another micro-batch of the same minibatch.
    pub fn add(&mut self, other: &Stats) {
        let _ = self.sums.g_add_(&other.sums);
    }

    /// The minibatch's statistics, in a fixed order, under the reference's names.
    ///
    /// Moments are those of the whole minibatch, however it was whitened.
    pub fn finish(
        &self,
        coefficients: &Coefficients,
        total_tokens: i64,
    ) -> Vec<(&'static str, f64)> {
        let mean = |idx: i64| self.sums.double_value(&[idx]) / total_tokens as f64;
        let variance =
            |first: i64, second: i64| (mean(second) - mean(first) * mean(first)).max(0.0);
        let returns_var = variance(5, 6);
        vec![
            ("ppo/loss/policy", mean(0)),
            ("ppo/loss/value", mean(1)),
            ("ppo/loss/total", mean(0) + coefficients.vf_coef * mean(1)),
            ("ppo/policy/entropy", mean(2)),
            ("ppo/policy/approxkl", mean(3)),
            ("ppo/policy/clipfrac", mean(4)),
            ("ppo/returns/mean", mean(5)),
            ("ppo/returns/var", returns_var),
            ("ppo/val/vpred", mean(7)),
            ("ppo/val/error", mean(8)),
            ("ppo/val/clipfrac", mean(9)),
            ("ppo/val/mean", mean(10)),
            ("ppo/val/var", variance(10, 11)),
            ("ppo/val/var_explained", var_explained(mean(8), returns_var)),
        ]
    }
}

/// `1 - error / variance`: over several minibatches, from the averages of both. 0 where returns do not
/// vary, as before the first step when every score is the same: there is nothing to explain.
pub fn var_explained(val_error: f64, returns_var: f64) -> f64 {
    if returns_var > 0.0 {
        1.0 - val_error / returns_var
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests;

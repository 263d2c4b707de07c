//! One PPO update: epochs of shuffled minibatches over a rollout, micro-batch by micro-batch.

use anyhow::{Result, bail};
use tch::{Device, Kind, Tensor};

use crate::metrics::Record;
use crate::model::episodes::Analysis;
use crate::model::policy::{Pass, Policy};
use crate::rl::adam::{Adam, Stepped};
use crate::rl::ppo::{self, Estimation, LossInput, Stats};
use crate::seed;
use crate::train::options::UpdateOptions;
use crate::train::rollout::Rollout;

/// How far the first minibatch's probability ratio may be from 1 before the run refuses to go on.
/// It is 0 in exact arithmetic, because no step was taken yet.
const LARGEST_RATIO_ERROR_F32: f64 = 1e-5;
/// The same when a part of the minibatch has another size than the parts that were analyzed, and its
/// products other last digits.
const LARGEST_RATIO_ERROR_UNEVEN: f64 = 1e-4;
const LARGEST_RATIO_ERROR_BF16: f64 = 0.2;

/// The optimizer of what `policy` trains, and the gradients that it will read.
pub fn optimizer(policy: &Policy, options: &UpdateOptions) -> Adam {
    policy.allocate_gradients();
    Adam::new(policy.trainable(), options.adam)
}

/// What the minibatches of an update have in common.
struct Learner<'a> {
    policy: &'a Policy,
    rollout: &'a Rollout,
    /// `[batch, response_len]`
    rewards: Tensor,
    options: &'a UpdateOptions,
}

/// Learns from a rollout and returns the update's statistics. `pass`: the policy's pass over the
/// rollout, when it was kept.
#[expect(clippy::too_many_arguments, reason = "what an update depends on")]
pub fn learn(
    policy: &Policy,
    rollout: &Rollout,
    mut pass: Option<Pass>,
    kl_coef: f64,
    lr: f64,
    options: &UpdateOptions,
    adam: &mut Adam,
    update: u64,
) -> Result<Record> {
    let learner = Learner {
        policy,
        rollout,
        rewards: rollout.rewards(kl_coef),
        options,
    };
    let mut minibatches = Vec::new();
    let mut first_ratio_error = 0.0;
    for epoch in 0..options.epochs {
        let stream = seed::derive(
            options.root_seed,
            "minibatches",
            update * options.epochs + epoch,
        );
        let rows = rollout.samples.len();
        // A rollout's order is as good as any: only epochs that repeat it need another.
        let parts = if epoch == 0 && options.minibatches == 1 {
            vec![(0..rows).collect()]
        } else {
            minibatches_of(
                rows,
                options.estimation.groups as usize,
                options.minibatches,
                stream,
            )
        };
        for part in &parts {
            let (stats, ratio_error) = learner.accumulate(part, pass.take());
            if minibatches.is_empty() {
                first_ratio_error = ratio_error;
                let even = part.len().is_multiple_of(options.micro_batch);
                check_ratio(ratio_error, policy.kind(), even, update)?;
            }
            let Stepped { norm, finite } = adam.step(lr);
            if !norm.is_finite() || stats.iter().any(|(_, value)| !value.is_finite()) {
                bail!(
                    "update {update}, epoch {epoch}: the loss or its gradient is not finite (gradient \
                     norm {norm})"
                );
            }
            if !finite {
                bail!(
                    "update {update}, epoch {epoch}: after a step of learning rate {lr} the weights are \
                     not finite"
                );
            }
            minibatches.push(stats);
        }
    }
    let mut record = average(&minibatches);
    record.set("ppo/first_ratio_error", first_ratio_error);
    Ok(record)
}

/// Means over minibatches; the explained variance is that of the means.
fn average(minibatches: &[Vec<(&'static str, f64)>]) -> Record {
    let mut record = Record::default();
    for (idx, (name, _)) in minibatches[0].iter().enumerate() {
        let sum: f64 = minibatches.iter().map(|stats| stats[idx].1).sum();
        record.set(*name, sum / minibatches.len() as f64);
    }
    if let (Some(error), Some(variance)) =
        (record.get("ppo/val/error"), record.get("ppo/returns/var"))
    {
        record.set("ppo/val/var_explained", ppo::var_explained(error, variance));
    }
    record
}

impl Learner<'_> {
    /// Adds up the gradient of one minibatch; returns its statistics and the largest distance of a
    /// probability ratio from 1.
    /// `pass`: the policy's pass over just these rows, if it was made already.
    fn accumulate(
        &self,
        part: &[usize],
        mut pass: Option<Pass>,
    ) -> (Vec<(&'static str, f64)>, f64) {
        let options = self.options;
        let device = self.rewards.device();
        let index = index_of(part, device);
        let rewards = self.rewards.index_select(0, &index);
        let old_values = self.rollout.values.index_select(0, &index);
        let old_logprobs = self.rollout.logprobs.index_select(0, &index);
        // A batch that lost rows to errors may not divide into groups; then it is one group.
        let groups = if part.len() as i64 % options.estimation.groups == 0 {
            options.estimation.groups
        } else {
            1
        };
        let targets = ppo::prepare(
            &rewards,
            &old_values,
            &Estimation {
                groups,
                ..options.estimation
            },
        );
        let tokens = rewards.numel() as i64;
        let mut sums: Option<Stats> = None;
        let mut ratio_error = 0.0f64;
        let mut start = 0;
        for micro in part.chunks(options.micro_batch) {
            let count = micro.len() as i64;
            let rows = |tensor: &Tensor| tensor.narrow(0, start, count);
            let mut loss = |analysis: &Analysis| {
                let input = LossInput {
                    logprobs: &analysis.logprobs,
                    vpred: &analysis.values,
                    entropy: &analysis.entropy,
                    old_logprobs: &rows(&old_logprobs),
                    old_values: &rows(&old_values),
                    advantages: &rows(&targets.advantages),
                    returns: &rows(&targets.returns),
                };
                let ratio = (analysis.logprobs.detach() - input.old_logprobs).exp();
                ratio_error = ratio_error.max((ratio - 1.0).abs().max().double_value(&[]));
                let loss = ppo::loss(&input, &options.coefficients, tokens);
                match &mut sums {
                    Some(sums) => sums.add(&loss.stats),
                    None => sums = Some(loss.stats),
                }
                loss.total
            };
            let temperature = options.temperature;
            let _ = match pass.take().filter(|_| micro.len() == part.len()) {
                Some(pass) => self.policy.accumulate_kept(pass, temperature, &mut loss),
                None => {
                    let episodes = self.rollout.episodes.index(&index_of(micro, device));
                    self.policy.accumulate(&episodes, temperature, &mut loss)
                }
            };
            start += count;
        }
        let stats = sums.expect("a minibatch has rows");
        (stats.finish(&options.coefficients, tokens), ratio_error)
    }
}

/// Refuses to go on when sampling and training disagree.
fn check_ratio(error: f64, kind: Kind, even: bool, update: u64) -> Result<()> {
    let bound = match (kind, even) {
        (Kind::BFloat16, _) => LARGEST_RATIO_ERROR_BF16,
        (_, true) => LARGEST_RATIO_ERROR_F32,
        (_, false) => LARGEST_RATIO_ERROR_UNEVEN,
    };
    if error <= bound {
        return Ok(());
    }
    bail!(
        "update {update}: before its first step the probability ratio is {error:.2e} from 1, more \
         than {bound:.0e}: what the model says while it trains is not what it said of the rollout"
    );
}

/// The rows of each minibatch of an epoch. A group of rows, a rank of the original, stays together:
/// it is permuted by itself, and each minibatch has its next part of every group.
fn minibatches_of(rows: usize, groups: usize, minibatches: usize, stream: u64) -> Vec<Vec<usize>> {
    // A batch that lost rows to errors is one group.
    let whole = rows.is_multiple_of(groups * minibatches);
    let groups = if whole { groups } else { 1 };
    let size = rows / groups;
    let mut parts = vec![Vec::new(); minibatches.min(size)];
    for group in 0..groups {
        let stream = match groups {
            1 => stream,
            _ => seed::derive(stream, "group", group as u64),
        };
        let order = seed::Stream::new(stream).permutation(size);
        for (part, picked) in parts.iter_mut().zip(split(&order, minibatches)) {
            part.extend(picked.iter().map(|row| group * size + row));
        }
    }
    parts
}

/// Parts whose sizes differ by at most one; rows that failed may leave a batch that does not divide.
fn split(order: &[usize], parts: usize) -> Vec<&[usize]> {
    let parts = parts.min(order.len());
    (0..parts)
        .map(|part| &order[part * order.len() / parts..(part + 1) * order.len() / parts])
        .collect()
}

fn index_of(rows: &[usize], device: Device) -> Tensor {
    let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
    Tensor::from_slice(&rows).to_device(device)
}

#[cfg(test)]
mod tests {
    use super::{minibatches_of, split};

    #[test]
    fn groups_stay_together_and_are_permuted_by_themselves() {
        let parts = minibatches_of(12, 3, 2, 5);
        assert_eq!(parts.len(), 2);
        for part in &parts {
            let groups: Vec<usize> = part.iter().map(|row| row / 4).collect();
            assert_eq!(groups, [0, 0, 1, 1, 2, 2]);
        }
        let mut all = parts.concat();
        assert_ne!(all, (0..12).collect::<Vec<_>>());
        all.sort_unstable();
        assert_eq!(all, (0..12).collect::<Vec<_>>());
        // A row was lost: one group.
        let mut all = minibatches_of(11, 3, 2, 5).concat();
        all.sort_unstable();
        assert_eq!(all, (0..11).collect::<Vec<_>>());
    }

    #[test]
    fn parts_cover_every_row_once() {
        let order: Vec<usize> = (0..10).collect();
        let parts = split(&order, 4);
        assert_eq!(parts.concat(), order);
        assert!(parts.iter().all(|part| (2..=3).contains(&part.len())));
    }
}

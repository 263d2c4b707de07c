//! What a batch of responses is like: how its scores are spread, how long the responses are and how much they repeat,
//! and whether they were drawn from the policy as the trainer knows it.

use std::collections::HashSet;

use tch::Kind;

use crate::metrics::Record;
use crate::role::Sample;
use crate::train::rollout::Rollout;
use crate::train::score::Scorers;

/// Tokens of a run that may be repeated.
const RUN: usize = 3;
/// Tokens from which on two equal responses are no chance.
const LEAST: usize = 4;

/// Adds what alarms look at.
pub(super) fn describe(rollout: &Rollout, scorers: &Scorers, record: &mut Record) {
    let finished = &rollout.scores.finished;
    let lengths = finished.iter().map(|sample| sample.tokens.len());
    let length = lengths.sum::<usize>() as f64 / finished.len() as f64;
    record.set("objective/score_std", deviation(&worth(rollout)));
    record.set("objective/score_mode", mode(&judged(rollout, scorers)));
    record.set("response/length", length);
    record.set("response/repeated", repeated(finished));
    record.set("response/duplicates", duplicates(finished));
    mismatch(rollout, record);
}

/// How far the sampler's log-probabilities are from the trainer's, on the tokens that were sampled. Both are those of
/// the softmax of all logits at the sampling's temperature, whatever `top_k` and `top_p` ruled out.
///
/// `sampling/mismatch_kl` is the mean over tokens of `log p_sampler - log p_trainer`, the estimator k1 of
/// KL(sampler, trainer) in J. Schulman, "Approximating KL Divergence" (2020), which is unbiased where tokens are drawn
/// from the whole softmax; `sampling/mismatch_max` is the largest absolute difference.
fn mismatch(rollout: &Rollout, record: &mut Record) {
    let Some(sampled) = &rollout.episodes.sampled else {
        return;
    };
    let difference = sampled.to_kind(Kind::Double) - rollout.logprobs.to_kind(Kind::Double);
    let mean = difference.mean(Kind::Double).double_value(&[]);
    record.set("sampling/mismatch_kl", mean);
    let largest = difference.abs().max().double_value(&[]);
    record.set("sampling/mismatch_max", largest);
}

/// What each row that may be learned from is worth: its score, and its rewards for single tokens.
fn worth(rollout: &Rollout) -> Vec<f64> {
    let scores = &rollout.scores;
    let rows = (0..scores.totals.len()).filter(|&row| scores.keep[row]);
    let of = |row: usize| {
        let tokens = scores.per_token[row]
            .iter()
            .map(|&reward| f64::from(reward));
        f64::from(scores.totals[row]) + tokens.sum::<f64>()
    };
    rows.map(of).collect()
}

/// What the sources say of each row together, before penalties and shapers; the whole score where there is no source.
fn judged(rollout: &Rollout, scorers: &Scorers) -> Vec<f64> {
    let (scores, sources) = (&rollout.scores, &scorers.sources);
    if sources.iter().all(|(_, linear)| linear.weight == 0.0) {
        return worth(rollout);
    }
    let of = |row: usize| {
        let parts = scores.parts.iter().zip(sources);
        let values = parts.filter_map(|((_, values), (_, linear))| {
            Some((f64::from(values[row]?) + linear.offset) * linear.weight)
        });
        values.sum::<f64>()
    };
    (0..scores.totals.len()).map(of).collect()
}

/// The standard deviation.
fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (squares.sum::<f64>() / count).sqrt()
}

/// The share of the most frequent value.
fn mode(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let most = sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).max();
    most.unwrap_or(0) as f64 / values.len() as f64
}

/// Of all runs of [`RUN`] tokens, the share that stands in the same response before; 0 where there are none.
fn repeated(finished: &[Sample]) -> f64 {
    let (mut all, mut again) = (0usize, 0usize);
    for sample in finished {
        let mut seen = HashSet::new();
        for run in sample.tokens.windows(RUN) {
            all += 1;
            again += usize::from(!seen.insert(run));
        }
    }
    again as f64 / all.max(1) as f64
}

/// Of all responses of at least [`LEAST`] tokens, the share that has the tokens of one before it; 0 where there are
/// none.
fn duplicates(finished: &[Sample]) -> f64 {
    let mut seen = HashSet::new();
    let long = finished
        .iter()
        .filter(|sample| sample.tokens.len() >= LEAST);
    let again: Vec<bool> = long.map(|sample| !seen.insert(&sample.tokens)).collect();
    let count = again.iter().filter(|&&again| again).count();
    count as f64 / again.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::{deviation, duplicates, mode, repeated};
    use crate::role::Sample;

    fn samples(tokens: &[&[u32]]) -> Vec<Sample> {
        let sample = |tokens: &&[u32]| Sample {
            tokens: tokens.to_vec(),
            ..Sample::default()
        };
        tokens.iter().map(sample).collect()
    }

    #[test]
    fn repetition_is_within_a_response_and_duplicates_are_among_them() {
        let batch = samples(&[
            &[1, 2, 3, 1, 2, 3, 1],
            &[1, 2, 3, 4],
            &[1, 2, 3, 4],
            &[7],
            &[7],
        ]);
        // Five runs, of which two come again, and two runs each of the others.
        assert_eq!(repeated(&batch), 2.0 / 9.0);
        assert_eq!(duplicates(&batch), 1.0 / 3.0);
        let short = samples(&[&[1, 2], &[1, 2], &[]]);
        assert_eq!((repeated(&short), duplicates(&short)), (0.0, 0.0));
    }

    #[test]
    fn scores_are_spread_or_all_the_same() {
        assert_eq!(deviation(&[1.0, 3.0]), 1.0);
        assert_eq!(deviation(&[f64::from(0.1f32); 7]), 0.0);
        assert_eq!(mode(&[0.0, -0.0, 2.0, 1.0]), 0.5);
        assert_eq!(mode(&[3.0; 4]), 1.0);
    }
}

//! The reward model's losses, and the gain and bias that fix its scale.
//!
//! A choice of the best: `loss = -log softmax(r_0 .. r_{N-1})[best]`, and what follows from it for
//! ties and rankings. Does not know who chose.

use tch::{Kind, Tensor};

/// What was said of the responses to one query.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Groups of responses from best to worst, each response in one; those of a group are as good as
    /// each other, and of the last group nothing is known but that the others are better.
    Order(Vec<Vec<usize>>),
    /// The first of two responses is worth so much less than the second.
    Difference(f64),
    /// The one response is worth so much.
    Rating(f64),
}

impl Answer {
    /// One response of `count` is the best.
    #[must_use]
    pub fn best(place: usize, count: usize) -> Answer {
        let rest = (0..count).filter(|&other| other != place).collect();
        Answer::Order(vec![vec![place], rest])
    }

    /// Every pair of a better and a worse response.
    #[must_use]
    pub fn pairs(&self) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        match self {
            Answer::Order(groups) => {
                for (at, better) in groups.iter().enumerate() {
                    let worse = groups[at + 1..].concat();
                    let all = better.iter().flat_map(|a| worse.iter().map(|b| (*a, *b)));
                    pairs.extend(all);
                }
            }
            Answer::Difference(value) if *value > 0.0 => pairs.push((1, 0)),
            Answer::Difference(value) if *value < 0.0 => pairs.push((0, 1)),
            Answer::Difference(_) | Answer::Rating(_) => {}
        }
        pairs
    }
}

/// How an order is turned into a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The best against all others at once, then the next against the rest.
    Softmax,
    /// Each pair by itself, averaged over pairs: `-log sigmoid(r_better - r_worse)`.
    Pairwise,
}

/// Loss of one answer. Its mean over answers is the reference's loss; `ln N` is a constant model's.
///
/// `rewards`: `[n]`; the result: `[]`.
pub fn loss(rewards: &Tensor, answer: &Answer, form: Form) -> Tensor {
    match (answer, form) {
        (Answer::Order(groups), Form::Softmax) => in_turn(rewards, groups),
        (Answer::Order(groups), Form::Pairwise) => by_pairs(rewards, answer, groups),
        (Answer::Difference(value), _) => (rewards.get(0) - rewards.get(1) + *value).square(),
        (Answer::Rating(value), _) => (rewards.get(0) - *value).square(),
    }
}

/// Each group but the last against what is left; ties share the probability.
fn in_turn(rewards: &Tensor, groups: &[Vec<usize>]) -> Tensor {
    let mut sum = Tensor::zeros([], (rewards.kind(), rewards.device()));
    for (at, group) in ranked(groups).iter().enumerate() {
        let left = groups[at..].concat();
        let normalizer = pick(rewards, &left).logsumexp(0i64, false);
        sum = sum + normalizer - pick(rewards, group).mean(None);
    }
    sum
}

/// All groups but the last, within which nothing is known.
fn ranked(groups: &[Vec<usize>]) -> &[Vec<usize>] {
    groups.split_last().map_or(&[], |(_, ranked)| ranked)
}

fn by_pairs(rewards: &Tensor, answer: &Answer, groups: &[Vec<usize>]) -> Tensor {
    let mut pairs = answer.pairs();
    // Of two that are as good as each other, each wins half the time.
    for group in ranked(groups) {
        for &a in group {
            pairs.extend(group.iter().filter(|&&b| a != b).map(|&b| (a, b)));
        }
    }
    let (better, worse): (Vec<usize>, Vec<usize>) = pairs.into_iter().unzip();
    let margin = pick(rewards, &better) - pick(rewards, &worse);
    -margin.log_sigmoid().mean(None)
}

fn pick(rewards: &Tensor, places: &[usize]) -> Tensor {
    let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
    let places = Tensor::from_slice(&places).to_device(rewards.device());
    rewards.index_select(0, &places)
}

/// `gain * x + bias`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// What a raw reward is multiplied with.
    pub gain: f64,
    /// What is added then.
    pub bias: f64,
}

/// The mean and population deviation that rewards should have before training: 0 and 1 when
/// anything was compared; those of the labels' own scale when all of them are numbers.
#[must_use]
pub fn scale_of(answers: &[Answer]) -> (f64, f64) {
    let value = |answer: &Answer| match answer {
        Answer::Order(_) => None,
        // Half of what lies between two is how far one of them lies from their mean.
        Answer::Difference(value) => Some(value / 2.0),
        Answer::Rating(value) => Some(*value),
    };
    let values: Option<Vec<f64>> = answers.iter().map(value).collect();
    let Some(values) = values.filter(|values| !values.is_empty()) else {
        return (0.0, 1.0);
    };
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
    // Labels that are all the same have no scale.
    (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
}

/// The gain and bias that give `rewards` the target mean and population deviation.
///
/// `None` where the rewards do not spread or are not finite: no gain could help then.
/// `rewards`: `[samples]`, computed with gain 1 and bias 0.
pub fn normalization(rewards: &Tensor, target_mean: f64, target_std: f64) -> Option<Affine> {
    let rewards = rewards.to_kind(Kind::Double);
    let mean = rewards.mean(Kind::Double).double_value(&[]);
    let std = rewards.var(false).sqrt().double_value(&[]);
    if !(mean.is_finite() && std.is_finite() && std > 0.0) {
        return None;
    }
    let gain = target_std / std;
    Some(Affine {
        gain,
        bias: target_mean - gain * mean,
    })
}

#[cfg(test)]
mod tests;

//! What a judge of responses, a reward model above all, is worth on labels that it never saw.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::{Example, scores};
use crate::eval::share::Share;
use crate::model::reward::{Passages, RewardModel};
use crate::rl::preference::{self, Answer, Form};

/// Parts of the reliability table, the margin table and the histogram.
const BINS: usize = 10;

/// Choices of about the same confidence or margin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Mean confidence, or mean margin.
    pub mean: f64,
    /// How often the choice was right.
    pub accuracy: f64,
    /// How many there are.
    pub count: usize,
}

/// How rewards go with ratings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Ratings {
    /// How many ratings there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their population variance: the loss of whoever gives each response the mean.
    pub variance: f64,
    /// Pearson's r between reward and rating; absent where one of them is always the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<f64>,
}

/// A judge's record. What there was nothing to measure by is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How many labels were looked at.
    pub labels: usize,
    /// Mean loss. Of ratings and differences, it is taken on their own scale, where the model has learned it.
    pub loss: f64,
    /// How often the highest reward is of a response that the label calls best.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Share>,
    /// How often the better of two responses has the higher reward, over all pairs that labels order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairwise: Option<Share>,
    /// What became of ratings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratings: Option<Ratings>,
    /// By the model's probability of its choice, in tenths: what it promises and what it keeps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<Bin>,
    /// Mean distance between the two, weighted by counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_calibration_error: Option<f64>,
    /// By the margin between first and second reward, in ten parts of equal size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub margins: Vec<Bin>,
    /// Lowest and highest reward.
    pub range: (f64, f64),
    /// How many rewards lie in each tenth of that range.
    pub histogram: Vec<usize>,
}

/// One choice: probability and margin of the model's first, and whether it is right.
struct Choice {
    confidence: f64,
    margin: f64,
    right: f64,
}

impl Report {
    /// The record of a model.
    pub fn of(
        model: &RewardModel,
        examples: &[Example],
        form: Form,
        micro_tokens: usize,
    ) -> Report {
        let rows: Vec<Passages> = examples.iter().map(|e| e.passages.clone()).collect();
        let by_head = scores(model, &rows, micro_tokens);
        let rows = |all: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
            let rows = all.into_iter().zip(examples);
            rows.map(|(rewards, e)| leveled(rewards, &e.passages.responses))
                .collect()
        };
        let rewards = rows(means(&by_head, &vec![(1.0, 0.0); model.heads()]));
        let learned = rows(means(&by_head, &model.to_learned_scale()));
        let answers: Vec<&Answer> = examples.iter().map(|e| &e.answer).collect();
        Report::of_both(&rewards, &learned, &answers, form)
    }

    /// The record of whoever gave `rewards`, `[label][response]`. Equal rewards share what is theirs.
    pub fn of_rewards(rewards: &[Vec<f64>], answers: &[&Answer], form: Form) -> Report {
        Report::of_both(rewards, rewards, answers, form)
    }

    /// `learned`: the rewards on the scale of the labels that were learned from, which numbers are compared with.
    fn of_both(
        rewards: &[Vec<f64>],
        learned: &[Vec<f64>],
        answers: &[&Answer],
        form: Form,
    ) -> Report {
        if answers.is_empty() {
            return Report::default();
        }
        let mut choices = Vec::new();
        let mut rated = Vec::new();
        let (mut loss, mut pairs, mut ordered) = (0.0, 0usize, 0.0);
        for ((rewards, learned), answer) in rewards.iter().zip(learned).zip(answers) {
            let compared = match answer {
                Answer::Order(_) => rewards,
                Answer::Difference(_) | Answer::Rating(_) => learned,
            };
            if let Answer::Rating(rating) = answer {
                rated.push((rewards[0], *rating));
            }
            loss += preference::loss(&Tensor::from_slice(compared), answer, form).double_value(&[]);
            for (better, worse) in answer.pairs() {
                pairs += 1;
                ordered += match rewards[better].partial_cmp(&rewards[worse]) {
                    Some(std::cmp::Ordering::Greater) => 1.0,
                    Some(std::cmp::Ordering::Equal) => 0.5,
                    _ => 0.0,
                };
            }
            choices.extend(choice(rewards, answer));
        }
        let hits = choices.iter().map(|choice| choice.right).sum();
        let share = |hits: f64, count: usize| (count > 0).then(|| Share::of(hits, count));
        let reliability = by_confidence(&choices);
        let (range, histogram) = histogram(rewards);
        Report {
            labels: answers.len(),
            loss: loss / answers.len() as f64,
            accuracy: share(hits, choices.len()),
            pairwise: share(ordered, pairs),
            ratings: ratings(&rated),
            expected_calibration_error: (!choices.is_empty())
                .then(|| promised_in_vain(&reliability) / choices.len() as f64),
            reliability,
            margins: by_margin(choices),
            range,
            histogram,
        }
    }
}

/// The mean over heads of `factor r + constant`, of each response.
fn means(by_head: &[Vec<Vec<f64>>], maps: &[(f64, f64)]) -> Vec<Vec<f64>> {
    let one = |heads: &Vec<f64>| {
        let mapped = heads
            .iter()
            .zip(maps)
            .map(|(r, (factor, constant))| factor * r + constant);
        mapped.sum::<f64>() / heads.len() as f64
    };
    by_head
        .iter()
        .map(|row| row.iter().map(one).collect())
        .collect()
}

/// What pairs of reward and rating say.
fn ratings(pairs: &[(f64, f64)]) -> Option<Ratings> {
    let count = pairs.len();
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count as f64;
    let (reward, rating) = (mean(&|pair| pair.0), mean(&|pair| pair.1));
    let covariance = mean(&|pair| (pair.0 - reward) * (pair.1 - rating));
    let spread = mean(&|pair| (pair.0 - reward).powi(2));
    let variance = mean(&|pair| (pair.1 - rating).powi(2));
    (count > 0).then(|| Ratings {
        count,
        mean: rating,
        variance,
        correlation: (spread > 0.0 && variance > 0.0)
            .then(|| covariance / (spread.sqrt() * variance.sqrt())),
    })
}

/// How far promises are from what is kept, summed over choices.
fn promised_in_vain(bins: &[Bin]) -> f64 {
    let one = |bin: &Bin| bin.count as f64 * (bin.mean - bin.accuracy).abs();
    bins.iter().map(one).sum()
}

/// Whether the response with the highest reward is among the best, when the answer says which are; where several
/// have it, the share of them that are. Training and the report count alike.
pub(super) fn right(rewards: &[f64], answer: &Answer) -> Option<f64> {
    let best = match answer {
        Answer::Order(groups) if !answer.pairs().is_empty() => &groups[0],
        _ => return None,
    };
    let most = rewards.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let first: Vec<usize> = (0..rewards.len())
        .filter(|&at| rewards[at] == most)
        .collect();
    let hits = first.iter().filter(|at| best.contains(at)).count();
    Some(hits as f64 / first.len().max(1) as f64)
}

/// Rewards of responses of which the same ones have the same: in a batch they differ in their last bits.
pub(super) fn leveled(mut rewards: Vec<f64>, responses: &[Vec<u32>]) -> Vec<f64> {
    for at in 0..rewards.len() {
        if let Some(first) = responses[..at]
            .iter()
            .position(|other| *other == responses[at])
        {
            rewards[at] = rewards[first];
        }
    }
    rewards
}

fn choice(rewards: &[f64], answer: &Answer) -> Option<Choice> {
    let right = right(rewards, answer)?;
    let mut sorted = rewards.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let most = sorted[0];
    let total: f64 = rewards.iter().map(|r| (r - most).exp()).sum();
    Some(Choice {
        confidence: 1.0 / total,
        margin: most - sorted[1],
        right,
    })
}

fn by_confidence(choices: &[Choice]) -> Vec<Bin> {
    let bins = if choices.is_empty() { 0 } else { BINS };
    (0..bins)
        .map(|bin| {
            let part = choices
                .iter()
                .filter(|choice| ((choice.confidence * BINS as f64) as usize).min(BINS - 1) == bin);
            gather(part.map(|choice| (choice.confidence, choice.right)))
        })
        .collect()
}

fn by_margin(mut choices: Vec<Choice>) -> Vec<Bin> {
    choices.sort_by(|a, b| a.margin.total_cmp(&b.margin));
    let cut = |bin: usize| bin * choices.len() / BINS;
    let bins = if choices.is_empty() { 0 } else { BINS };
    (0..bins)
        .map(|bin| {
            let part = &choices[cut(bin)..cut(bin + 1)];
            gather(part.iter().map(|choice| (choice.margin, choice.right)))
        })
        .collect()
}

fn gather(values: impl Iterator<Item = (f64, f64)>) -> Bin {
    let mut bin = Bin::default();
    for (value, right) in values {
        bin.mean += value;
        bin.accuracy += right;
        bin.count += 1;
    }
    if bin.count > 0 {
        bin.mean /= bin.count as f64;
        bin.accuracy /= bin.count as f64;
    }
    bin
}

fn histogram(rewards: &[Vec<f64>]) -> ((f64, f64), Vec<usize>) {
    let all = || rewards.iter().flatten().copied();
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), r| {
        (low.min(r), high.max(r))
    });
    let mut counts = vec![0; BINS];
    for reward in all() {
        let share = (reward - low) / (high - low).max(f64::MIN_POSITIVE);
        counts[((share * BINS as f64) as usize).min(BINS - 1)] += 1;
    }
    ((low, high), counts)
}

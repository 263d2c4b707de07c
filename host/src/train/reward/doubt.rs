//! How much the heads of reward models disagree about which response is the best.

use tch::{Kind, Tensor};

use super::scores;
use crate::model::reward::{Passages, RewardModel};
use crate::role::{Query, Sample};

/// Tokens that go through a model at a time.
const MICRO_TOKENS: usize = 2048;

/// What knowing the right head would tell of each choice, in nats: the entropy of the heads' mean
/// opinion, less the mean entropy of their opinions. 0 where all agree, or where there is one head.
pub fn doubt<'a>(
    models: Vec<&RewardModel>,
    comparisons: impl Iterator<Item = (&'a Query, &'a [Sample])>,
) -> Vec<f64> {
    let rows: Vec<Passages> = comparisons
        .map(|(query, samples)| Passages {
            query: query.tokens.clone(),
            responses: samples.iter().map(|sample| sample.tokens.clone()).collect(),
        })
        .collect();
    let mut heads: Vec<Vec<Vec<f64>>> = rows
        .iter()
        .map(|row| vec![Vec::new(); row.responses.len()])
        .collect();
    for model in models {
        for (all, own) in heads.iter_mut().zip(scores(model, &rows, MICRO_TOKENS)) {
            for (all, own) in all.iter_mut().zip(own) {
                all.extend(own);
            }
        }
    }
    heads.iter().map(|rewards| information(rewards)).collect()
}

/// `rewards`: `[response][head]`.
fn information(rewards: &[Vec<f64>]) -> f64 {
    let (responses, heads) = (rewards.len() as i64, rewards[0].len() as i64);
    let opinions = Tensor::from_slice(&rewards.concat())
        .view([responses, heads])
        .softmax(0, Kind::Double);
    let entropy =
        |p: &Tensor| -(p * p.clamp_min(1e-300).log()).sum_dim_intlist(0i64, false, Kind::Double);
    let mean = opinions.mean_dim(1i64, false, Kind::Double);
    (entropy(&mean) - entropy(&opinions).mean(Kind::Double)).double_value(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disagreement_is_what_is_doubted() {
        let agreed = information(&[vec![2.0, 2.0], vec![0.0, 0.0]]);
        let unsure = information(&[vec![0.0, 0.0], vec![0.0, 0.0]]);
        let split = information(&[vec![9.0, 0.0], vec![0.0, 9.0]]);
        assert!(agreed.abs() < 1e-12 && unsure.abs() < 1e-12);
        assert!(split > 0.6 && split <= 2f64.ln(), "{split}");
    }
}

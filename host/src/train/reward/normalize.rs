//! Fixes the scale of a reward model, so that a KL coefficient always means the same.

use anyhow::{Result, bail};
use tch::Tensor;

use super::scores;
use crate::model::reward::{Passages, RewardModel};
use crate::rl::preference::normalization;

/// Sets gain and bias of each head so that its rewards of `samples`, each with one response, have
/// the given mean and population deviation.
pub fn normalize(
    model: &RewardModel,
    samples: &[Passages],
    (mean, std): (f64, f64),
    micro_tokens: usize,
) -> Result<()> {
    model.set_scale(&vec![(1.0, 0.0); model.heads()]);
    let rewards = scores(model, samples, micro_tokens);
    let mut scale = Vec::new();
    for head in 0..model.heads() {
        let own: Vec<f64> = rewards.iter().map(|row| row[0][head]).collect();
        let Some(affine) = normalization(&Tensor::from_slice(&own), mean, std) else {
            bail!(
                "the rewards of {} responses of the reference do not spread, so no scale can be fixed\n\
                 hint: raise reward.normalize_samples, or set it to 0",
                samples.len()
            );
        };
        scale.push((affine.gain, affine.bias));
    }
    model.set_scale(&scale);
    Ok(())
}

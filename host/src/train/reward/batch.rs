//! What a batch is made of, and how often the model agrees with it.

use tch::{Kind, Tensor};

use super::Example;
use super::report::{leveled, right};

/// A Poisson draw of mean 1 from a uniform one.
pub(super) fn poisson(uniform: f64) -> f64 {
    let (mut count, mut term, mut mass) = (0.0, (-1f64).exp(), (-1f64).exp());
    while uniform >= mass && count < 20.0 {
        count += 1.0;
        term /= count;
        mass += term;
    }
    count
}

/// How right the choice by mean rewards over heads is, as [`super::report::right`] has it. `rewards`: `[n, heads]`.
pub(super) fn agreement(rewards: &Tensor, example: &Example) -> Option<f64> {
    let mean = rewards.detach().mean_dim(1i64, false, Kind::Double);
    let rewards = Vec::<f64>::try_from(mean.to_device(tch::Device::Cpu)).ok()?;
    right(
        &leveled(rewards, &example.passages.responses),
        &example.answer,
    )
}

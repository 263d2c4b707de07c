//! The reward model's loss on a choice among N, and the gain and bias that fix its scale.
//!
//! `loss = -log softmax(r_0 .. r_{N-1})[best]`. Does not know who chose.

use tch::{Kind, Tensor};

/// Loss of each choice. Its mean over rows is the reference's loss; `ln N` is a constant model's.
///
/// `rewards`: `[rows, n]`; `best`: `[rows]`, 64-bit integers; the result: `[rows]`.
pub fn best_of_n(rewards: &Tensor, best: &Tensor) -> Tensor {
    let chosen = rewards.gather(1, &best.unsqueeze(1), false).squeeze_dim(1);
    rewards.logsumexp(1i64, false) - chosen
}

/// Which choices the model agrees with, 1 or 0 each.
///
/// `rewards`: `[rows, n]`; `best`: `[rows]`, 64-bit integers; the result: `[rows]`, f64.
pub fn agreement(rewards: &Tensor, best: &Tensor) -> Tensor {
    rewards
        .argmax(1, false)
        .eq_tensor(best)
        .to_kind(Kind::Double)
}

/// `gain * x + bias`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// What a raw reward is multiplied with.
    pub gain: f64,
    /// What is added then.
    pub bias: f64,
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
mod tests {
    use super::*;

    #[test]
    fn golden_loss_and_gradient() {
        let logits = Tensor::from_slice(&[0., 1., 2., -1., 0.3, -0.2, 0.1, 0.4f64])
            .view([2, 4])
            .set_requires_grad(true);
        let best = Tensor::from_slice(&[2i64, 1]);
        let rows = best_of_n(&logits, &best);
        assert!((rows.double_value(&[0]) - 0.4401896986).abs() < 1e-9);
        assert!((rows.double_value(&[1]) - 1.7614203368).abs() < 1e-9);
        rows.mean(Kind::Double).backward();
        let want = [
            0.043572159,
            0.118441409,
            -0.17804287,
            0.016029302,
            0.141625714,
            -0.414099662,
            0.115953328,
            0.15652062,
        ];
        let got: Vec<f64> = Vec::try_from(logits.grad().reshape([-1])).unwrap();
        assert!(
            got.iter()
                .zip(want)
                .all(|(got, want)| (got - want).abs() < 1e-8)
        );
        assert_eq!(
            Vec::<f64>::try_from(agreement(&logits, &best)).unwrap(),
            [1.0, 0.0]
        );
    }

    #[test]
    fn constant_model_loses_ln_n() {
        let loss = best_of_n(
            &Tensor::zeros([3, 4], (Kind::Double, tch::Device::Cpu)),
            &Tensor::from_slice(&[0i64, 1, 3]),
        );
        assert!((loss.mean(Kind::Double).double_value(&[]) - 4f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn golden_normalization() {
        let rewards = Tensor::from_slice(&[0.5, -1.5, 2., 0.25, 3., -0.75f64]);
        let affine = normalization(&rewards, 0.0, 1.0).unwrap();
        assert!((affine.gain - 0.6527139518).abs() < 1e-9);
        assert!((affine.bias + 0.3807498053).abs() < 1e-9);
        assert_eq!(
            normalization(&Tensor::from_slice(&[1.0f64, 1.0]), 0.0, 1.0),
            None
        );
    }
}

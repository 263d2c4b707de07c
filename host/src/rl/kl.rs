//! The price of leaving the reference model: per-token KL rewards and the coefficient's controller.
//!
//! `r_t = -beta (log pi(y_t) - log rho(y_t))`, and the last token also earns the score. Does not
//! know where the score comes from.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// What the adaptive controller clips its relative error to.
const ERROR_CLIP: f64 = 0.2;

/// The KL part of the rewards: `-coefficient * (logprobs - ref_logprobs)`.
///
/// `logprobs`, `ref_logprobs` and the result: `[batch, response_len]`.
pub fn penalty(logprobs: &Tensor, ref_logprobs: &Tensor, coefficient: f64) -> Tensor {
    (logprobs - ref_logprobs) * -coefficient
}

/// Per-token rewards: the KL penalty, and the score on the last token.
///
/// `logprobs`, `ref_logprobs` and the result: `[batch, response_len]`; `scores`: `[batch]`.
pub fn rewards(
    logprobs: &Tensor,
    ref_logprobs: &Tensor,
    scores: &Tensor,
    coefficient: f64,
) -> Tensor {
    let rewards = penalty(logprobs, ref_logprobs, coefficient);
    let mut last = rewards.select(1, rewards.size()[1] - 1);
    // A view: adding to it in place changes the one column of `rewards`.
    let _ = last.g_add_(scores);
    rewards
}

/// KL of each whole response: the sum over its tokens.
///
/// `logprobs`, `ref_logprobs`: `[batch, response_len]`; the result: `[batch]`.
pub fn sequence_kl(logprobs: &Tensor, ref_logprobs: &Tensor) -> Tensor {
    (logprobs - ref_logprobs).sum_dim_intlist(1i64, false, None::<Kind>)
}

/// Who decides the KL coefficient. Serialised whole into checkpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum KlController {
    /// The coefficient never changes.
    Fixed {
        /// The coefficient.
        coefficient: f64,
    },
    /// The coefficient moves until the mean KL of a response is at `target`.
    Adaptive {
        /// The coefficient of the next update.
        coefficient: f64,
        /// The wished mean KL of a response, in nats.
        target: f64,
        /// Over how many episodes the coefficient may double or vanish, roughly.
        horizon: f64,
    },
}

impl KlController {
    /// The coefficient of the next update.
    pub fn coefficient(&self) -> f64 {
        match self {
            KlController::Fixed { coefficient } | KlController::Adaptive { coefficient, .. } => {
                *coefficient
            }
        }
    }

    /// Takes in the mean KL of a response over the `episodes` of one update.
    pub fn update(&mut self, mean_kl: f64, episodes: u64) {
        if let KlController::Adaptive {
            coefficient,
            target,
            horizon,
        } = self
        {
            let error = (mean_kl / *target - 1.0).clamp(-ERROR_CLIP, ERROR_CLIP);
            *coefficient *= 1.0 + error * episodes as f64 / *horizon;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden_rewards() {
        let pi =
            Tensor::from_slice(&[-1., -2., -0.5, -1.5, -0.7, -1.1, -2.3, -0.9f64]).view([2, 4]);
        let rho =
            Tensor::from_slice(&[-1.2, -1.7, -0.9, -1.4, -0.8, -1., -2., -1.6f64]).view([2, 4]);
        let scores = Tensor::from_slice(&[0.8, -1.0f64]);
        let want = [-0.03, 0.045, -0.06, 0.815, -0.015, 0.015, 0.045, -1.105];
        let got: Vec<f64> = Vec::try_from(rewards(&pi, &rho, &scores, 0.15).reshape([-1])).unwrap();
        assert!(
            got.iter()
                .zip(want)
                .all(|(got, want)| (got - want).abs() < 1e-12)
        );
        let kl: Vec<f64> = Vec::try_from(sequence_kl(&pi, &rho)).unwrap();
        assert!((kl[0] - 0.2).abs() < 1e-12 && (kl[1] - 0.4).abs() < 1e-12);
    }

    #[test]
    fn golden_controller() {
        let mut controller = KlController::Adaptive {
            coefficient: 0.15,
            target: 6.0,
            horizon: 10_000.0,
        };
        let steps = [
            (0.0, 0.148464),
            (3.0, 0.14694372864),
            (6.0, 0.14694372864),
            (6.6, 0.147696080531),
            (9.0, 0.149208488395),
            (30.0, 0.150736383316),
            (-1.0, 0.149192842751),
        ];
        for (kl, want) in steps {
            controller.update(kl, 512);
            assert!((controller.coefficient() - want).abs() < 1e-11);
            let stored = serde_json::to_string(&controller).unwrap();
            assert_eq!(
                serde_json::from_str::<KlController>(&stored).unwrap(),
                controller
            );
        }
    }

    proptest! {
        #[test]
        fn one_update_moves_the_coefficient_a_bounded_way(kl in -1e3..1e3f64, episodes in 1u64..10_000) {
            let mut adaptive = KlController::Adaptive { coefficient: 0.1, target: 6.0, horizon: 10_000.0 };
            adaptive.update(kl, episodes);
            let step = 0.2 * episodes as f64 / 10_000.0;
            let factor = adaptive.coefficient() / 0.1;
            prop_assert!(factor >= 1.0 - step - 1e-12 && factor <= 1.0 + step + 1e-12);
            let mut fixed = KlController::Fixed { coefficient: 0.1 };
            fixed.update(kl, episodes);
            prop_assert_eq!(fixed.coefficient(), 0.1);
        }
    }
}

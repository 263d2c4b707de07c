//! Adam, with epsilon where TensorFlow or where PyTorch puts it.
//!
//! TensorFlow: `theta -= lr sqrt(1-b2^t)/(1-b1^t) * m / (sqrt(v) + eps)`; PyTorch's epsilon acts after
//! bias correction, so it is `eps sqrt(1-b2^t)` in this form. No weight decay. Does not know
//! checkpoints: it hands out its state tensors by name.

use tch::{Kind, Tensor};

/// Where epsilon stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Epsilon {
    /// Beside the uncorrected root ("epsilon hat"), as the reference was trained.
    TensorFlow,
    /// Beside the bias-corrected root.
    PyTorch,
}

/// What a run chooses about Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamOptions {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Keeps the divisor from 0.
    pub epsilon: f64,
    /// Where epsilon stands.
    pub placement: Epsilon,
    /// Scale all gradients down to this common norm; off in the reference.
    pub max_grad_norm: Option<f64>,
}

impl Default for AdamOptions {
    fn default() -> Self {
        AdamOptions {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-5,
            placement: Epsilon::TensorFlow,
            max_grad_norm: None,
        }
    }
}

/// State that does not fit the parameters.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A tensor is not there.
    #[error(
        "optimizer state has no tensor `{0}`\nhint: was the checkpoint written by the same model?"
    )]
    Missing(String),
    /// A tensor is there in another shape.
    #[error(
        "optimizer state `{name}` has shape {got:?}, not {want:?}\nhint: was the checkpoint written by the same model?"
    )]
    Shape {
        /// Its name.
        name: String,
        /// Its shape.
        got: Vec<i64>,
        /// The parameter's shape.
        want: Vec<i64>,
    },
}

#[derive(Debug)]
struct Slot {
    name: String,
    /// The model's own tensor; any shape.
    parameter: Tensor,
    /// f32 copy that is stepped in place of a half-precision parameter; the parameter's shape.
    master: Option<Tensor>,
    /// First moment; the parameter's shape.
    m: Tensor,
    /// Second moment; the parameter's shape.
    v: Tensor,
}

/// The optimizer over a list of named parameters.
#[derive(Debug)]
pub struct Adam {
    options: AdamOptions,
    slots: Vec<Slot>,
    steps: u64,
}

impl Adam {
    /// Fresh moments for `parameters` (any shapes); the tensors share storage with the model's.
    pub fn new(parameters: Vec<(String, Tensor)>, options: AdamOptions) -> Adam {
        let slots = parameters.into_iter().map(|(name, parameter)| {
            let half = matches!(parameter.kind(), Kind::BFloat16 | Kind::Half);
            let master = half.then(|| parameter.detach().to_kind(Kind::Float));
            let stepped = master.as_ref().unwrap_or(&parameter).detach();
            Slot {
                name,
                m: stepped.zeros_like(),
                v: stepped.zeros_like(),
                parameter,
                master,
            }
        });
        Adam {
            options,
            slots: slots.collect(),
            steps: 0,
        }
    }

    /// How many steps have been made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Every state tensor as `NAME.m`, `NAME.v` and, for half precision, `NAME.master`.
    pub fn state(&self) -> Vec<(String, &Tensor)> {
        let named = self.slots.iter().flat_map(|slot| {
            [
                ("m", Some(&slot.m)),
                ("v", Some(&slot.v)),
                ("master", slot.master.as_ref()),
            ]
            .into_iter()
            .filter_map(|(part, tensor)| Some((format!("{}.{part}", slot.name), tensor?)))
        });
        named.collect()
    }

    /// Puts back what [`Adam::state`] and [`Adam::steps`] gave; nothing changes when it does not fit.
    pub fn restore(
        &mut self,
        steps: u64,
        lookup: impl Fn(&str) -> Option<Tensor>,
    ) -> Result<(), StateError> {
        let mut found = Vec::new();
        for (name, current) in self.state() {
            let Some(stored) = lookup(&name) else {
                return Err(StateError::Missing(name));
            };
            if stored.size() != current.size() {
                return Err(StateError::Shape {
                    name,
                    got: stored.size(),
                    want: current.size(),
                });
            }
            found.push((current.shallow_clone(), stored));
        }
        tch::no_grad(|| {
            found
                .iter_mut()
                .for_each(|(current, stored)| current.copy_(stored))
        });
        self.steps = steps;
        Ok(())
    }

    /// The common norm of all gradients.
    pub fn grad_norm(&self) -> f64 {
        let norms = self
            .slots
            .iter()
            .map(|slot| slot.parameter.grad())
            .filter(Tensor::defined)
            .map(|grad| {
                let norm = grad.to_kind(Kind::Float).norm().double_value(&[]);
                norm * norm
            });
        norms.sum::<f64>().sqrt()
    }

    /// One step at rate `lr`; parameters without a gradient stay. Follow it with `zero_grad`.
    pub fn step(&mut self, lr: f64) {
        tch::no_grad(|| self.step_in_place(lr));
    }

    fn step_in_place(&mut self, lr: f64) {
        let AdamOptions {
            beta1,
            beta2,
            epsilon,
            placement,
            max_grad_norm,
        } = self.options;
        let scale = max_grad_norm.map(|max| (max / (self.grad_norm() + 1e-6)).min(1.0));
        self.steps += 1;
        let correction2 = (1.0 - beta2.powf(self.steps as f64)).sqrt();
        let rate = lr * correction2 / (1.0 - beta1.powf(self.steps as f64));
        let epsilon = match placement {
            Epsilon::TensorFlow => epsilon,
            Epsilon::PyTorch => epsilon * correction2,
        };
        for slot in &mut self.slots {
            let mut grad = slot.parameter.grad();
            if !grad.defined() {
                continue;
            }
            if let Some(scale) = scale {
                let _ = grad.g_mul_scalar_(scale);
            }
            let grad = grad.to_kind(slot.m.kind());
            let mut scratch = grad.square();
            let _ = slot.m.lerp_(&grad, 1.0 - beta1);
            let _ = slot.v.lerp_(&scratch, 1.0 - beta2);
            if rate == 0.0 {
                continue;
            }
            scratch.copy_(&slot.v);
            let _ = scratch.sqrt_();
            let _ = scratch.g_add_scalar_(epsilon);
            // The rate goes into the divisor, which saves a second temporary.
            let _ = scratch.g_mul_scalar_(-1.0 / rate);
            match &mut slot.master {
                Some(master) => {
                    let _ = master.addcdiv_(&slot.m, &scratch);
                    slot.parameter.copy_(master);
                }
                None => {
                    let _ = slot.parameter.addcdiv_(&slot.m, &scratch);
                }
            }
        }
    }

    /// Sets every gradient to 0.
    pub fn zero_grad(&mut self) {
        for slot in &mut self.slots {
            slot.parameter.zero_grad();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adam(theta: &Tensor, options: AdamOptions) -> Adam {
        Adam::new(vec![("w".into(), theta.shallow_clone())], options)
    }

    fn push(theta: &Tensor, gradient: f64) {
        (theta * gradient).sum(theta.kind()).backward();
    }

    #[test]
    fn golden_both_placements() {
        let rows = [
            (
                [0.1, -0.2, 0.05, 0.3],
                [
                    0.999003152309,
                    0.999368738767,
                    0.999505240932,
                    0.999111471031,
                ],
                [
                    0.999000099990,
                    0.999366180368,
                    0.999502860698,
                    0.999108781675,
                ],
            ),
            (
                [1e-4, 2e-4, -1e-4, 3e-4],
                [
                    0.999759746927,
                    0.999359978863,
                    0.999176665059,
                    0.998809086755,
                ],
                [
                    0.999090909091,
                    0.998183131356,
                    0.997790785123,
                    0.997155742325,
                ],
            ),
            (
                [1e-6; 4],
                [
                    0.999996847691,
                    0.999992396574,
                    0.999986951894,
                    0.999980671770,
                ],
                [
                    0.999909090909,
                    0.999818181818,
                    0.999727272727,
                    0.999636363636,
                ],
            ),
        ];
        for (gradients, tensorflow, pytorch) in rows {
            for (placement, want) in [
                (Epsilon::TensorFlow, tensorflow),
                (Epsilon::PyTorch, pytorch),
            ] {
                let theta = Tensor::from_slice(&[1.0f64]).set_requires_grad(true);
                let mut adam = adam(
                    &theta,
                    AdamOptions {
                        placement,
                        ..Default::default()
                    },
                );
                for (gradient, want) in gradients.iter().zip(want) {
                    push(&theta, *gradient);
                    adam.step(1e-3);
                    adam.zero_grad();
                    assert!((theta.double_value(&[0]) - want).abs() < 1e-11);
                }
            }
        }
    }

    #[test]
    fn restored_state_takes_the_identical_next_step() {
        let theta = Tensor::from_slice(&[1.0f32, -2.0]).set_requires_grad(true);
        let mut first = adam(&theta, AdamOptions::default());
        push(&theta, 0.3);
        first.step(1e-2);
        first.zero_grad();
        let copy = theta.detach().copy().set_requires_grad(true);
        let mut second = adam(&copy, AdamOptions::default());
        let stored: Vec<_> = first
            .state()
            .into_iter()
            .map(|(name, x)| (name, x.copy()))
            .collect();
        let find = |name: &str| {
            stored
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, x)| x.shallow_clone())
        };
        second.restore(first.steps(), find).unwrap();
        for (theta, adam) in [(&theta, &mut first), (&copy, &mut second)] {
            push(theta, -0.7);
            adam.step(1e-2);
        }
        assert_eq!(theta.detach(), copy.detach());
        assert!(
            matches!(second.restore(1, |_| None), Err(StateError::Missing(name)) if name == "w.m")
        );
    }

    #[test]
    fn half_precision_keeps_steps_that_it_cannot_show() {
        let theta = Tensor::from_slice(&[1.0f32])
            .to_kind(Kind::BFloat16)
            .set_requires_grad(true);
        let mut adam = adam(&theta, AdamOptions::default());
        for _ in 0..20 {
            push(&theta, 1.0);
            adam.step(1e-3);
            adam.zero_grad();
        }
        assert!((theta.double_value(&[0]) - 0.98).abs() < 4e-3);
        assert_eq!(adam.state().len(), 3);
    }

    #[test]
    fn gradients_are_scaled_to_the_common_norm() {
        let theta = Tensor::from_slice(&[1.0f64, 1.0]).set_requires_grad(true);
        let mut adam = adam(
            &theta,
            AdamOptions {
                max_grad_norm: Some(0.5),
                ..Default::default()
            },
        );
        push(&theta, 3.0);
        adam.step(1e-3);
        assert!((adam.grad_norm() - 0.5).abs() < 1e-5);
    }
}

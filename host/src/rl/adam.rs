//! Adam, with epsilon where TensorFlow or where PyTorch puts it.
//!
//! TensorFlow: `theta -= lr sqrt(1-b2^t)/(1-b1^t) * m / (sqrt(v) + eps)`; PyTorch's epsilon acts after
//! bias correction, so it is `eps sqrt(1-b2^t)` in this form. No weight decay. Does not know
//! checkpoints: it hands out its state tensors by name.

use tch::{Kind, Tensor};

use self::fused::{Batch, Step};

mod fused;

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
        let mut fused = Batch::default();
        for slot in &mut self.slots {
            let mut grad = slot.parameter.grad();
            if !grad.defined() || fused.add(&slot.parameter, &grad, &slot.m, &slot.v) {
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
        fused.run(Step {
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            rate: rate as f32,
            epsilon: epsilon as f32,
            scale: scale.unwrap_or(1.0) as f32,
        });
    }

    /// Sets every gradient to 0.
    pub fn zero_grad(&mut self) {
        for slot in &mut self.slots {
            slot.parameter.zero_grad();
        }
    }
}

#[cfg(test)]
mod tests;

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

/// What a step was like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stepped {
    /// The common norm of the gradients, before they were scaled.
    pub norm: f64,
    /// Whether all parameters are finite numbers after it.
    pub finite: bool,
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

    /// One step at rate `lr`; parameters without a gradient stay. The gradients are 0 afterwards,
    /// ready for the next sum. When they were not finite, the parameters are not either any more.
    pub fn step(&mut self, lr: f64) -> Stepped {
        tch::no_grad(|| self.step_in_place(lr))
    }

    fn step_in_place(&mut self, lr: f64) -> Stepped {
        self.steps += 1;
        let norm = self.options.max_grad_norm.map(|_| self.grad_norm());
        let step = self.numbers(lr, norm);
        let mut fused = Batch::default();
        let (mut squares, mut finite) = (0.0, true);
        for slot in &mut self.slots {
            let mut gradient = slot.parameter.grad();
            if gradient.defined() && !fused.add(&slot.parameter, &gradient, &slot.m, &slot.v) {
                squares += square_sum(&gradient);
                slot.step(&gradient, step);
                let _ = gradient.zero_();
                finite &= slot.parameter.isfinite().all().int64_value(&[]) != 0;
            }
        }
        let fused = fused.run(step);
        Stepped {
            norm: norm.unwrap_or((squares + fused.squares).sqrt()),
            finite: finite && fused.zero == 0.0,
        }
    }

    /// The common norm of all gradients.
    fn grad_norm(&self) -> f64 {
        let gradients = self.slots.iter().map(|slot| slot.parameter.grad());
        let squares = gradients.filter(Tensor::defined).map(|g| square_sum(&g));
        squares.sum::<f64>().sqrt()
    }

    /// What the step that is counted already multiplies by.
    fn numbers(&self, lr: f64, norm: Option<f64>) -> Step {
        let AdamOptions {
            beta1,
            beta2,
            epsilon,
            placement,
            max_grad_norm,
        } = self.options;
        let correction2 = (1.0 - beta2.powf(self.steps as f64)).sqrt();
        let scale = max_grad_norm
            .zip(norm)
            .map_or(1.0, |(max, norm)| (max / (norm + 1e-6)).min(1.0));
        Step {
            beta1,
            beta2,
            rate: lr * correction2 / (1.0 - beta1.powf(self.steps as f64)),
            epsilon: match placement {
                Epsilon::TensorFlow => epsilon,
                Epsilon::PyTorch => epsilon * correction2,
            },
            scale,
        }
    }
}

impl Slot {
    /// As [`Batch::run`], by libtorch, on any device and for any kind of number.
    fn step(&mut self, gradient: &Tensor, step: Step) {
        let gradient = gradient.to_kind(self.m.kind()) * step.scale;
        let mut scratch = gradient.square();
        let _ = self.m.lerp_(&gradient, 1.0 - step.beta1);
        let _ = self.v.lerp_(&scratch, 1.0 - step.beta2);
        if step.rate == 0.0 {
            return;
        }
        scratch.copy_(&self.v);
        let _ = scratch.sqrt_();
        let _ = scratch.g_add_scalar_(step.epsilon);
        // The rate goes into the divisor, which saves a second temporary.
        let _ = scratch.g_mul_scalar_(-1.0 / step.rate);
        match &mut self.master {
            Some(master) => {
                let _ = master.addcdiv_(&self.m, &scratch);
                self.parameter.copy_(master);
            }
            None => {
                let _ = self.parameter.addcdiv_(&self.m, &scratch);
            }
        }
    }
}

fn square_sum(gradient: &Tensor) -> f64 {
    let norm = gradient.to_kind(Kind::Float).norm().double_value(&[]);
    norm * norm
}

#[cfg(test)]
mod tests;

//! One pass over gradient, moments and parameter where libtorch would make nine; f32 on the CPU.

use tch::{Device, Kind, Tensor};

use crate::cpu::lanes::{Lanes, dispatch};
use crate::cpu::team;

/// The numbers of one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) beta1: f32,
    pub(super) beta2: f32,
    /// Learning rate with both bias corrections.
    pub(super) rate: f32,
    pub(super) epsilon: f32,
    /// What gradients are multiplied by.
    pub(super) scale: f32,
}

/// A parameter, its gradient and its moments, of one length.
#[derive(Clone, Copy)]
struct Part {
    parameter: *mut f32,
    gradient: *const f32,
    m: *mut f32,
    v: *mut f32,
    len: usize,
}

/// What one pass steps; filled by [`Batch::add`].
#[derive(Default)]
pub(super) struct Batch(Vec<Part>);

// SAFETY: plain addresses; `run` gives each thread its own part of each.
unsafe impl Sync for Batch {}

impl Batch {
    /// Adds a parameter; false when the pass cannot step it, and nothing was added. The tensors are
    /// all of one shape and outlive the batch.
    pub(super) fn add(
        &mut self,
        parameter: &Tensor,
        gradient: &Tensor,
        m: &Tensor,
        v: &Tensor,
    ) -> bool {
        let all = [parameter, gradient, m, v];
        let plain = |tensor: &&Tensor| {
            tensor.device() == Device::Cpu && tensor.kind() == Kind::Float && tensor.is_contiguous()
        };
        if !all.iter().all(plain) {
            return false;
        }
        self.0.push(Part {
            parameter: parameter.data_ptr().cast(),
            gradient: gradient.data_ptr().cast_const().cast(),
            m: m.data_ptr().cast(),
            v: v.data_ptr().cast(),
            len: parameter.numel(),
        });
        true
    }

    /// Steps everything that was added.
    pub(super) fn run(&self, step: Step) {
        team::run(tch::get_num_threads().max(1) as usize, |member| {
            for part in &self.0 {
                let share = member.share(part.len, 16);
                // SAFETY: `add` checked the tensors, and each share is one member's.
                unsafe { step_part(*part, share.start, share.end, step) };
            }
        });
    }
}

dispatch! {
    /// Steps the numbers `from..to` of a part.
    ///
    /// # Safety
    /// Nobody else touches these numbers.
    unsafe fn step_part = step_part_with(part: Part, from: usize, to: usize, step: Step)
}

#[inline(always)]
unsafe fn step_part_with<L: Lanes>(part: Part, from: usize, to: usize, step: Step) {
    let (mix1, mix2) = (1.0 - step.beta1, 1.0 - step.beta2);
    for i in from..to {
        // SAFETY: `i` is within the part, and this thread's alone.
        unsafe {
            let gradient = *part.gradient.add(i) * step.scale;
            let (m, v) = (&mut *part.m.add(i), &mut *part.v.add(i));
            *m += mix1 * (gradient - *m);
            *v += mix2 * (gradient * gradient - *v);
            *part.parameter.add(i) -= step.rate * *m / (v.sqrt() + step.epsilon);
        }
    }
}

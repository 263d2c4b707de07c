//! One pass over gradient, moments and parameter where libtorch would make nine; f32 on the CPU.

use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Tensor};

use crate::cpu::lanes::{Lanes, dispatch};
use crate::cpu::team;

/// Numbers whose squares are summed up together.
const BLOCK: usize = 1 << 14;
/// Sums side by side, so that their order is not the machine's.
const LANES: usize = 16;

/// The numbers of one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    /// Learning rate with both bias corrections.
    pub(super) rate: f64,
    pub(super) epsilon: f64,
    /// What gradients are multiplied by.
    pub(super) scale: f64,
}

/// A parameter, its gradient and its moments, of one length.
#[derive(Clone, Copy)]
struct Part {
    parameter: *mut f32,
    gradient: *mut f32,
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
            gradient: gradient.data_ptr().cast(),
            m: m.data_ptr().cast(),
            v: v.data_ptr().cast(),
            len: parameter.numel(),
        });
        true
    }

    /// Steps everything that was added and leaves the gradients at 0. What it returns does not depend
    /// on how many threads there are.
    pub(super) fn run(&self, step: Step) -> Sums {
        let blocks = |part: &Part| part.len.div_ceil(BLOCK);
        let sums: Vec<Vec<Mutex<Sums>>> = self
            .0
            .iter()
            .map(|part| (0..blocks(part)).map(|_| Mutex::default()).collect())
            .collect();
        team::run(tch::get_num_threads().max(1) as usize, |member| {
            for (part, sums) in self.0.iter().zip(&sums) {
                for block in member.share(sums.len(), 1) {
                    let range = block * BLOCK..((block + 1) * BLOCK).min(part.len);
                    // SAFETY: `add` checked the tensors, and each block is one member's.
                    let sum = unsafe { step_part(*part, range.start, range.end, step) };
                    *sums[block].lock().unwrap_or_else(PoisonError::into_inner) = sum;
                }
            }
        });
        let mut total = Sums::default();
        for sum in sums.into_iter().flatten() {
            let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
            total.squares += sum.squares;
            total.zero += sum.zero;
        }
        total
    }
}

/// What was summed up on the way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    /// Squares of the gradients, unscaled.
    pub(super) squares: f64,
    /// The parameters times 0: not a number when one of them is not finite.
    pub(super) zero: f64,
}

dispatch! {
    /// Steps the numbers `from..to` of a part.
    ///
    /// # Safety
    /// Nobody else touches these numbers.
    unsafe fn step_part = step_part_with(part: Part, from: usize, to: usize, step: Step) -> Sums
}

#[inline(always)]
unsafe fn step_part_with<L: Lanes>(part: Part, from: usize, to: usize, step: Step) -> Sums {
    let mixes = [1.0 - step.beta1, 1.0 - step.beta2].map(|number| number as f32);
    let numbers = [step.rate, step.epsilon, step.scale].map(|number| number as f32);
    let (mut squares, mut zeros) = ([0.0f32; LANES], [0.0f32; LANES]);
    let whole = to - (to - from) % LANES;
    let mut at = from;
    while at < whole {
        for lane in 0..LANES {
            // SAFETY: the number is within the part, and this thread's alone.
            let (square, zero) = unsafe { step_one(part, at + lane, mixes, numbers) };
            squares[lane] += square;
            zeros[lane] += zero;
        }
        at += LANES;
    }
    for (lane, at) in (whole..to).enumerate() {
        // SAFETY: as above.
        let (square, zero) = unsafe { step_one(part, at, mixes, numbers) };
        squares[lane] += square;
        zeros[lane] += zero;
    }
    let sum = |sums: [f32; LANES]| sums.iter().map(|&sum| f64::from(sum)).sum();
    Sums {
        squares: sum(squares),
        zero: sum(zeros),
    }
}

/// Steps one number; returns the square of its gradient, and itself times 0.
#[inline(always)]
unsafe fn step_one(part: Part, at: usize, [mix1, mix2]: [f32; 2], numbers: [f32; 3]) -> (f32, f32) {
    let [rate, epsilon, scale] = numbers;
    // SAFETY: the caller's promise.
    unsafe {
        let raw = *part.gradient.add(at);
        let gradient = raw * scale;
        let m = *part.m.add(at) + mix1 * (gradient - *part.m.add(at));
        let v = *part.v.add(at) + mix2 * (gradient * gradient - *part.v.add(at));
        let stepped = *part.parameter.add(at) - rate * m / (v.sqrt() + epsilon);
        *part.gradient.add(at) = 0.0;
        *part.m.add(at) = m;
        *part.v.add(at) = v;
        *part.parameter.add(at) = stepped;
        (raw * raw, stepped * 0.0)
    }
}

//! Kernels over slices: skinny matrix products, norms, activations.

use crate::cpu::exp::sigmoid;
use crate::cpu::lanes::{Lanes, dispatch};
use crate::cpu::rows::Rows;
use std::ops::Range;

/// A matrix of weights, `[outputs, inputs]` row by row, with a bias for each output or none.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub(super) weight: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) inputs: usize,
}

impl Matrix<'_> {
    pub(super) fn outputs(&self) -> usize {
        self.weight.len() / self.inputs
    }
}

/// What becomes of a product.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Then {
    /// It replaces what was there.
    Write,
    /// It is added to what was there.
    Add,
}

/// Rows of weights that share the loads of an input.
const GROUP: usize = 4;

dispatch! {
    /// `y[r, o] (+)= x[r, ..] . weight[o, ..] + bias[o]` for the outputs in `outputs`.
    ///
    /// # Safety
    /// `x` has `rows` rows of `matrix.inputs` numbers, `y` has as many of `matrix.outputs()`, and
    /// nobody else touches the columns `outputs` of `y`.
    pub(super) unsafe fn multiply = multiply_with(
        matrix: Matrix<'_>, outputs: Range<usize>, x: Rows, y: Rows, rows: usize, then: Then,
    )
}

#[inline(always)]
unsafe fn multiply_with<L: Lanes>(
    matrix: Matrix<'_>,
    outputs: Range<usize>,
    x: Rows,
    y: Rows,
    rows: usize,
    then: Then,
) {
    debug_assert!(outputs.end <= matrix.outputs());
    let (len, mut output) = (matrix.inputs, outputs.start);
    while output < outputs.end {
        let here = GROUP.min(outputs.end - output);
        // A short last group repeats its last row rather than having a kernel of its own.
        let last = outputs.end - 1;
        let (mut weights, mut biases) = ([std::ptr::null(); GROUP], [0.0; GROUP]);
        for (i, (weight, bias)) in weights.iter_mut().zip(&mut biases).enumerate() {
            let at = (output + i).min(last);
            *weight = matrix.weight[at * len..(at + 1) * len].as_ptr();
            *bias = matrix.bias.map_or(0.0, |bias| bias[at]);
        }
        let group = Group {
            weights,
            biases,
            len,
            x,
            y,
            rows,
            columns: [output, here],
            then,
        };
        let mut row = 0;
        while row < rows {
            // SAFETY: four rows of weights were sliced above, and the caller vouches for the rest.
            unsafe {
                // As many rows of inputs as there are registers for their sums.
                row += match rows - row {
                    n if n >= 6 && L::COUNT == 16 => group.rows_at::<L, 6>(row),
                    n if n >= 4 && L::COUNT == 16 => group.rows_at::<L, 4>(row),
                    n if n == 3 || (n >= 5 && L::COUNT == 8) => group.rows_at::<L, 3>(row),
                    n if n >= 2 => group.rows_at::<L, 2>(row),
                    _ => group.rows_at::<L, 1>(row),
                };
            }
        }
        output += here;
    }
}

/// Four rows of weights, and what is multiplied by them.
struct Group {
    weights: [*const f32; GROUP],
    biases: [f32; GROUP],
    len: usize,
    x: Rows,
    y: Rows,
    /// Rows of `x` and `y`.
    rows: usize,
    /// The first column of `y`, and how many of the four there are.
    columns: [usize; 2],
    then: Then,
}

impl Group {
    /// Multiplies `M` rows of inputs from `row` on; returns how many these are.
    #[inline(always)]
    unsafe fn rows_at<L: Lanes, const M: usize>(&self, row: usize) -> usize {
        // The next rows of weights come evenly over the tiles of this group.
        let [from, to] = [GROUP * row / self.rows, GROUP * (row + M) / self.rows];
        let next = self.weights[0].wrapping_add((GROUP + from) * self.len);
        // SAFETY: the caller vouches for `M` rows from `row` on.
        unsafe {
            let sums = match to - from {
                0 => self.tile::<L, M, 0>(row, next),
                1 => self.tile::<L, M, 1>(row, next),
                2 => self.tile::<L, M, 2>(row, next),
                _ => self.tile::<L, M, GROUP>(row, next),
            };
            self.finish(row, sums);
        }
        M
    }

    /// Four rows of weights times `M` rows of inputs, all sums held in registers. `A` rows of weights from `next` on, which
    /// need not exist, are asked for meanwhile: a row is too short for the machine to notice by itself that it is read.
    #[inline(always)]
    #[expect(
        clippy::needless_range_loop,
        reason = "indices keep every sum in a register"
    )]
    unsafe fn tile<L: Lanes, const M: usize, const A: usize>(
        &self,
        row: usize,
        next: *const f32,
    ) -> [[f32; GROUP]; M] {
        let (weights, len, stride) = (self.weights, self.len, self.x.stride);
        // SAFETY: `len` numbers are behind each pointer, and every index is below it.
        unsafe {
            let x = self.x.start.add(row * stride).cast_const();
            let mut sums = [[L::zero(); GROUP]; M];
            let whole = len - len % L::COUNT;
            let mut k = 0;
            while k < whole {
                for a in 0..A {
                    L::prefetch(next.wrapping_add(a * len + k));
                }
                let mut inputs = [L::zero(); M];
                for m in 0..M {
                    inputs[m] = L::load(x.add(m * stride + k));
                }
                for i in 0..GROUP {
                    let weight = L::load(weights[i].add(k));
                    for m in 0..M {
                        sums[m][i] = weight.mul_add(inputs[m], sums[m][i]);
                    }
                }
                k += L::COUNT;
            }
            let mut totals = [[0.0; GROUP]; M];
            for m in 0..M {
                totals[m] = L::sums(sums[m]);
                for k in whole..len {
                    for i in 0..GROUP {
                        totals[m][i] += *weights[i].add(k) * *x.add(m * stride + k);
                    }
                }
            }
            totals
        }
    }

    /// Puts a tile into `y` from a row on.
    #[inline(always)]
    unsafe fn finish<const M: usize>(&self, row: usize, sums: [[f32; GROUP]; M]) {
        let [first, count] = self.columns;
        for (m, sums) in sums.iter().enumerate() {
            for (i, sum) in sums.iter().enumerate().take(count) {
                // SAFETY: the caller vouches for these rows and columns.
                unsafe {
                    let to = self.y.start.add((row + m) * self.y.stride + first + i);
                    let old = if self.then == Then::Add { *to } else { 0.0 };
                    *to = old + (sum + self.biases[i]);
                }
            }
        }
    }
}

/// A layer norm when there is a bias, an RMS norm otherwise.
#[derive(Clone, Copy)]
pub(super) struct Norm<'a> {
    pub(super) weight: &'a [f32],
    pub(super) bias: Option<&'a [f32]>,
    pub(super) eps: f64,
}

impl Norm<'_> {
    /// Normalizes one row.
    pub(super) fn apply(&self, x: &[f32], y: &mut [f32]) {
        let n = x.len() as f64;
        let mean = match self.bias {
            Some(_) => x.iter().map(|&v| f64::from(v)).sum::<f64>() / n,
            None => 0.0,
        };
        let square = x
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / n;
        let scale = 1.0 / (square + self.eps).sqrt();
        let (mean, scale) = (mean as f32, scale as f32);
        for ((y, x), weight) in y.iter_mut().zip(x).zip(self.weight) {
            *y = (x - mean) * scale * weight;
        }
        if let Some(bias) = self.bias {
            y.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
        }
    }
}

dispatch! {
    /// `gate * sigmoid(gate) * up`, into `gate`.
    ///
    /// # Safety
    /// None beyond what the slices say; kernels are all called alike.
    pub(super) unsafe fn swiglu = swiglu_with(gate: &mut [f32], up: &[f32])
}

#[inline(always)]
unsafe fn swiglu_with<L: Lanes>(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate *= sigmoid(*gate) * up;
    }
}

/// GELU by its tanh approximation, in place.
pub(super) fn gelu(values: &mut [f32]) {
    let root = (2.0 / std::f32::consts::PI).sqrt();
    for v in values {
        let inner = root * (*v + 0.044_715 * *v * *v * *v);
        *v *= 0.5 * (1.0 + inner.tanh());
    }
}

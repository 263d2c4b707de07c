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
/// Most rows of inputs in a tile.
const MOST: usize = 6;

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
        let mut row = 0;
        while row < rows {
            // SAFETY: four rows of weights were sliced above, and the caller vouches for the rest.
            unsafe {
                let to = (y, row, output..output + here);
                let first = x.start.add(row * x.stride).cast_const();
                // The next rows of weights come evenly over the tiles of this group.
                let ahead = [row, (row + MOST).min(rows)].map(|at| GROUP * at / rows);
                row += match rows - row {
                    n if n >= 6 && L::COUNT == 16 => finish(
                        tile::<L, 6>(weights, first, x.stride, len, ahead),
                        biases,
                        to,
                        then,
                    ),
                    n if n >= 4 && L::COUNT == 16 => finish(
                        tile::<L, 4>(weights, first, x.stride, len, ahead),
                        biases,
                        to,
                        then,
                    ),
                    n if n >= 2 => finish(
                        tile::<L, 2>(weights, first, x.stride, len, ahead),
                        biases,
                        to,
                        then,
                    ),
                    _ => finish(
                        tile::<L, 1>(weights, first, x.stride, len, ahead),
                        biases,
                        to,
                        then,
                    ),
                };
            }
        }
        output += here;
    }
}

/// Four rows of weights times `M` rows of inputs, all sums held in registers. Those of the
/// next four rows that `ahead` names are asked for meanwhile: a row is too short for the machine to
/// notice by itself that it is read.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "indices keep every sum in a register"
)]
unsafe fn tile<L: Lanes, const M: usize>(
    weights: [*const f32; GROUP],
    x: *const f32,
    stride: usize,
    len: usize,
    ahead: [usize; 2],
) -> [[f32; GROUP]; M] {
    // SAFETY: `len` numbers are behind each pointer, and every index is below it.
    unsafe {
        let mut sums = [[L::zero(); GROUP]; M];
        let whole = len - len % L::COUNT;
        let mut k = 0;
        while k < whole {
            let w = [
                L::load(weights[0].add(k)),
                L::load(weights[1].add(k)),
                L::load(weights[2].add(k)),
                L::load(weights[3].add(k)),
            ];
            for next in ahead[0]..ahead[1] {
                L::prefetch(weights[next & (GROUP - 1)].wrapping_add(GROUP * len + k));
            }
            for m in 0..M {
                let x = L::load(x.add(m * stride + k));
                for i in 0..GROUP {
                    sums[m][i] = w[i].mul_add(x, sums[m][i]);
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

/// Puts a tile into `y` from a row on, at some columns; returns how many rows it had.
#[inline(always)]
unsafe fn finish<const M: usize>(
    sums: [[f32; GROUP]; M],
    biases: [f32; GROUP],
    (y, row, columns): (Rows, usize, Range<usize>),
    then: Then,
) -> usize {
    for (m, sums) in sums.iter().enumerate() {
        for (i, column) in columns.clone().enumerate() {
            // SAFETY: the caller vouches for these rows and columns.
            unsafe {
                let to = y.start.add((row + m) * y.stride + column);
                let old = if then == Then::Add { *to } else { 0.0 };
                *to = old + (sums[i] + biases[i]);
            }
        }
    }
    M
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

//! Kernels over slices: skinny matrix products, norms, activations, one token's attention.

use super::lanes::{Lanes, dispatch};
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

/// Rows of a buffer that several threads write to at once, each its own part.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) start: *mut f32,
    /// Numbers from one row to the next.
    pub(super) stride: usize,
}

// SAFETY: a plain address; who writes through it promises to write only what nobody else touches.
unsafe impl Send for Rows {}
// SAFETY: as above.
unsafe impl Sync for Rows {}

impl Rows {
    /// The first `len` numbers of row `row`.
    ///
    /// # Safety
    /// The row is there, and nobody writes to it meanwhile.
    pub(super) unsafe fn row<'a>(self, row: usize, len: usize) -> &'a [f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.start.add(row * self.stride), len) }
    }

    /// The first `len` numbers of row `row`, to be written.
    ///
    /// # Safety
    /// The row is there, and nobody else reads or writes it meanwhile.
    pub(super) unsafe fn row_mut<'a>(self, row: usize, len: usize) -> &'a mut [f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.stride), len) }
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
const ROWS_OF_WEIGHTS: usize = 4;

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
    let mut output = outputs.start;
    while output < outputs.end {
        let here = ROWS_OF_WEIGHTS.min(outputs.end - output);
        // A short last group repeats its last row rather than having a kernel of its own.
        let weights: [*const f32; ROWS_OF_WEIGHTS] = std::array::from_fn(|i| {
            let row = output + i.min(here - 1);
            matrix.weight[row * matrix.inputs..(row + 1) * matrix.inputs].as_ptr()
        });
        let mut row = 0;
        while row < rows {
            let len = matrix.inputs;
            // SAFETY: four rows of weights were sliced above, and the caller vouches for `x`.
            let done = unsafe {
                let first = x.start.add(row * x.stride).cast_const();
                let put = |m: usize, sums: [f32; 4]| {
                    let to = y.start.add((row + m) * y.stride + output);
                    for (i, sum) in sums.iter().take(here).enumerate() {
                        let bias = matrix.bias.map_or(0.0, |bias| bias[output + i]);
                        let old = if then == Then::Add { *to.add(i) } else { 0.0 };
                        *to.add(i) = old + (sum + bias);
                    }
                };
                match rows - row {
                    n if n >= 6 && L::COUNT == 16 => {
                        tile::<L, 6>(weights, first, x.stride, len, put)
                    }
                    n if n >= 4 && L::COUNT == 16 => {
                        tile::<L, 4>(weights, first, x.stride, len, put)
                    }
                    n if n >= 2 => tile::<L, 2>(weights, first, x.stride, len, put),
                    _ => tile::<L, 1>(weights, first, x.stride, len, put),
                }
            };
            row += done;
        }
        output += here;
    }
}

/// Four rows of weights times `M` rows of inputs, all sums held in registers; returns `M`.
#[inline(always)]
unsafe fn tile<L: Lanes, const M: usize>(
    weights: [*const f32; ROWS_OF_WEIGHTS],
    x: *const f32,
    stride: usize,
    len: usize,
    mut put: impl FnMut(usize, [f32; 4]),
) -> usize {
    // SAFETY: `len` numbers are behind each pointer, and every index is below it.
    unsafe {
        let mut sums = [[L::zero(); ROWS_OF_WEIGHTS]; M];
        let whole = len - len % L::COUNT;
        let mut k = 0;
        while k < whole {
            let w = [
                L::load(weights[0].add(k)),
                L::load(weights[1].add(k)),
                L::load(weights[2].add(k)),
                L::load(weights[3].add(k)),
            ];
            for (m, sums) in sums.iter_mut().enumerate() {
                let x = L::load(x.add(m * stride + k));
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = w.mul_add(x, *sum);
                }
            }
            k += L::COUNT;
        }
        for (m, sums) in sums.into_iter().enumerate() {
            let mut sums = L::sums(sums);
            for k in whole..len {
                for (sum, w) in sums.iter_mut().zip(weights) {
                    *sum += *w.add(k) * *x.add(m * stride + k);
                }
            }
            put(m, sums);
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

/// `exp` to about one unit in the last place, in a form that the compiler vectorizes; 0 below -87.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let clamped = x.clamp(-87.0, 88.0);
    let power = (clamped * std::f32::consts::LOG2_E).round_ties_even();
    // ln 2 in two parts, so that the difference keeps its digits.
    let rest = (clamped - power * 0.693_359_4) - power * -2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for c in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        0.166_666_65,
        0.5,
    ] {
        p = p * rest + c;
    }
    let mantissa = p * rest * rest + rest + 1.0;
    let scale = f32::from_bits(((power as i32 + 127) << 23) as u32);
    if x < -87.0 { 0.0 } else { mantissa * scale }
}

/// `gate * sigmoid(gate) * up`, into `gate`.
pub(super) fn swiglu(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = *gate / (1.0 + exp(-*gate)) * up;
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

/// Rotates pairs `(i, i + len / 2)` of one head by angles given by their cosines and sines.
pub(super) fn rotate(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (low, high) = head.split_at_mut(cos.len());
    for (((a, b), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}

dispatch! {
    /// One token's attention of one head: `out = softmax(q . keys / sqrt(dim)) values`, over the
    /// tokens that `real` allows. `keys`, `values`: `[tokens, dim]`; `scores`: scratch, `[tokens]`.
    ///
    /// # Safety
    /// None beyond what the slices say; kernels are all called alike.
    pub(super) unsafe fn attend = attend_with(
        q: &[f32], keys: &[f32], values: &[f32], real: Option<&[bool]>, scores: &mut [f32], out: &mut [f32],
    )
}

#[inline(always)]
unsafe fn attend_with<L: Lanes>(
    q: &[f32],
    keys: &[f32],
    values: &[f32],
    real: Option<&[bool]>,
    scores: &mut [f32],
    out: &mut [f32],
) {
    let dim = q.len();
    let scale = 1.0 / (dim as f32).sqrt();
    let mut top = f32::NEG_INFINITY;
    for (t, score) in scores.iter_mut().enumerate() {
        let key = &keys[t * dim..(t + 1) * dim];
        *score = match real {
            Some(real) if !real[t] => f32::NEG_INFINITY,
            // SAFETY: both slices have `dim` numbers.
            _ => scale * unsafe { dot::<L>(q, key) },
        };
        top = top.max(*score);
    }
    let mut total = 0.0;
    for score in scores.iter_mut() {
        *score = exp(*score - top);
        total += *score;
    }
    out.fill(0.0);
    for (t, score) in scores.iter().enumerate() {
        let weight = score / total;
        for (out, value) in out.iter_mut().zip(&values[t * dim..(t + 1) * dim]) {
            *out += weight * value;
        }
    }
}

#[inline(always)]
unsafe fn dot<L: Lanes>(a: &[f32], b: &[f32]) -> f32 {
    let whole = a.len() - a.len() % L::COUNT;
    // SAFETY: `a` and `b` are equally long, and every index is below that.
    unsafe {
        let mut sum = L::zero();
        for k in (0..whole).step_by(L::COUNT) {
            sum = L::load(a.as_ptr().add(k)).mul_add(L::load(b.as_ptr().add(k)), sum);
        }
        let [sum, ..] = L::sums([sum, L::zero(), L::zero(), L::zero()]);
        (whole..a.len()).fold(sum, |sum, k| sum + a[k] * b[k])
    }
}

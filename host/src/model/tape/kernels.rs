//! Passes over activations, row by row: norms, rotations, gates. Every sum has a fixed order.

use crate::cpu::exp::sigmoid;
use crate::cpu::lanes::{Lanes, dispatch};
use crate::cpu::rows::Rows;
use crate::model::memory::rotate;
use std::ops::Range;

/// Partial sums, so that a sum needs no order of its own from the machine.
const PARTS: usize = 16;

#[inline(always)]
fn sum(len: usize, term: impl Fn(usize) -> f32) -> f32 {
    let mut parts = [0.0f32; PARTS];
    let whole = len - len % PARTS;
    for start in (0..whole).step_by(PARTS) {
        for (i, part) in parts.iter_mut().enumerate() {
            *part += term(start + i);
        }
    }
    let rest: f32 = (whole..len).map(&term).sum();
    parts.iter().sum::<f32>() + rest
}

dispatch! {
    /// `y = x * scale * weight` with `scale = 1 / sqrt(mean(x^2) + eps)`, which is kept.
    ///
    /// # Safety
    /// `x`, `y` have these rows of `weight.len()` numbers, `scales` of one; they are the caller's.
    pub(super) unsafe fn normalize = normalize_with(rows: Range<usize>, x: Rows, weight: &[f32], eps: f32, y: Rows, scales: Rows)
}

#[inline(always)]
unsafe fn normalize_with<L: Lanes>(
    rows: Range<usize>,
    x: Rows,
    weight: &[f32],
    eps: f32,
    y: Rows,
    scales: Rows,
) {
    let width = weight.len();
    for row in rows {
        // SAFETY: the caller's promise.
        let (x, y, kept) = unsafe {
            (
                x.row(row, width),
                y.row_mut(row, width),
                scales.row_mut(row, 1),
            )
        };
        let scale = 1.0 / (sum(width, |i| x[i] * x[i]) / width as f32 + eps).sqrt();
        kept[0] = scale;
        for ((y, x), weight) in y.iter_mut().zip(x).zip(weight) {
            *y = x * scale * weight;
        }
    }
}

dispatch! {
    /// The backward of [`normalize`]: adds to `dx`, and to `dweight` what these rows say of it.
    ///
    /// # Safety
    /// As for [`normalize`].
    pub(super) unsafe fn normalize_back = normalize_back_with(
        rows: Range<usize>, x: Rows, weight: &[f32], scales: Rows, dy: Rows, dx: Rows, dweight: &mut [f32],
    )
}

#[inline(always)]
unsafe fn normalize_back_with<L: Lanes>(
    rows: Range<usize>,
    x: Rows,
    weight: &[f32],
    scales: Rows,
    dy: Rows,
    dx: Rows,
    dweight: &mut [f32],
) {
    let width = weight.len();
    for row in rows {
        // SAFETY: the caller's promise.
        let (x, scale, dy, dx) = unsafe {
            (
                x.row(row, width),
                scales.row(row, 1)[0],
                dy.row(row, width),
                dx.row_mut(row, width),
            )
        };
        let along = sum(width, |i| dy[i] * weight[i] * x[i]);
        let pull = along * scale * scale * scale / width as f32;
        for i in 0..width {
            dx[i] += scale * dy[i] * weight[i] - pull * x[i];
            dweight[i] += dy[i] * x[i] * scale;
        }
    }
}

/// Heads of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Heads {
    pub(super) queries: usize,
    pub(super) keys: usize,
    pub(super) dim: usize,
}

dispatch! {
    /// Rotates queries in place by the angles times `sign`.
    ///
    /// # Safety
    /// `q` has these rows of all query heads, cosines and sines of half a head; they are the caller's.
    pub(super) unsafe fn turn = turn_with(rows: Range<usize>, heads: Heads, angles: [Rows; 2], sign: f32, q: Rows)
}

#[inline(always)]
unsafe fn turn_with<L: Lanes>(
    rows: Range<usize>,
    heads: Heads,
    angles: [Rows; 2],
    sign: f32,
    q: Rows,
) {
    let Heads { queries, dim, .. } = heads;
    for row in rows {
        // SAFETY: the caller's promise.
        let ([cos, sin], q) =
            unsafe { (half_turns(angles, row, dim), q.row_mut(row, queries * dim)) };
        for head in q.chunks_mut(dim) {
            rotate(head, cos, sin, sign);
        }
    }
}

/// Cosines and sines of a row.
#[inline(always)]
unsafe fn half_turns<'a>(angles: [Rows; 2], row: usize, dim: usize) -> [&'a [f32]; 2] {
    let [cos, sin] = angles;
    // SAFETY: the caller's promise.
    unsafe { [cos.row(row, dim / 2), sin.row(row, dim / 2)] }
}

dispatch! {
    /// Rotates keys in place, and writes them and plain values once for each query head.
    ///
    /// # Safety
    /// `keys`, `values` have these rows for all query heads, `k`, `v` for all key heads, cosines and
    /// sines for half a head; they are the caller's.
    pub(super) unsafe fn spread = spread_with(
        rows: Range<usize>, heads: Heads, angles: [Rows; 2], k: Rows, v: Rows, keys: Rows, values: Rows,
    )
}

#[inline(always)]
unsafe fn spread_with<L: Lanes>(
    rows: Range<usize>,
    heads: Heads,
    angles: [Rows; 2],
    k: Rows,
    v: Rows,
    keys: Rows,
    values: Rows,
) {
    let Heads {
        queries,
        keys: kv,
        dim,
    } = heads;
    let group = queries / kv;
    for row in rows {
        // SAFETY: the caller's promise.
        let ([cos, sin], k, v, keys, values) = unsafe {
            (
                half_turns(angles, row, dim),
                k.row_mut(row, kv * dim),
                v.row(row, kv * dim),
                keys.row_mut(row, queries * dim),
                values.row_mut(row, queries * dim),
            )
        };
        for head in k.chunks_mut(dim) {
            rotate(head, cos, sin, 1.0);
        }
        for head in 0..queries {
            let (to, from) = (head * dim, head / group * dim);
            keys[to..to + dim].copy_from_slice(&k[from..from + dim]);
            values[to..to + dim].copy_from_slice(&v[from..from + dim]);
        }
    }
}

dispatch! {
    /// The backward of [`spread`]: `dk`, `dv` sum up what the query heads say.
    ///
    /// # Safety
    /// As for [`spread`].
    pub(super) unsafe fn spread_back = spread_back_with(
        rows: Range<usize>, heads: Heads, angles: [Rows; 2], dkeys: Rows, dvalues: Rows, dk: Rows, dv: Rows,
    )
}

#[inline(always)]
unsafe fn spread_back_with<L: Lanes>(
    rows: Range<usize>,
    heads: Heads,
    angles: [Rows; 2],
    dkeys: Rows,
    dvalues: Rows,
    dk: Rows,
    dv: Rows,
) {
    let Heads {
        queries,
        keys: kv,
        dim,
    } = heads;
    let group = queries / kv;
    for row in rows {
        // SAFETY: the caller's promise.
        let [cos, sin] = unsafe { half_turns(angles, row, dim) };
        for (from, to, turned) in [(dkeys, dk, true), (dvalues, dv, false)] {
            // SAFETY: the caller's promise.
            let (from, to) = unsafe { (from.row(row, queries * dim), to.row_mut(row, kv * dim)) };
            for (from, to) in from.chunks(group * dim).zip(to.chunks_mut(dim)) {
                to.copy_from_slice(&from[..dim]);
                for head in from[dim..].chunks(dim) {
                    to.iter_mut().zip(head).for_each(|(to, from)| *to += from);
                }
                if turned {
                    rotate(to, cos, sin, -1.0);
                }
            }
        }
    }
}

dispatch! {
    /// `out = gate * sigmoid(gate) * up`.
    ///
    /// # Safety
    /// All have these rows of `width` numbers; they are the caller's.
    pub(super) unsafe fn swiglu = swiglu_with(rows: Range<usize>, width: usize, gate: Rows, up: Rows, out: Rows)
}

#[inline(always)]
unsafe fn swiglu_with<L: Lanes>(rows: Range<usize>, width: usize, gate: Rows, up: Rows, out: Rows) {
    for row in rows {
        // SAFETY: the caller's promise.
        let (gate, up, out) = unsafe {
            (
                gate.row(row, width),
                up.row(row, width),
                out.row_mut(row, width),
            )
        };
        for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
            *out = gate * sigmoid(*gate) * up;
        }
    }
}

dispatch! {
    /// The backward of [`swiglu`]: `gate` and `up` become their gradients, `out`, which comes as the
    /// gradient, becomes what the forward made.
    ///
    /// # Safety
    /// As for [`swiglu`].
    pub(super) unsafe fn swiglu_back = swiglu_back_with(rows: Range<usize>, width: usize, gate: Rows, up: Rows, out: Rows)
}

#[inline(always)]
unsafe fn swiglu_back_with<L: Lanes>(
    rows: Range<usize>,
    width: usize,
    gate: Rows,
    up: Rows,
    out: Rows,
) {
    for row in rows {
        // SAFETY: the caller's promise.
        let (gate, up, out) = unsafe {
            (
                gate.row_mut(row, width),
                up.row_mut(row, width),
                out.row_mut(row, width),
            )
        };
        for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
            let (share, grad) = (sigmoid(*gate), *out);
            let opened = *gate * share;
            let slope = share * (1.0 + *gate * (1.0 - share));
            *out = opened * *up;
            *gate = grad * *up * slope;
            *up = grad * opened;
        }
    }
}

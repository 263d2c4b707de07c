//! Tensors as plain memory, for kernels of our own, and what these kernels share.

use crate::cpu::rows::Rows;
use crate::cpu::team;
use std::ops::Range;
use tch::{Device, Kind, Tensor};

fn check(tensor: &Tensor) {
    assert!(
        tensor.is_contiguous() && tensor.kind() == Kind::Float && tensor.device() == Device::Cpu,
        "a contiguous f32 tensor on the CPU"
    );
}

/// All numbers of a contiguous f32 tensor on the CPU, which nobody writes to meanwhile.
pub(super) fn numbers(tensor: &Tensor) -> &[f32] {
    check(tensor);
    // SAFETY: checked just above; the slice borrows the tensor.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr() as *const f32, tensor.numel()) }
}

/// A contiguous f32 tensor on the CPU as rows of its last dimension.
pub(super) fn rows(tensor: &Tensor) -> Rows {
    check(tensor);
    Rows {
        start: tensor.data_ptr().cast(),
        stride: tensor.size().last().map_or(1, |&width| width as usize),
    }
}

/// libtorch's threads take turns of `count` rows.
pub(super) fn share(count: i64, work: impl Fn(Range<usize>) + Sync) {
    team::run(threads(), |member| work(member.share(count as usize, 1)));
}

/// As many threads as libtorch uses.
pub(super) fn threads() -> usize {
    tch::get_num_threads().max(1) as usize
}

/// Rotates pairs `(i, i + dim/2)` of one head, by the angles times `sign`.
#[inline(always)]
pub(super) fn rotate(head: &mut [f32], cos: &[f32], sin: &[f32], sign: f32) {
    let (low, high) = head.split_at_mut(cos.len());
    for (((a, b), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
        let sin = sign * sin;
        (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
    }
}

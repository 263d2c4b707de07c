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

/// The same tensors, copied one after the other into one block of memory, for which large pages are
/// asked: what reads all weights for each token then waits less for their addresses. Those that are
/// not on the CPU, or not of the first one's kind, stay where they are.
pub(super) fn together(tensors: Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
    const UNIT: usize = 64;
    let Some(kind) = tensors.first().map(|(_, first)| first.kind()) else {
        return tensors;
    };
    let fits = |tensor: &Tensor| tensor.device() == Device::Cpu && tensor.kind() == kind;
    let space = |tensor: &Tensor| tensor.numel().next_multiple_of(UNIT) as i64;
    let moved = tensors.iter().filter(|(_, tensor)| fits(tensor));
    let len = moved.map(|(_, tensor)| space(tensor)).sum();
    let block = Tensor::empty([len], (kind, Device::Cpu));
    ask_for_large_pages(&block);
    let mut at = 0;
    let place = |(name, tensor): (String, Tensor)| {
        if !fits(&tensor) {
            return (name, tensor);
        }
        let mut moved = block.narrow(0, at, tensor.numel() as i64);
        at += space(&tensor);
        moved.copy_(&tensor.detach().reshape([-1]));
        (name, moved.view(tensor.size().as_slice()))
    };
    tch::no_grad(|| tensors.into_iter().map(place).collect())
}

/// A hint about memory that nothing was written to yet.
fn ask_for_large_pages(tensor: &Tensor) {
    #[cfg(target_os = "linux")]
    {
        const PAGE: usize = 4096;
        let start = (tensor.data_ptr() as usize).next_multiple_of(PAGE);
        let end = tensor.data_ptr() as usize + tensor.numel() * tensor.kind().elt_size_in_bytes();
        if start < end {
            let address = std::ptr::without_provenance_mut(start);
            // SAFETY: the whole pages of the tensor's own memory; their contents stay.
            unsafe { libc::madvise(address, end - start, libc::MADV_HUGEPAGE) };
        }
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

//! Tensors as plain memory, for kernels of our own.

use crate::cpu::rows::Rows;
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

//! Hand-written f32 kernels for the CPU, where libtorch is far from what the machine can do: single
//! tokens of a few rows ([`decoder`]), and passes over all parameters. They know slices of numbers
//! and the shape of a model; they know nothing of training.
//!
//! Every result is independent of how many threads share the work.

pub mod decoder;
mod kernels;
mod lanes;
mod sampler;
pub mod team;

#[cfg(test)]
mod tests;

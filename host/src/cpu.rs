//! What kernels of our own share: registers as wide as the machine's, and threads that work in step.
//! Knows numbers in memory; knows nothing of models or training.
//!
//! Kernels are worth their lines only where libtorch is far from what the machine can do. Their
//! results do not depend on how many threads share the work.

pub(crate) mod exp;
pub(crate) mod lanes;
pub(crate) mod rows;
pub(crate) mod team;

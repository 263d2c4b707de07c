//! Language models: Hugging Face folders in and out, one forward pass for all families,
//! sampling, and the policy that the training loop moves. Knows tensors and files; knows
//! nothing of rewards, plugins or configuration files of runs.

mod branches;
pub mod config;
mod decoder;
pub mod device;
pub(crate) mod episodes;
pub(crate) mod files;
pub(crate) mod floor;
mod generate;
pub(crate) mod gguf;
mod head;
mod layout;
mod memory;
mod names;
pub(crate) mod open;
pub mod policy;
pub mod reward;
pub mod sampling;
mod size;
mod tape;
mod transformer;
mod trunk;
#[doc(hidden)] // for tests
pub mod weights;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod folders;

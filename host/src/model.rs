//! Language models: Hugging Face folders in and out, one forward pass for all families,
//! sampling, and the policy that the training loop moves. Knows tensors and files; knows
//! nothing of rewards, plugins or configuration files of runs.

mod branches;
pub mod config;
mod decoder;
pub mod device;
pub mod episodes;
pub mod files;
pub mod floor;
pub mod generate;
pub mod gguf;
pub mod head;
pub mod layout;
mod memory;
mod names;
pub mod open;
pub mod policy;
pub mod reward;
pub mod sampling;
pub mod size;
mod tape;
pub mod transformer;
mod trunk;
pub mod weights;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod folders;

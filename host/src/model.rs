//! Language models: what the trainer samples from, scores with and learns.

pub mod gguf;

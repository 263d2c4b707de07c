//! Attune fine-tunes language models from human preferences (Ziegler et al. 2019).

pub mod cli;
pub mod config;
mod cpu;
pub mod digest;
pub mod disk;
pub mod experiment;
pub mod golden;
pub mod label;
pub mod metrics;
pub mod model;
pub mod outside;
pub mod plugin;
pub mod rl;
pub mod role;
pub mod run_dir;
pub mod seed;
pub mod spelling;
pub mod tensorboard;
pub mod terminal;
pub mod tokenizer;
pub mod train;

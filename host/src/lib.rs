//! Attune fine-tunes language models from human preferences (Ziegler et al. 2019).

pub mod metrics;
pub mod rl;
pub mod role;
pub mod seed;
pub mod tensorboard;

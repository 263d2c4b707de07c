//! Attune fine-tunes language models from human preferences (Ziegler et al. 2019).

pub mod plugin;
pub mod role;

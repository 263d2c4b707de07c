//! What a run is made of and will do, before it does it.

use std::path::PathBuf;

use crate::role::Identity;
use crate::train::rowcount::RowCount;

/// A policy's training in numbers.
#[derive(Debug, Clone)]
pub struct Outline {
    /// Where results go.
    pub dir: PathBuf,
    /// The folder of the model.
    pub model: PathBuf,
    /// Parameters that are trained.
    pub trainable: usize,
    /// Where it runs.
    pub device: String,
    /// Type of the parameters.
    pub dtype: String,
    /// CPU threads.
    pub threads: i64,
    /// Who plays the roles.
    pub plugins: Vec<Identity>,
    /// What became of the rows of each file of data.
    pub rows: Vec<RowCount>,
    /// Queries to train on.
    pub queries: usize,
    /// Held-out queries.
    pub held_out: usize,
    /// Tokens before the response.
    pub context_len: usize,
    /// Tokens of a response.
    pub response_len: usize,
    /// Updates.
    pub updates: u64,
    /// Episodes of an update.
    pub batch_size: u64,
    /// Passes over an update's episodes.
    pub epochs: u64,
    /// Parts of a pass.
    pub minibatches: u64,
    /// Episodes of a part.
    pub minibatch_size: u64,
    /// Episodes that go through the model at a time.
    pub micro_batch: usize,
    /// Optimizer steps in all.
    pub optimizer_steps: u64,
    /// Bytes for weights, reference, gradients and optimizer.
    pub training_bytes: usize,
    /// Bytes for what the backward pass needs of a micro-batch.
    pub activation_bytes: usize,
}

/// A part of an experiment that is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// A reward model is trained.
    RewardModel {
        /// From so many labels; 0 for all.
        labels: u64,
        /// The folder that it lands in.
        name: String,
    },
    /// A labeler judges responses of the original model.
    Simulated {
        /// Labels to learn from.
        train: u64,
        /// Labels to test by.
        test: u64,
    },
    /// Policies are trained, against each reward model and against the labeler itself.
    Policies(u64),
    /// Labels are collected while the policy trains.
    Labels {
        /// Before the first episode.
        first: u64,
        /// In all.
        total: u64,
        /// `online`, `batch` or `offline`.
        mode: String,
        /// Who answers.
        by: String,
    },
    /// A reward model takes over.
    Takeover {
        /// Which, counted from 1.
        number: u64,
        /// From which update on.
        update: u64,
        /// How many labels it learned from.
        labels: u64,
    },
}

//! What a run is made of and will do, before it does it.

use std::fmt;
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
    /// Learning rates at some of the updates.
    pub rates: Rates,
    /// Bytes for weights, reference, gradients and optimizer.
    pub training_bytes: usize,
    /// Bytes for what the backward pass needs of a micro-batch.
    pub activation_bytes: usize,
}

/// Learning rates at the first, the second, the middle and the last of many steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates(Vec<(u64, f64)>);

impl Rates {
    /// Those of so many steps, of which `rate` says each.
    pub fn of(steps: u64, rate: impl Fn(u64) -> f64) -> Rates {
        let mut shown = vec![0, 1, steps / 2, steps.saturating_sub(1)];
        shown.retain(|step| *step < steps.max(1));
        shown.sort_unstable();
        shown.dedup();
        Rates(shown.into_iter().map(|step| (step, rate(step))).collect())
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self
            .0
            .iter()
            .map(|(step, rate)| format!("{rate:e} at {step}"));
        f.write_str(&shown.collect::<Vec<_>>().join(", "))
    }
}

/// A part of an experiment that is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    /// A reward model is trained.
    RewardModel {
        /// From so many labels; 0 for all.
        labels: u64,
        /// In so many optimizer steps; 0 where it is not known yet.
        steps: u64,
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
        /// In how many optimizer steps.
        steps: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_rates_are_shown_each_once() {
        let shown = |steps| Rates::of(steps, |step| 1.0 - step as f64 / 4.0).to_string();
        assert_eq!(shown(4), "1e0 at 0, 7.5e-1 at 1, 5e-1 at 2, 2.5e-1 at 3");
        assert_eq!(shown(2), "1e0 at 0, 7.5e-1 at 1");
        assert_eq!(shown(1), "1e0 at 0");
    }
}

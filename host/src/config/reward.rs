//! What the reward is made of, and how a reward model is trained.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One source of the reward, and its weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Reward models: folders that `attune train reward` made, or runs of it. Several are an ensemble.
    #[serde(default)]
    pub reward_models: Vec<PathBuf>,
    /// Of an ensemble, or of a model with several heads: the mean less so many deviations.
    #[serde(default)]
    pub caution: f64,
    /// The reward model that `attune run` trains by `[reward]`.
    #[serde(default)]
    pub trained: bool,
    /// The scores of `[labeler]`.
    #[serde(default)]
    pub labeler: bool,
    /// A metric of the task's own.
    pub metric: Option<String>,
    /// Added to the source's scores.
    #[serde(default)]
    pub offset: f64,
    /// What the sums are multiplied by.
    #[serde(default = "super::one")]
    pub weight: f64,
}

/// How a reward model is trained. The defaults are those of the released style experiments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reward {
    /// The language model that it starts from; absent for `[model]` path.
    pub path: Option<PathBuf>,
    /// Train only this many blocks from the top; absent for the whole model.
    pub trainable_layers: Option<usize>,
    /// Heads on the one trunk; from two on, their spread says how sure the model is.
    pub heads: usize,
    /// Labels to train on: stores (`.db`) and files of `attune label export --format jsonl`.
    pub train: Vec<PathBuf>,
    /// Labels that stop training early when there are several epochs, and are reported.
    pub validation: Vec<PathBuf>,
    /// Labels that are reported at the end.
    pub test: Vec<PathBuf>,
    /// Use the first so many labels; 0 for all.
    pub num_train: u64,
    /// Leave out labels that the model cannot read, such as those that are too long for it, and say how many.
    pub skip_bad: bool,
    /// How much what a person said counts in training, by the person's name; 1 for all others, 0 to learn nothing of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<String, f64>,
    /// Labels for each optimizer step.
    pub batch_size: u64,
    /// Passes over the labels.
    pub epochs: u64,
    /// Stop after so many epochs without a better validation loss; 0 to make all.
    pub patience: u64,
    /// Learning rate of the first step; falls linearly to zero.
    pub lr: f64,
    /// `softmax`: the best against all others (the original); `pairwise`: each pair by itself.
    pub loss: String,
    /// Responses of the reference that fix the scale of rewards; rounded up to whole rollout batches;
    /// 0 leaves the scale alone.
    pub normalize_samples: u64,
    /// Responses that are sampled at a time for it.
    pub rollout_batch: u64,
    /// Fix the scale before training.
    pub normalize_before: bool,
    /// Fix the scale after training, to mean 0 and deviation 1.
    pub normalize_after: bool,
    /// Tokens that go through the model at a time. Changes no result but the last bits.
    pub micro_tokens: u64,
    /// Where Adam's epsilon stands: `tensorflow` (the original) or `pytorch`.
    pub adam_epsilon_style: String,
    /// Adam's epsilon.
    pub adam_epsilon: f64,
}

impl Default for Score {
    fn default() -> Self {
        Score {
            reward_models: Vec::new(),
            caution: 0.0,
            trained: false,
            labeler: false,
            metric: None,
            offset: 0.0,
            weight: 1.0,
        }
    }
}

impl Default for Reward {
    fn default() -> Self {
        Reward {
            path: None,
            trainable_layers: None,
            heads: 1,
            train: Vec::new(),
            validation: Vec::new(),
            test: Vec::new(),
            num_train: 0,
            skip_bad: false,
            weights: BTreeMap::new(),
            batch_size: 32,
            epochs: 1,
            patience: 0,
            lr: 5e-5,
            loss: "softmax".into(),
            normalize_samples: 256,
            rollout_batch: 64,
            normalize_before: true,
            normalize_after: true,
            micro_tokens: 2048,
            adam_epsilon_style: "tensorflow".into(),
            adam_epsilon: 1e-5,
        }
    }
}

/// What reward models from increasing numbers of labels are worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// A reward model is trained from the first so many labels, for each number; the last is the one
    /// that the policy is trained against, unless the reward is known.
    pub labels: Vec<u64>,
    /// Others who answered the test comparisons, by name: files of label lines in the test's order.
    #[serde(default)]
    pub judges: BTreeMap<String, PathBuf>,
    /// The labeler plays people, so that the true reward is known: labels are its verdicts on responses
    /// of the original model, and a policy is trained against each reward model and one against the
    /// labeler itself.
    #[serde(default)]
    pub known_reward: bool,
    /// With a known reward: labels that no reward model learns from, to compare them by.
    #[serde(default = "test_labels")]
    pub test_labels: u64,
}

fn test_labels() -> u64 {
    256
}

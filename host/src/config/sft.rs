//! How a policy is fine-tuned on what people wrote.

use serde::{Deserialize, Serialize};

/// Supervised fine-tuning on the task's references. The defaults are those of the paper's supervised baseline, without
/// its dropout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sft {
    /// Learn from the first so many pairs; 0 for all.
    pub num_train: u64,
    /// The last so many pairs are never learned from; they are measured after every epoch.
    pub validation: u64,
    /// What stands between a context and what was written; absent for a space where neither has one.
    pub begin_text: Option<String>,
    /// What ends a response and is learned with it; absent for the model's own token for the end of a text.
    pub end_text: Option<String>,
    /// Pairs for each optimizer step.
    pub batch_size: u64,
    /// Passes over the pairs.
    pub epochs: u64,
    /// Stop after so many epochs without a better validation loss, and keep the best; 0 to make all.
    pub patience: u64,
    /// Largest learning rate.
    pub lr: f64,
    /// How it falls to 0: `cosine` or `linear`; or `constant`.
    pub schedule: String,
    /// Share of the steps in which it rises first.
    pub warmup: f64,
    /// Tokens that go through the model at a time. Changes no result but the last bits.
    pub micro_tokens: u64,
    /// Where Adam's epsilon stands: `pytorch` or `tensorflow`.
    pub adam_epsilon_style: String,
    /// Adam's epsilon.
    pub adam_epsilon: f64,
    /// Largest norm of the gradient; 0 for no clipping.
    pub max_grad_norm: f64,
}

impl Default for Sft {
    fn default() -> Self {
        Sft {
            num_train: 0,
            validation: 256,
            begin_text: None,
            end_text: None,
            batch_size: 32,
            epochs: 1,
            patience: 0,
            lr: 1e-4,
            schedule: "cosine".into(),
            warmup: 0.0,
            micro_tokens: 2048,
            adam_epsilon_style: "pytorch".into(),
            adam_epsilon: 1e-8,
            max_grad_norm: 1.0,
        }
    }
}

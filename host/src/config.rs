//! One experiment, one TOML file: every section, every default, in this file and nowhere else.
//!
//! A config holds what a person chose. What follows from it is derived by [`Config::plan`] into a
//! [`Plan`], which also refuses what cannot work. Batch sizes are in episodes, always. Paths in a
//! file are relative to the folder of that file.

mod alarms;
mod changes;
mod check;
mod collect;
mod compare;
mod data;
mod load;
mod overrides;
mod own;
mod part;
mod paths;
mod people;
mod plan;
mod problems;
mod reward;
mod sft;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::role::Trust;

pub use alarms::{ALARMS, Alarms};
pub use changes::{Bond, Change, bond, changes};
pub use collect::{Collect, Noise};
pub use compare::{Compare, Entry, Judge};
pub use data::{Data, Files};
pub use overrides::{TakesText, setting};
pub use own::OwnLabeler;
pub use part::{Part, Training};
pub(crate) use paths::{model_in, reward_in};
pub use people::People;
pub use plan::Plan;
pub use reward::{Reward, Score, Study};
pub use sft::Sft;

/// A whole experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where results go, and how the run is seeded.
    pub run: Run,
    /// The model that is fine-tuned.
    pub model: Model,
    /// The rows that queries are made from.
    pub data: Option<Data>,
    /// The plugin that makes queries and says what a finished response is.
    pub task: Option<PluginRef>,
    /// The plugin whose scores are the reward, where no `[[score]]` says otherwise.
    pub labeler: Option<PluginRef>,
    /// What the reward is made of.
    #[serde(default)]
    pub score: Vec<Score>,
    /// How a reward model is trained.
    pub reward: Option<Reward>,
    /// How a policy is fine-tuned on what people wrote.
    pub sft: Option<Sft>,
    /// How `attune run` collects labels.
    pub collect: Option<Collect>,
    /// What people are told and asked, where they answer.
    pub people: Option<People>,
    /// Reward models that `attune run` compares.
    pub study: Option<Study>,
    /// Trainings that `attune run` makes of the config, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub part: Vec<Part>,
    /// Models, runs and baselines that `attune eval` compares.
    pub compare: Option<Compare>,
    /// Plugins that add terms to the reward.
    #[serde(default)]
    pub shaper: Vec<PluginRef>,
    /// How responses are sampled.
    #[serde(default)]
    pub sampling: Sampling,
    /// Proximal policy optimization.
    #[serde(default)]
    pub ppo: Ppo,
    /// The penalty for leaving the original model. The defaults are those of the released style
    /// experiments.
    #[serde(default)]
    pub kl: Kl,
    /// Limits that every plugin is held to.
    #[serde(default)]
    pub plugins: PluginLimits,
    /// What is measured before and after.
    #[serde(default)]
    pub eval: Eval,
    /// From when on a policy's training is alarming, and what stops it.
    #[serde(default)]
    pub alarms: Alarms,
    /// What is said of this process alone and is no part of the experiment.
    #[serde(skip)]
    pub session: Session,
}

/// What is said of this process alone, on the command line or by a program, and is no part of the
/// experiment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Session {
    /// The file that the config was read from.
    pub file: PathBuf,
    /// Whether a plugin may be another than the one that was locked or that a run was begun with.
    pub allow_changed_plugins: bool,
    /// Whether a run may go on with more episodes than it was begun with.
    pub extend: bool,
    /// Whether plugins with `trust = "native"`, which no sandbox would hold, are refused.
    pub sandboxed_only: bool,
    /// Who judges in place of the plugin of `[labeler]`.
    pub labeler: Option<OwnLabeler>,
}

/// Where results go, and how the run is seeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The run directory; made when it is not there.
    pub dir: PathBuf,
    /// Every random stream is derived from it.
    #[serde(default)]
    pub seed: u64,
    /// `auto`, `cpu`, `cuda` or `cuda:INDEX`.
    #[serde(default = "auto")]
    pub device: String,
    /// Type of the parameters: `f32` or `bf16`.
    #[serde(default = "f32_name")]
    pub dtype: String,
    /// CPU threads; 0 for as many as there are cores. Other thread counts give other last bits.
    #[serde(default)]
    pub threads: usize,
    /// A checkpoint is written after every so many updates, and after the last.
    #[serde(default = "default_checkpoint_every")]
    pub checkpoint_every: u64,
    /// How many checkpoints are kept.
    #[serde(default = "default_keep_checkpoints")]
    pub keep_checkpoints: usize,
    /// How many responses of each update are kept whole, for `attune plugin replay`.
    #[serde(default = "default_record_rollouts")]
    pub record_rollouts: u64,
}

fn default_record_rollouts() -> u64 {
    8
}

fn auto() -> String {
    "auto".into()
}

fn f32_name() -> String {
    "f32".into()
}

fn default_checkpoint_every() -> u64 {
    10
}

fn default_keep_checkpoints() -> usize {
    2
}

/// The model that is fine-tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// A Hugging Face folder: `config.json`, `model.safetensors`, `tokenizer.json`.
    pub path: PathBuf,
    /// Train only this many blocks from the top; absent for the whole model.
    pub trainable_layers: Option<usize>,
}

/// A plugin, its settings, its files and its weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginRef {
    /// A component: a path that ends in `.wasm`, or the name of a plugin that ships with Attune.
    pub plugin: String,
    /// `native` to run it as a shared library, `.so`, which no sandbox holds.
    #[serde(default, skip_serializing_if = "Trust::is_usual")]
    pub trust: Trust,
    /// What its scores or terms are multiplied by.
    #[serde(default = "one")]
    pub weight: f64,
    /// Settings of the plugin's own; `attune plugin describe` lists them.
    #[serde(default)]
    pub settings: toml::Table,
    /// Files that the plugin is given, by the names that it asks for.
    #[serde(default)]
    pub assets: BTreeMap<String, PathBuf>,
}

fn one() -> f64 {
    1.0
}

impl PluginRef {
    /// A plugin as it is, with the settings that it has of its own.
    #[must_use]
    pub fn named(plugin: &str) -> PluginRef {
        PluginRef {
            plugin: plugin.to_owned(),
            trust: Trust::default(),
            weight: one(),
            settings: toml::Table::new(),
            assets: BTreeMap::new(),
        }
    }
}

/// How responses are sampled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// Logits are divided by it, here and wherever log-probabilities are taken.
    pub temperature: f64,
    /// Sample among the most likely tokens only; 0 for all.
    pub top_k: i64,
    /// Sample among the tokens that make up this probability; 1 for all.
    pub top_p: f64,
    /// Rows that are generated at a time; 0 for a whole PPO batch.
    pub rollout_batch: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling {
            temperature: 0.7,
            top_k: 0,
            top_p: 1.0,
            rollout_batch: 0,
        }
    }
}

/// Proximal policy optimization. The defaults are those of the released style experiments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ppo {
    /// Episodes in all; rounded up to whole batches.
    pub total_episodes: u64,
    /// Episodes sampled before each update.
    pub batch_size: u64,
    /// Passes over each batch.
    pub epochs: u64,
    /// Parts that each pass is split into; one optimizer step each.
    pub minibatches: u64,
    /// Episodes that go through the model at a time; 0 to choose by memory. Changes no result
    /// but the last bits.
    pub micro_batch: u64,
    /// Learning rate of the first update; falls linearly to zero.
    pub lr: f64,
    /// Weight of the value loss.
    pub vf_coef: f64,
    /// Clipping of the probability ratio.
    pub clip_range: f64,
    /// Clipping of the value around its old value.
    pub clip_range_value: f64,
    /// Discount.
    pub gamma: f64,
    /// Lambda of generalized advantage estimation.
    pub lam: f64,
    /// Scale rewards to unit variance in each minibatch, keeping their mean.
    pub whiten_rewards: bool,
    /// Whiten in so many groups of rows; 8 is what eight ranks would do.
    pub whiten_groups: u64,
    /// Where Adam's epsilon stands: `tensorflow` (the original) or `pytorch`.
    pub adam_epsilon_style: String,
    /// Adam's epsilon.
    pub adam_epsilon: f64,
    /// Largest norm of the gradient; 0 for no clipping (the original).
    pub max_grad_norm: f64,
}

impl Default for Ppo {
    fn default() -> Self {
        Ppo {
            total_episodes: 1_000_000,
            batch_size: 512,
            epochs: 4,
            minibatches: 1,
            micro_batch: 0,
            lr: 1e-5,
            vf_coef: 0.1,
            clip_range: 0.2,
            clip_range_value: 0.2,
            gamma: 1.0,
            lam: 0.95,
            whiten_rewards: true,
            whiten_groups: 1,
            adam_epsilon_style: "tensorflow".into(),
            adam_epsilon: 1e-5,
            max_grad_norm: 0.0,
        }
    }
}

/// The penalty for leaving the original model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kl {
    /// The coefficient, at the first update or throughout.
    pub coef: f64,
    /// KL per sequence, in nats, that the coefficient is steered towards; 0 for a fixed coefficient.
    pub target: f64,
    /// Episodes over which the controller acts.
    pub horizon: f64,
}

impl Default for Kl {
    fn default() -> Self {
        Kl {
            coef: 0.15,
            target: 6.0,
            horizon: 10_000.0,
        }
    }
}

/// What a plugin's error on a row does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// Stop the run, checkpoint intact.
    Fail,
    /// Leave the row out of the update.
    Drop,
    /// Give the row the mean score of the batch's other rows.
    Neutral,
}

/// Limits that every plugin is held to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginLimits {
    /// Longest time for one call, in milliseconds.
    pub deadline_ms: u64,
    /// Most memory that one instance may use, in MiB; a large batch goes to an instance for each of
    /// `run.threads`.
    pub memory_mib: u64,
    /// An instance is replaced by a new one after so many calls.
    pub calls_per_instance: u64,
    /// What an error on a row does.
    pub on_error: OnError,
    /// Largest share of a batch's rows that may fail before the run stops all the same.
    pub max_error_rate: f64,
}

impl Default for PluginLimits {
    fn default() -> Self {
        PluginLimits {
            deadline_ms: 2_000,
            memory_mib: 64,
            calls_per_instance: 1000,
            on_error: OnError::Fail,
            max_error_rate: 0.05,
        }
    }
}

/// What is measured before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Eval {
    /// Held-out queries that are answered before and after.
    pub queries: u64,
    /// How many of them are shown in the table.
    pub show: usize,
    /// Labelers whose scores of the answers are shown, and are no part of the reward.
    pub measure: Vec<PluginRef>,
}

impl Default for Eval {
    fn default() -> Self {
        Eval {
            queries: 64,
            show: 4,
            measure: Vec::new(),
        }
    }
}

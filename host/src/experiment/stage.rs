//! The stages that experiments are made of: reward models, and a policy against them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::config::{Config, Plan, Reward, Score};
use crate::experiment::resume::open;
use crate::experiment::{policy, reward};
use crate::label::Label;
use crate::train::observer::{Observer, Rates};
use crate::train::options::RewardOptions;

/// Trains a policy in one piece.
pub(super) fn policy(config: &Config, observer: &mut dyn Observer) -> Result<()> {
    let resume = config.run.dir.join("config.toml").is_file();
    policy::train(config, resume, observer)
}

/// What follows from the config for the policy's part.
pub(super) fn derived(config: &Config) -> Result<Plan> {
    against(config, Path::new("")).plan()
}

/// The policy's part before there is a reward model.
pub(super) fn without_model(config: &Config) -> Config {
    let mut part = against(config, Path::new(""));
    part.score
        .retain(|score| score.reward_models != [PathBuf::new()]);
    part
}

/// How many labels each reward model learns from, 0 for all, and what it is called.
pub(super) fn sizes(config: &Config) -> Vec<(u64, String)> {
    let study = config.study.iter().flat_map(|study| study.labels.clone());
    let mut sizes: Vec<u64> = study.collect();
    if sizes.is_empty() {
        let default = Reward::default();
        sizes.push(config.reward.as_ref().unwrap_or(&default).num_train);
    }
    let named = sizes.into_iter().map(|size| match size {
        0 => (size, "reward".to_owned()),
        size => (size, format!("reward-{size:05}")),
    });
    named.collect()
}

/// Optimizer steps in which a reward model learns from so many labels.
pub(super) fn steps(config: &Config, labels: u64) -> u64 {
    let options = options(config);
    options.batches(labels as usize).per_epoch() * options.epochs
}

/// Learning rates of a reward model that learns from so many labels.
pub(super) fn rates(config: &Config, labels: u64) -> Rates {
    let options = options(config);
    let batch_size = options.batch_size as u64;
    let per_epoch = options.batches(labels as usize).per_epoch().max(1);
    Rates::of(steps(config, labels), |step| {
        let seen = step / per_epoch * labels + step % per_epoch * batch_size;
        options.rate(seen, labels)
    })
}

fn options(config: &Config) -> RewardOptions {
    RewardOptions::new(&config.reward.clone().unwrap_or_default(), &config.run)
}

/// Trains the reward models that are not there yet, from the labels that the config names or from
/// `own`; returns all, by how many labels they learned from.
pub(super) fn reward_models(
    config: &Config,
    own: Option<&[Label]>,
    observer: &mut dyn Observer,
) -> Result<Vec<(u64, PathBuf)>> {
    let reward = config.reward()?;
    let mut models = Vec::new();
    for (size, name) in sizes(config) {
        let mut part = config.clone();
        part.run.dir = config.run.dir.join(&name);
        part.reward = Some(Reward {
            num_train: if own.is_some() { 0 } else { size },
            ..reward.clone()
        });
        let run_dir = open(&part, &part.to_toml()?)?.run_dir;
        if !run_dir.report().is_file() {
            let own = own.map_or(&[][..], |labels| &labels[..size as usize]);
            reward::train_in(&part, part.reward()?, own, &run_dir, true, observer)
                .with_context(|| format!("in `{}`", part.run.dir.display()))?;
        }
        models.push((size, part.run.dir));
    }
    Ok(models)
}

/// The config of the policy's part: its reward is the model that was trained, where nothing else is
/// said.
pub(super) fn against(config: &Config, model: &Path) -> Config {
    let mut part = config.clone();
    part.run.dir = config.run.dir.join("policy");
    if part.score.is_empty() {
        part.score.push(Score {
            trained: true,
            ..Score::default()
        });
    }
    for score in part.score.iter_mut().filter(|score| score.trained) {
        score.trained = false;
        score.reward_models = vec![model.to_path_buf()];
    }
    part
}

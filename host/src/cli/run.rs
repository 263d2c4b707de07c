//! `attune run`: a whole experiment, as parts that are done or go on where they stopped.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cli::ConfigArgs;
use crate::cli::progress::Progress;
use crate::cli::train::Part;
use crate::cli::{judges, parts, reward};
use crate::config::{Config, Plan, Reward, Score};
use crate::label::Label;
use crate::run_dir::{RunDir, replace};
use crate::train::policy::{Observer, Open};

mod known;
mod online;

/// Runs what is not done yet, and shows the results of all.
pub(super) fn run(args: &ConfigArgs) -> Result<()> {
    let (config, file) = (args.load()?, &args.file);
    let about = || format!("in config `{}`", file.display());
    check(&config).with_context(about)?;
    if config.task.is_some() {
        // Plugins, model and data of the policy: loaded before the first part takes its hours.
        drop(parts::load(&without_model(&config)).with_context(about)?);
    }
    let run_dir = open(&config.run.dir, &config.to_toml()?)?;
    if let (Some(study), true) = (&config.study, config.knows_reward()) {
        known::run(&config, study, &run_dir).with_context(about)?;
    } else if let Some(collect) = &config.collect {
        online::run(&config, collect, &run_dir).with_context(about)?;
    } else {
        let models = reward_models(&config, None)?;
        let table = judges::compare(&config, &models)?;
        replace(&run_dir.root().join("judges.md"), table.as_bytes())?;
        println!("\n{table}");
        if config.task.is_some() {
            let (_, last) = models.last().context("there is no reward model")?;
            policy(&against(&config, last)).with_context(about)?;
        }
    }
    println!(
        "\nresults of the whole experiment: {}",
        run_dir.root().display()
    );
    Ok(())
}

/// Trains a policy in one piece.
fn policy(config: &Config) -> Result<()> {
    let part = Part {
        plan: config.plan()?,
        text: config.to_toml()?,
        begun_with: config,
        resume: config.run.dir.join("config.toml").is_file(),
        until: None,
        same_judge: true,
        config,
    };
    part.train(&mut Open, &mut Progress::new())
}

/// Prints what an experiment would do, and returns the config of its policy's part, when it has one.
pub(super) fn plan(config: &Config) -> Result<Option<Config>> {
    check(config)?;
    for (size, name) in sizes(config) {
        let labels = match size {
            0 => "all labels".to_owned(),
            size => format!("{size} labels"),
        };
        if config.collect.is_none() || config.knows_reward() {
            println!("reward     {labels}, in {name}");
        }
    }
    if let (Some(study), true) = (&config.study, config.knows_reward()) {
        known::plan_of(study);
    } else if let Some(collect) = &config.collect {
        online::plan_of(config, collect)?;
    }
    Ok(config.task.is_some().then(|| {
        let mut part = without_model(config);
        if config.knows_reward() {
            part.run.dir = config.run.dir.join(known::TRUE);
        }
        part
    }))
}

/// What follows from the config for the policy's part.
pub(super) fn derived(config: &Config) -> Result<Plan> {
    against(config, Path::new("")).plan()
}

/// The policy's part before there is a reward model.
fn without_model(config: &Config) -> Config {
    let mut part = against(config, Path::new(""));
    part.score
        .retain(|score| score.reward_models != [PathBuf::new()]);
    part
}

/// Finds what cannot work in the config.
fn check(config: &Config) -> Result<()> {
    config.check_study()?;
    if config.collect.is_some() {
        config.collect()?;
    }
    if config.collect.is_none() || config.knows_reward() {
        config.reward()?;
    }
    let reward = config.reward.clone().unwrap_or_default();
    let collects = config.collect.is_some() || config.knows_reward();
    let most = sizes(config).iter().map(|(size, _)| *size).max();
    reward::check(config, &reward, most.filter(|_| !collects))?;
    if !collects {
        judges::check(config)?;
    }
    if config.task.is_some() {
        derived(config)?;
    }
    let sizes = config.study.iter().flat_map(|study| &study.labels);
    if let Some(0) = sizes.clone().min() {
        bail!("[study] labels has a 0\nhint: a reward model needs labels");
    }
    if !sizes.is_sorted() {
        bail!(
            "[study] labels must rise\nhint: the last is the one that the policy is trained against"
        );
    }
    Ok(())
}

/// A directory, new or begun with the same config.
fn open(root: &Path, text: &str) -> Result<RunDir> {
    if root.join("config.toml").is_file() {
        return RunDir::resume(root, text);
    }
    RunDir::create(root, text)
}

/// How many labels each reward model learns from, 0 for all, and what it is called.
fn sizes(config: &Config) -> Vec<(u64, String)> {
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

/// Trains the reward models that are not there yet, from the labels that the config names or from
/// `own`; returns all, by how many labels they learned from.
fn reward_models(config: &Config, own: Option<&[Label]>) -> Result<Vec<(u64, PathBuf)>> {
    let reward = config.reward()?;
    let mut models = Vec::new();
    for (size, name) in sizes(config) {
        let mut part = config.clone();
        part.run.dir = config.run.dir.join(&name);
        part.reward = Some(Reward {
            num_train: if own.is_some() { 0 } else { size },
            ..reward.clone()
        });
        let run_dir = open(&part.run.dir, &part.to_toml()?)?;
        if !run_dir.report().is_file() {
            let mut progress = Progress::new();
            progress.note(&format!("{name}: training a reward model"));
            let own = own.map_or(&[][..], |labels| &labels[..size as usize]);
            reward::train_in(&part, part.reward()?, own, &run_dir, true, &mut progress)
                .with_context(|| format!("in `{}`", part.run.dir.display()))?;
        }
        models.push((size, part.run.dir));
    }
    Ok(models)
}

/// The config of the policy's part: its reward is the model that was trained, where nothing else is
/// said.
fn against(config: &Config, model: &Path) -> Config {
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

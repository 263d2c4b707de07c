//! A whole experiment, as parts that are done or go on where they stopped.

use anyhow::{Context, Result, bail};

use crate::config::{Config, Plan};
use crate::experiment::resume::open;
use crate::experiment::stage::{
    against, derived, policy, rates as rates_of, reward_models, sizes, steps, without_model,
};
use crate::experiment::{evaluate, judges, known, online, parts, people, reward};
use crate::run_dir::replace;
use crate::train::observer::{Event, Observer, Planned, Rates, Stage};

/// Runs what is not done yet, and tells the results of all.
///
/// # Errors
/// The config, its model, its data, its labels or its plugins cannot be used, or a part cannot go on.
pub fn run(config: &Config, observer: &mut dyn Observer) -> Result<()> {
    check(config)?;
    if config.compare.is_some() {
        // What it names must be there, but for what is made first.
        drop(evaluate::plan(config)?);
    }
    if config.task.is_some() {
        // Plugins, model and data of the policy: loaded before the first part takes its hours.
        drop(parts::load(&without_model(config))?);
    }
    let opened = open(config, &config.to_toml()?)?;
    opened.tell_rounding(observer)?;
    let run_dir = opened.run_dir;
    let dir = run_dir.root();
    let stage = Stage::Experiment;
    observer.event(&Event::Begun { stage, dir });
    if let (Some(study), true) = (&config.study, config.knows_reward()) {
        known::run(config, study, &run_dir, observer)?;
    } else if let Some(collect) = &config.collect {
        online::run(config, collect, &run_dir, observer)?;
    } else {
        let models = reward_models(config, None, observer)?;
        let table = judges::compare(config, &models)?;
        replace(&dir.join("judges.md"), table.markdown().as_bytes())?;
        observer.event(&Event::Table(&table));
        if config.task.is_some() {
            let (_, last) = models.last().context("there is no reward model")?;
            policy(&against(config, last), observer)?;
        }
    }
    if config.compare.is_some() {
        evaluate::run(config, observer)?;
    }
    observer.event(&Event::Ended { stage, dir });
    Ok(())
}

/// Whether a config is an experiment of several parts, and not the training of a policy alone.
#[must_use]
pub fn has_parts(config: &Config) -> bool {
    // A reward model that is trained first makes it one.
    config.reward.is_some() || config.collect.is_some()
}

/// What an experiment would do.
pub struct Agenda {
    /// The parts that are to come.
    pub planned: Vec<Planned>,
    /// Learning rates of the last reward model, where it is known how many labels it learns from.
    pub rates: Option<Rates>,
    /// What the labels are that the config names, for a person to read.
    pub labels: Vec<String>,
    /// The config of the policy's part, and what follows from it, when there is one.
    pub policy: Option<(Config, Plan)>,
}

/// The parts that are to come, and the policy's config with what follows from it, when there is one.
///
/// # Errors
/// The config cannot work, or its labels cannot be used.
pub fn plan(config: &Config) -> Result<Agenda> {
    let labels = check(config)?;
    let mut planned = Vec::new();
    if config.collect.is_none() || config.knows_reward() {
        for (labels, name) in sizes(config) {
            let steps = steps(config, labels);
            planned.push(Planned::RewardModel {
                labels,
                steps,
                name,
            });
        }
    }
    if let (Some(study), true) = (&config.study, config.knows_reward()) {
        planned.extend(known::planned(study));
    } else if let Some(collect) = &config.collect {
        planned.extend(online::planned(config, collect)?);
    }
    let learned = planned.iter().rev().find_map(|part| match part {
        Planned::RewardModel { labels, .. } | Planned::Takeover { labels, .. } => Some(*labels),
        _ => None,
    });
    let rates = learned.filter(|labels| *labels > 0);
    let rates = rates.map(|labels| rates_of(config, labels));
    if config.task.is_none() {
        return Ok(Agenda {
            planned,
            rates,
            labels,
            policy: None,
        });
    }
    let mut part = without_model(config);
    if config.knows_reward() {
        part.run.dir = config.run.dir.join(known::TRUE);
    }
    Ok(Agenda {
        planned,
        rates,
        labels,
        policy: Some((part, derived(config)?)),
    })
}

/// Finds what cannot work in the config; says what its labels are.
fn check(config: &Config) -> Result<Vec<String>> {
    config.check_study()?;
    if config.compare.is_some() {
        config.compare()?;
    }
    if config.collect.is_some() && config.session.extend {
        bail!(
            "`--extend`, and [collect] asks for labels by a schedule over all episodes, which would be another\n\
             hint: start a new run directory by `--set run.dir=…`"
        );
    }
    if config.collect.is_some() && config.collect()?.by == "people" {
        // What people are told and measured by must be there before they come.
        people::rules(config)?;
    }
    if config.collect.is_none() || config.knows_reward() {
        config.reward()?;
    }
    let reward = config.reward.clone().unwrap_or_default();
    let collects = config.collect.is_some() || config.knows_reward();
    let most = sizes(config).iter().map(|(size, _)| *size).max();
    let labels = reward::check(config, &reward, most.filter(|_| !collects))?;
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
    Ok(labels)
}

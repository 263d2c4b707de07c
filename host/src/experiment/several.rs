//! An experiment of several trainings: each with the config that it has of its own and in a folder of its own, one after
//! the other, and all compared at the end.

use anyhow::{Context, Result, bail};

use crate::config::{Config, Part, Training};
use crate::experiment::resume::open;
use crate::experiment::stage::{policy, without_model};
use crate::experiment::{evaluate, parts, sft, whole};
use crate::train::observer::{Event, Observer, Stage};

/// Runs what is not done yet of an experiment, whether it has parts or not, and tells the results of all.
///
/// # Errors
/// A config, its model, its data, its labels or its plugins cannot be used, or a training cannot go on.
pub fn run(config: &Config, observer: &mut dyn Observer) -> Result<()> {
    if config.part.is_empty() {
        return whole::run(config, observer);
    }
    // All of them, before the first takes its hours.
    let all = check(config)?;
    if config.compare.is_some() {
        drop(evaluate::plan(config)?);
    }
    for (part, own) in &all {
        load(part, own).with_context(|| within(part))?;
    }
    let opened = open(config, &config.to_toml()?)?;
    opened.tell_rounding(observer)?;
    let run_dir = opened.run_dir;
    let (stage, dir) = (Stage::Experiment, run_dir.root());
    observer.event(&Event::Begun { stage, dir });
    for place in 0..all.len() {
        // Anew: what it starts from may have been made since.
        let (part, own) = config.parts()?.swap_remove(place);
        observer.note(&format!(
            "part {} of {}: {}",
            place + 1,
            all.len(),
            told(part, &own)
        ));
        train(part, &own, observer).with_context(|| within(part))?;
    }
    if config.compare.is_some() {
        evaluate::run(config, observer)?;
    }
    observer.event(&Event::Ended { stage, dir });
    Ok(())
}

/// The parts with their configs, in none of which there is anything that cannot work, as far as configs tell.
///
/// # Errors
/// There is.
pub fn check(config: &Config) -> Result<Vec<(&Part, Config)>> {
    let all = config.parts()?;
    for (part, own) in &all {
        let checked = match part.train {
            Training::Sft => own.sft().map(|_| ()),
            Training::Policy => own.plan().map(|_| ()),
            Training::All => whole::plan(own).map(|_| ()),
        };
        checked.with_context(|| within(part))?;
    }
    if config.compare.is_some() {
        config.compare()?;
    }
    Ok(all)
}

/// What a part is, in a line.
#[must_use]
pub fn told(part: &Part, own: &Config) -> String {
    let what = match part.train {
        Training::Sft => "learns what people wrote",
        Training::Policy => "trains a policy",
        Training::All => "a whole experiment",
    };
    let start = part.start.as_ref();
    let start = start.map_or(String::new(), |start| format!(", starts from `{start}`"));
    format!(
        "{}: {what}{start}, in `{}`",
        part.name,
        own.run.dir.display()
    )
}

fn within(part: &Part) -> String {
    format!("in [[part]] `{}`", part.name)
}

/// Plugins, data and what of the model is quick to be wrong.
fn load(part: &Part, own: &Config) -> Result<()> {
    match part.train {
        Training::Sft => sft::plan(own).map(|_| ()),
        Training::Policy => parts::load(own).map(|_| ()),
        // The reward model that it trains is not there.
        Training::All if own.task.is_some() => parts::load(&without_model(own)).map(|_| ()),
        Training::All => Ok(()),
    }
}

/// Begins or goes on with a part, or finds it done.
fn train(part: &Part, own: &Config, observer: &mut dyn Observer) -> Result<()> {
    if let Some(start) = &part.start
        && !own
            .model
            .path
            .starts_with(own.run.dir.with_file_name(start))
    {
        bail!(
            "part `{start}` has made no model\nhint: a part that trains a reward model alone is nothing to start from"
        );
    }
    match part.train {
        Training::Sft => sft::train(own, own.run.dir.join("config.toml").is_file(), observer),
        Training::Policy => policy(own, observer),
        Training::All => whole::run(own, observer),
    }
}

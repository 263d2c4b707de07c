//! `attune plan`: what a config would do, and how long at least.

use anyhow::{Context, Result};

use crate::cli::bench::floor;
use crate::cli::{ConfigArgs, warn};
use crate::config::{Config, Plan, Training};
use crate::experiment::evaluate;
use crate::experiment::joined;
use crate::experiment::outline::outline;
use crate::experiment::parts::{self, Parts};
use crate::experiment::several;
use crate::experiment::sft;
use crate::experiment::whole;

/// Checks everything and prints what would happen.
pub(super) fn plan(args: &ConfigArgs) -> Result<()> {
    let config = args.load()?;
    let planned = match config.part.is_empty() {
        true => plan_one(&config),
        false => plan_parts(&config),
    };
    planned.with_context(|| format!("in config `{}`", args.file.display()))
}

/// What each part would do, and what would be compared then.
fn plan_parts(config: &Config) -> Result<()> {
    for (part, own) in several::check(config)? {
        println!("part       {}", several::told(part, &own));
        let planned = match part.train {
            Training::Sft => plan_supervised(&own),
            Training::Policy => own.plan().and_then(|plan| plan_policy(&own, &plan)),
            Training::All => plan_one(&own),
        };
        planned.with_context(|| format!("in [[part]] `{}`", part.name))?;
        println!("");
    }
    plan_comparison(config)
}

fn plan_comparison(config: &Config) -> Result<()> {
    if config.compare.is_some() {
        for line in evaluate::plan(config)? {
            println!("compare    {line}");
        }
    }
    Ok(())
}

fn plan_supervised(config: &Config) -> Result<()> {
    if config.sft.is_some() {
        for line in sft::plan(config)? {
            println!("supervised {line}");
        }
    }
    Ok(())
}

/// What a config without parts would do.
fn plan_one(config: &Config) -> Result<()> {
    plan_comparison(config)?;
    plan_supervised(config)?;
    if config.sft.is_some() || config.compare.is_some() {
        let reward = [
            config.labeler.is_some(),
            !config.score.is_empty(),
            !config.shaper.is_empty(),
        ];
        if !reward.contains(&true) && !whole::has_parts(config) {
            return Ok(());
        }
    }
    if !whole::has_parts(config) {
        return config.plan().and_then(|plan| plan_policy(config, &plan));
    }
    let agenda = whole::plan(config)?;
    for said in &agenda.labels {
        println!("{}", said.replacen("labels: ", "labels     ", 1));
    }
    for planned in &agenda.planned {
        println!("{planned}");
    }
    if let Some(rates) = &agenda.rates {
        println!("rates      of the last reward model: {rates}");
    }
    for line in joined::of_labels(config)? {
        println!("texts      {line}");
    }
    match agenda.policy {
        Some((part, plan)) => plan_policy(&part, &plan),
        None => Ok(()),
    }
}

fn plan_policy(config: &Config, plan: &Plan) -> Result<()> {
    let parts = parts::load(config)?;
    warn(&parts.notes());
    println!("{}", outline(config, plan, &parts));
    for line in joined::of_rows(config, &parts)? {
        println!("texts      {line}");
    }
    if !parts.policy.device().is_cuda() {
        print_time(config, plan, &parts);
    }
    Ok(())
}

/// What the machine needs at least for an update, by products that are timed now.
fn print_time(config: &Config, plan: &Plan, parts: &Parts) {
    let (operations, rate) = floor(config, parts);
    let seconds = operations / rate;
    println!(
        "time       at least {seconds:.1} s an update, {:.0} min in all: the products alone, at the {:.0} \
         GFLOP/s seen just now",
        seconds * plan.updates as f64 / 60.0,
        rate / 1e9,
    );
}

//! `attune plan`: what a config would do, and how long at least.

use anyhow::{Context, Result};

use crate::cli::ConfigArgs;
use crate::cli::bench::floor;
use crate::cli::parts::{self, Parts};
use crate::cli::run;
use crate::cli::train::micro_batch;
use crate::config::{Config, Plan};

/// Checks everything and prints what would happen.
pub(super) fn plan(args: &ConfigArgs) -> Result<()> {
    let config = args.load()?;
    let about = || format!("in config `{}`", args.file.display());
    // A reward model that is trained first makes it an experiment of several parts.
    if config.reward.is_none() && config.collect.is_none() {
        return plan_policy(&config, config.plan()).with_context(about);
    }
    match run::plan(&config).with_context(about)? {
        Some(part) => plan_policy(&part, run::derived(&config)).with_context(about),
        None => Ok(()),
    }
}

fn plan_policy(config: &Config, plan: Result<Plan>) -> Result<()> {
    let plan = plan?;
    let parts = parts::load(config)?;
    print_plan(config, &plan, &parts);
    if !parts.policy.device().is_cuda() {
        print_time(config, &plan, &parts);
    }
    Ok(())
}

pub(super) fn print_plan(config: &Config, plan: &Plan, parts: &Parts) {
    let layout = parts.scorers.task.layout();
    let context_len = layout.prefix.len() + layout.query_len + layout.suffix.len();
    let trainable: usize = parts
        .policy
        .trainable()
        .iter()
        .map(|(_, tensor)| tensor.numel())
        .sum();
    let micro = micro_batch(config, plan, parts);
    println!("run        {}", config.run.dir.display());
    println!(
        "model      {} ({} trainable parameters)",
        config.model.path.display(),
        trainable
    );
    println!(
        "device     {:?}, {}, {} threads",
        parts.policy.device(),
        config.run.dtype,
        tch::get_num_threads()
    );
    for identity in &parts.identities {
        let short: String = identity.sha256.chars().take(12).collect();
        println!(
            "plugin     {} {} (sha256 {short}…{})",
            identity.name,
            identity.version,
            if identity.unsandboxed {
                ", unsandboxed"
            } else {
                ""
            }
        );
    }
    println!(
        "queries    {} to train on, {} held out",
        parts.train.len(),
        parts.held_out.len()
    );
    println!(
        "tokens     context {context_len}, response {}",
        layout.response_len
    );
    println!(
        "episodes   {} in {} updates of {}, {} epochs x {} minibatches of {}, {micro} at a time",
        plan.updates * config.ppo.batch_size,
        plan.updates,
        config.ppo.batch_size,
        config.ppo.epochs,
        config.ppo.minibatches,
        plan.minibatch_size,
    );
    println!("optimizer  {} steps", plan.optimizer_steps);
    println!(
        "memory     about {} MiB for weights, reference, gradients and optimizer, {} MiB for activations",
        parts.policy.training_bytes() >> 20,
        (parts.policy.activation_bytes_per_token() * (context_len + layout.response_len) * micro)
            >> 20,
    );
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

//! `attune bench`: times whole updates of a config, or steps of its reward model or of its fine-tuning, by
//! the code that trains, and says how fast the machine multiplies. One JSON object a line; keeps nothing and
//! compares with nobody.

use std::io::{BufRead, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};

use super::ConfigArgs;
use crate::config::{Config, Plan};
use crate::experiment::parts::{self, Parts};
use crate::experiment::sft::Unbegun;
use crate::model::floor::{Shape, Work, best_rate};
use crate::role::Split;
use crate::train::options::UpdateOptions;
use crate::train::update;

mod steps;

#[derive(Args)]
pub(super) struct BenchArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Make so many updates, or steps with `--reward` or `--sft`
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// Make one for each line of standard input instead, until it ends
    #[arg(long, conflicts_with = "rounds")]
    serve: bool,
    /// Only print the update's matrix products and the best rate at which this machine makes them
    #[arg(long, conflicts_with_all = ["rounds", "serve"])]
    floor: bool,
    /// Make optimizer steps of `[reward]` in place of updates
    #[arg(long, conflicts_with = "floor")]
    reward: bool,
    /// Make optimizer steps of `[sft]` in place of updates
    #[arg(long, conflicts_with_all = ["floor", "reward"])]
    sft: bool,
    /// Only print the rate and the pairs of each step, as token ids
    #[arg(long, requires = "sft", conflicts_with = "serve")]
    batches: bool,
}

pub(super) fn run(args: &BenchArgs) -> Result<()> {
    let file = &args.config.file;
    let config = args.config.load()?;
    let about = || format!("in config `{}`", file.display());
    if args.reward {
        return steps::of_reward(args, &config, config.reward().with_context(about)?);
    }
    if args.sft {
        return steps::of_sft(args, &Unbegun::read(&config).with_context(about)?);
    }
    let plan = config.plan().with_context(about)?;
    let parts = parts::load(&config)?;
    if args.floor {
        let (operations, rate) = floor_by_phase(&config, &parts);
        return say(&json!({ "operations": operations, "rate": rate }));
    }
    updates(args, &config, &plan, parts)
}

/// The update's products, in floating-point operations, and the machine's best rate, in operations
/// a second.
fn floor_by_phase(config: &Config, parts: &Parts) -> (Work, f64) {
    let layout = parts.scorers.task.layout();
    let shape = Shape {
        batch: config.ppo.batch_size as i64,
        context_len: (layout.prefix.len() + layout.query_len + layout.suffix.len()) as i64,
        response_len: layout.response_len as i64,
        epochs: config.ppo.epochs as i64,
        frozen_layers: parts.policy.frozen_layers(),
    };
    let model = parts.policy.config();
    let rows = shape.batch * (shape.context_len + shape.response_len);
    (Work::of(model, shape), best_rate(model, rows))
}

/// The same for a whole update.
pub(super) fn floor(config: &Config, parts: &Parts) -> (f64, f64) {
    let (work, rate) = floor_by_phase(config, parts);
    (work.generate + work.analyze + work.train, rate)
}

fn updates(args: &BenchArgs, config: &Config, plan: &Plan, mut parts: Parts) -> Result<()> {
    let reference = parts.policy.reference();
    let stream = parts.take_train().shuffled(config.data()?.shuffle_seed);
    let options = UpdateOptions::new(config, plan, parts.micro_batch(config, plan));
    let roller = parts.roller(&reference, config, plan, &options);
    let mut adam = update::optimizer(&parts.policy, &options);
    serve(args, |update| {
        let clock = Instant::now();
        let queries = stream.batch(
            update * config.ppo.batch_size,
            config.ppo.batch_size as usize,
        )?;
        let mut rollout = roller.roll(&queries, update, Split::Train)?;
        let pass = rollout.take_pass();
        let rolled = clock.elapsed().as_secs_f64();
        let kept = rollout.kept(parts.scorers.task.layout());
        update::learn(
            &parts.policy,
            &kept,
            pass,
            parts::controller(config).coefficient(),
            config.ppo.lr,
            &options,
            &mut adam,
            update,
        )?;
        let total = clock.elapsed().as_secs_f64();
        Ok(json!({
            "generate": rollout.seconds.generate,
            "analyze": rollout.seconds.analyze,
            "score": rollout.scores.plugin_seconds + rollout.scores.model_seconds,
            "train": total - rolled,
            "total": total,
            "plugin_share": rollout.scores.plugin_seconds / total,
            "tokens_per_second": rollout.logprobs.numel() as f64 / rollout.seconds.generate,
            "peak_mib": peak_mib(),
        }))
    })
}

/// Makes as many rounds, counted from 0, as are asked for, and says what each has measured.
fn serve(args: &BenchArgs, mut round: impl FnMut(u64) -> Result<Value>) -> Result<()> {
    if !args.serve {
        return (0..args.rounds).try_for_each(|number| say(&round(number)?));
    }
    say(&json!({
        "ready": true,
        "version": env!("CARGO_PKG_VERSION"),
        "threads": tch::get_num_threads(),
    }))?;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        line.context("cannot read standard input")?;
        say(&round(number as u64)?)?;
    }
    Ok(())
}

/// One line at once, for whoever waits for it.
fn say(value: &Value) -> Result<()> {
    println!("{value}");
    Ok(std::io::stdout().flush()?)
}

/// The most memory that this process ever held, where the system says so.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024.0)
}

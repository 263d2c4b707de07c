//! Times optimizer steps of what learns from examples: reward models, and policies that learn what people wrote. It
//! knows what a step is made from; nothing is saved, so the scale of rewards is left alone.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{BenchArgs, peak_mib, say, serve};
use crate::config::{Config, Reward};
use crate::experiment::examples::Reader;
use crate::experiment::sft::Unbegun;
use crate::experiment::{parts, reward};
use crate::metrics::Record;
use crate::train::course::Learns;
use crate::train::options::RewardOptions;
use crate::train::reward::Learner;

/// Steps of a reward model on the config's labels.
pub(super) fn of_reward(args: &BenchArgs, config: &Config, settings: &Reward) -> Result<()> {
    let (shape, tokenizer) = parts::model(reward::start(config, settings))?;
    let reader = Reader {
        tokenizer: &tokenizer,
        model: &shape,
        refuses_bad: reward::refuses_bad(settings),
        weights: Some(&settings.weights),
    };
    let read = reader
        .read(&settings.train, settings.num_train)
        .context("in [reward] train")?;
    if read.examples.is_empty() {
        bail!("no label says which response is better\nhint: name others by reward.train");
    }
    let model = reward::untrained(config, settings, reward::place(config, settings)?)?;
    let options = RewardOptions::new(settings, &config.run);
    let learner = Learner {
        model: &model,
        examples: &read.examples,
        validation: &[],
        options: &options,
    };
    let all = options.batches(read.examples.len()).per_epoch() * options.epochs;
    steps(
        args,
        &learner,
        all,
        |_, record| json!({ "loss": record.get("reward/loss") }),
    )
}

/// Steps of supervised fine-tuning or, for who wants to make the same elsewhere, what is learned in them.
pub(super) fn of_sft(args: &BenchArgs, unbegun: &Unbegun) -> Result<()> {
    let learner = unbegun.learner();
    let all = learner.steps();
    if args.batches {
        return (0..args.rounds)
            .map(|round| round % all)
            .try_for_each(|step| {
                let pairs = learner.pairs(step).into_iter();
                let pairs: Vec<_> = pairs.map(|pair| [&pair.context, &pair.response]).collect();
                say(&json!({ "lr": learner.rate(step), "pairs": pairs }))
            });
    }
    steps(args, &learner, all, |step, record| {
        let tokens = learner.tokens(step);
        json!({
            "loss": record.get("sft/loss"),
            "tokens": tokens.read,
            "response_tokens": tokens.response,
            "padded_tokens": tokens.padded,
        })
    })
}

/// Makes steps from the first on, and begins again after the last of `all`. `about`: what else is said of one.
fn steps(
    args: &BenchArgs,
    learner: &dyn Learns,
    all: u64,
    about: impl Fn(u64, &Record) -> Value,
) -> Result<()> {
    let mut adam = learner.optimizer();
    serve(args, |number| {
        let clock = Instant::now();
        let record = learner.step(&mut adam, number % all)?;
        let total = clock.elapsed().as_secs_f64();
        let mut line = about(number % all, &record);
        line["total"] = json!(total);
        line["peak_mib"] = json!(peak_mib());
        Ok(line)
    })
}

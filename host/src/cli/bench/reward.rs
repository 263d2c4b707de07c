//! Times optimizer steps of a reward model. It knows what a step is made from; nothing is saved, so the
//! scale of rewards is left alone.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{BenchArgs, peak_mib, serve};
use crate::config::{Config, Reward};
use crate::experiment::examples::Reader;
use crate::experiment::{parts, reward};
use crate::train::course::Learns;
use crate::train::options::RewardOptions;
use crate::train::reward::Learner;

/// Makes steps from the first on, and begins again after the last.
pub(super) fn steps(args: &BenchArgs, config: &Config, settings: &Reward) -> Result<()> {
    let (shape, tokenizer) = parts::model(reward::start(config, settings))?;
    let reader = Reader {
        tokenizer: &tokenizer,
        model: &shape,
        refuses_bad: reward::refuses_bad(settings),
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
    let mut adam = learner.optimizer();
    let all = options.batches(read.examples.len()).per_epoch() * options.epochs;
    serve(args, |number| {
        let clock = Instant::now();
        let record = learner.step(&mut adam, number % all)?;
        Ok(json!({
            "total": clock.elapsed().as_secs_f64(),
            "loss": record.get("reward/loss"),
            "peak_mib": peak_mib(),
        }))
    })
}

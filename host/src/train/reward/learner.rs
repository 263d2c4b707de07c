//! One optimizer step of a reward model: which examples, their gradient, the update. It knows neither
//! files nor when training ends.

use std::time::Instant;

use anyhow::{Result, bail};
use tch::Tensor;

use super::Example;
use super::batch::{agreement, poisson};
use super::report::Report;
use crate::metrics::Record;
use crate::model::reward::{Passages, RewardModel};
use crate::rl::adam::{Adam, Stepped};
use crate::rl::preference;
use crate::seed;
use crate::train::batches::{Batch, parts};
use crate::train::course::Learns;
use crate::train::options::RewardOptions;

/// Who learns, from what, and how.
pub struct Learner<'a> {
    /// The model.
    pub model: &'a RewardModel,
    /// What is learned from.
    pub examples: &'a [Example],
    /// What is never learned from.
    pub validation: &'a [Example],
    /// How.
    pub options: &'a RewardOptions,
}

impl Learns for Learner<'_> {
    fn trainable(&self) -> Vec<(String, Tensor)> {
        self.model.trainable()
    }

    fn load_state(&self, state: &[(String, Tensor)]) -> Result<()> {
        self.model.load_state(state)
    }

    fn optimizer(&self) -> Adam {
        self.model.allocate_gradients();
        Adam::new(self.model.trainable(), self.options.adam)
    }

    fn step(&self, adam: &mut Adam, step: u64) -> Result<Record> {
        let clock = Instant::now();
        let count = self.examples.len();
        let batches = self.options.batches(count);
        let order = (self.options.root_seed, "reward-order");
        let Batch { epoch, seen, rows } = batches.of_step(step, order);
        let lr = self.options.rate(seen, count as u64);
        let (loss, agreed) = self.accumulate(&rows, epoch);
        let Stepped { norm, finite } = adam.step(lr);
        if !(loss.is_finite() && norm.is_finite() && finite) {
            bail!(
                "step {step}: the loss is {loss}, the gradient's norm {norm}, which cannot be learned \
                 from\nhint: lower reward.lr, now {}",
                self.options.lr
            );
        }
        let scale = self.model.scale();
        let mean =
            |f: fn(&(f64, f64)) -> f64| scale.iter().map(f).sum::<f64>() / scale.len() as f64;
        let mut record = Record::default();
        record.set("reward/loss", loss);
        if let Some(agreed) = agreed {
            record.set("reward/accuracy", agreed);
        }
        record.set("reward/lr", lr);
        record.set("reward/gain", mean(|scale| scale.0));
        record.set("reward/bias", mean(|scale| scale.1));
        record.set("reward/grad_norm", norm);
        record.set("elapsed/labels", (seen + rows.len() as u64) as f64);
        record.set("time/step", clock.elapsed().as_secs_f64());
        Ok(record)
    }

    fn validate(&self) -> Option<(f64, Record)> {
        if self.validation.is_empty() {
            return None;
        }
        let options = self.options;
        let report = Report::of(
            self.model,
            self.validation,
            options.form,
            options.micro_tokens,
        );
        let mut record = Record::default();
        record.set("validation/loss", report.loss);
        if let Some(accuracy) = report.accuracy {
            record.set("validation/accuracy", accuracy.value);
        }
        if let Some(correlation) = report.ratings.and_then(|ratings| ratings.correlation) {
            record.set("validation/correlation", correlation);
        }
        Some((report.loss, record))
    }
}

impl Learner<'_> {
    /// Adds up the gradient of a batch; returns its mean loss and how often the model agreed, where
    /// anything was compared.
    pub(super) fn accumulate(&self, batch: &[usize], epoch: u64) -> (f64, Option<f64>) {
        let heads = self.model.heads();
        let share = 1.0 / (batch.len() * heads) as f64;
        let (mut loss, mut agreed, mut asked) = (0.0, 0.0, 0usize);
        for part in parts(batch, self.options.micro_tokens, |&at| {
            self.examples[at].passages.len()
        }) {
            let rows: Vec<&Passages> = part.iter().map(|&at| &self.examples[at].passages).collect();
            let value = self.model.accumulate(&rows, &mut |rewards| {
                let mut terms = Vec::new();
                for (row, &at) in part.iter().enumerate() {
                    let example = &self.examples[at];
                    let count = example.passages.responses.len() as i64;
                    let rewards = rewards.get(row as i64).narrow(0, 0, count);
                    if let Some(right) = agreement(&rewards, example) {
                        agreed += right;
                        asked += 1;
                    }
                    for head in 0..heads {
                        let weight = self.weight(epoch, at, head);
                        let own = rewards.select(1, head as i64);
                        let loss = preference::loss(&own, &example.answer, self.options.form);
                        terms.push(loss * (weight * example.weight * share));
                    }
                }
                Tensor::stack(&terms, 0).sum(None)
            });
            loss += value.double_value(&[]);
        }
        (loss, (asked > 0).then(|| agreed / asked as f64))
    }

    /// How often a head sees an example: each of several has a sample of its own, drawn with
    /// repetition, so that they differ where the examples do not settle a question.
    fn weight(&self, epoch: u64, at: usize, head: usize) -> f64 {
        if self.model.heads() == 1 {
            return 1.0;
        }
        let stream = seed::derive(self.options.root_seed, "reward-bootstrap", at as u64);
        let stream = seed::derive(stream, "head", head as u64);
        let draw = seed::Stream::new(seed::derive(stream, "epoch", epoch)).uniform();
        poisson(draw)
    }
}

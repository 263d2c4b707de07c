//! Supervised fine-tuning: the policy learns to say what people wrote. Knows tokens; knows nothing of files, tasks or
//! when training ends.

use std::time::Instant;

use anyhow::{Result, bail};
use tch::Tensor;

use crate::metrics::Record;
use crate::model::policy::{Demonstration, Policy};
use crate::rl::adam::{Adam, Stepped};
use crate::train::batches::{Batch, packed_parts, parts};
use crate::train::course::Learns;
use crate::train::options::SftOptions;

/// Who learns, from what, and how.
pub struct Learner<'a> {
    /// The model.
    pub policy: &'a Policy,
    /// What is learned from.
    pub examples: &'a [Demonstration],
    /// What is never learned from.
    pub validation: &'a [Demonstration],
    /// How.
    pub options: &'a SftOptions,
}

impl Learns for Learner<'_> {
    fn trainable(&self) -> Vec<(String, Tensor)> {
        self.policy.trainable()
    }

    fn load_state(&self, state: &[(String, Tensor)]) -> Result<()> {
        self.policy.load_state(state)
    }

    fn optimizer(&self) -> Adam {
        self.policy.allocate_gradients();
        Adam::new(self.policy.trainable(), self.options.adam)
    }

    fn step(&self, adam: &mut Adam, step: u64) -> Result<Record> {
        let clock = Instant::now();
        let Batch { seen, rows, .. } = self.batch(step);
        let lr = self.rate(step);
        let tokens = self.tokens_of(&rows).response;
        let loss = self.accumulate(&rows, tokens);
        let Stepped { norm, finite } = adam.step(lr);
        if !(loss.is_finite() && norm.is_finite() && finite) {
            bail!(
                "step {step}: the loss is {loss}, the gradient's norm {norm}, which cannot be learned from\nhint: lower \
                 sft.lr, now {}",
                self.options.lr
            );
        }
        let mut record = Record::default();
        record.set("sft/loss", loss);
        record.set("sft/lr", lr);
        record.set("sft/grad_norm", norm);
        record.set("sft/response_tokens", tokens as f64);
        record.set("elapsed/examples", (seen + rows.len() as u64) as f64);
        record.set("time/step", clock.elapsed().as_secs_f64());
        Ok(record)
    }

    fn validate(&self) -> Option<(f64, Record)> {
        let loss = mean_loss(self.policy, self.validation, self.options.micro_tokens)?;
        let mut record = Record::default();
        record.set("validation/loss", loss);
        record.set("validation/perplexity", loss.exp());
        Some((loss, record))
    }
}

/// What goes through the model in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// Tokens that are read.
    pub read: usize,
    /// Tokens that are learned.
    pub response: usize,
    /// Tokens that are read, and the pads beside them.
    pub padded: usize,
}

impl Learner<'_> {
    /// Steps of all epochs.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.options.batches(self.examples.len()).per_epoch() * self.options.epochs
    }

    /// The learning rate of a step.
    #[must_use]
    pub fn rate(&self, step: u64) -> f64 {
        self.options.rate(step, self.steps())
    }

    /// What is learned in a step.
    #[must_use]
    pub fn pairs(&self, step: u64) -> Vec<&Demonstration> {
        let rows = self.batch(step).rows.into_iter();
        rows.map(|at| &self.examples[at]).collect()
    }

    /// How much that is.
    #[must_use]
    pub fn tokens(&self, step: u64) -> Tokens {
        self.tokens_of(&self.batch(step).rows)
    }

    fn batch(&self, step: u64) -> Batch {
        let batches = self.options.batches(self.examples.len());
        batches.of_step(step, (self.options.root_seed, "sft-order"))
    }

    fn tokens_of(&self, batch: &[usize]) -> Tokens {
        let rows = || batch.iter().map(|at| &self.examples[*at]);
        let read = rows().map(Demonstration::len).sum();
        let padded = |part: &Vec<&Demonstration>| {
            let longest = part.iter().map(|row| row.len()).max();
            part.len() * longest.unwrap_or_default()
        };
        Tokens {
            read,
            response: rows().map(|row| row.response.len()).sum(),
            padded: match self.policy.packs() {
                true => read,
                false => self.parts(batch).iter().map(padded).sum(),
            },
        }
    }

    /// What goes through the model at a time.
    fn parts(&self, batch: &[usize]) -> Vec<Vec<&Demonstration>> {
        let rows: Vec<&Demonstration> = batch.iter().map(|at| &self.examples[*at]).collect();
        together(self.policy, &rows, self.options.micro_tokens)
    }

    /// Adds up the gradient of a batch of `tokens` response tokens; returns its loss, the mean over those tokens.
    fn accumulate(&self, batch: &[usize], tokens: usize) -> f64 {
        let weight = 1.0 / tokens as f64;
        let parts = self.parts(batch).into_iter();
        let sums = parts.map(|part| self.policy.imitate(&part, weight));
        sums.sum::<f64>() * weight
    }
}

/// The mean negative log-likelihood of a response's token; none where there is no response.
#[must_use]
pub fn mean_loss(policy: &Policy, rows: &[Demonstration], micro_tokens: usize) -> Option<f64> {
    let tokens: usize = rows.iter().map(|row| row.response.len()).sum();
    let all: Vec<&Demonstration> = rows.iter().collect();
    let parts = together(policy, &all, micro_tokens).into_iter();
    let sum: f64 = parts.flat_map(|part| policy.log_likelihoods(&part)).sum();
    (tokens > 0).then(|| -sum / tokens as f64)
}

/// Splits rows into those that go through the model together.
fn together<'a>(
    policy: &Policy,
    rows: &[&'a Demonstration],
    micro_tokens: usize,
) -> Vec<Vec<&'a Demonstration>> {
    match policy.packs() {
        true => packed_parts(rows, micro_tokens, |row| row.len()),
        false => parts(rows, micro_tokens, |row| row.len()),
    }
}

#[cfg(test)]
pub(in crate::train) mod tests;

//! Supervised fine-tuning: the policy learns to say what people wrote. Knows tokens; knows nothing of files, tasks or
//! when training ends.

use std::time::Instant;

use anyhow::{Result, bail};
use tch::Tensor;

use crate::metrics::Record;
use crate::model::policy::{Demonstration, Policy};
use crate::rl::adam::{Adam, Stepped};
use crate::train::batches::{Batch, parts};
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
        let options = self.options;
        let batches = options.batches(self.examples.len());
        let Batch { seen, rows, .. } = batches.of_step(step, (options.root_seed, "sft-order"));
        let lr = options.rate(step, batches.per_epoch() * options.epochs);
        let response_tokens = |at: &usize| self.examples[*at].response.len();
        let tokens: usize = rows.iter().map(response_tokens).sum();
        let loss = self.accumulate(&rows, tokens);
        let Stepped { norm, finite } = adam.step(lr);
        if !(loss.is_finite() && norm.is_finite() && finite) {
            bail!(
                "step {step}: the loss is {loss}, the gradient's norm {norm}, which cannot be learned from\nhint: lower \
                 sft.lr, now {}",
                options.lr
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

impl Learner<'_> {
    /// Adds up the gradient of a batch of `tokens` response tokens; returns its loss, the mean over those tokens.
    fn accumulate(&self, batch: &[usize], tokens: usize) -> f64 {
        let weight = 1.0 / tokens as f64;
        let len = |at: &usize| self.examples[*at].len();
        let parts = parts(batch, self.options.micro_tokens, len).into_iter();
        let sums = parts.map(|part| {
            let rows: Vec<&Demonstration> = part.iter().map(|at| &self.examples[*at]).collect();
            self.policy.imitate(&rows, weight)
        });
        sums.sum::<f64>() * weight
    }
}

/// The mean negative log-likelihood of a response's token; none where there is no response.
#[must_use]
pub fn mean_loss(policy: &Policy, rows: &[Demonstration], micro_tokens: usize) -> Option<f64> {
    let tokens: usize = rows.iter().map(|row| row.response.len()).sum();
    let all: Vec<&Demonstration> = rows.iter().collect();
    let parts = parts(&all, micro_tokens, |row| row.len()).into_iter();
    let sum: f64 = parts.flat_map(|part| policy.log_likelihoods(&part)).sum();
    (tokens > 0).then(|| -sum / tokens as f64)
}

#[cfg(test)]
pub(in crate::train) mod tests;

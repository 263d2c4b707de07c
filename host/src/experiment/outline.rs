//! What a run is made of and will do, in numbers.

use crate::config::{Config, Plan};
use crate::experiment::parts::Parts;
use crate::rl::schedule;
use crate::train::observer::{Outline, Rates};

/// A policy's training, from its parts.
pub(crate) fn outline(config: &Config, plan: &Plan, parts: &Parts) -> Outline {
    let layout = parts.scorers.task.layout();
    let context_len = layout.prefix.len() + layout.query_len + layout.suffix.len();
    let trainable = parts.policy.trainable();
    let micro_batch = parts.micro_batch(config, plan);
    let len = context_len + layout.response_len;
    Outline {
        dir: config.run.dir.clone(),
        model: config.model.path.clone(),
        trainable: trainable.iter().map(|(_, tensor)| tensor.numel()).sum(),
        device: format!("{:?}", parts.policy.device()),
        dtype: config.run.dtype.clone(),
        threads: i64::from(tch::get_num_threads()),
        plugins: parts.identities.clone(),
        rows: parts.counts.clone(),
        queries: parts.train.len(),
        held_out: parts.held_out.len(),
        context_len,
        response_len: layout.response_len,
        updates: plan.updates,
        batch_size: config.ppo.batch_size,
        epochs: config.ppo.epochs,
        minibatches: config.ppo.minibatches,
        minibatch_size: plan.minibatch_size,
        micro_batch,
        optimizer_steps: plan.optimizer_steps,
        rates: Rates::of(plan.updates, |update| {
            schedule::linear(config.ppo.lr, update, plan.updates)
        }),
        training_bytes: parts.policy.training_bytes(),
        activation_bytes: parts.policy.activation_bytes_per_token() * len * micro_batch,
    }
}

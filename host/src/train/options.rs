//! How models are trained: what a config says of it, in the trainers' terms.

use crate::config::{Config, Plan, Reward, Run, Sft};
use crate::rl::adam::{AdamOptions, Epsilon};
use crate::rl::ppo::{Coefficients, Estimation};
use crate::rl::preference::Form;
use crate::rl::schedule::{self, Decay};
use crate::train::batches::Batches;

/// How updates are made.
#[derive(Debug, Clone)]
pub struct UpdateOptions {
    /// Passes over a rollout.
    pub epochs: u64,
    /// Parts of a pass.
    pub minibatches: usize,
    /// Episodes that go through the model at a time.
    pub micro_batch: usize,
    /// Weights and clips of the losses.
    pub coefficients: Coefficients,
    /// Reward and advantage estimation.
    pub estimation: Estimation,
    /// The optimizer.
    pub adam: AdamOptions,
    /// Logits are divided by it.
    pub temperature: f64,
    /// The run's seed.
    pub root_seed: u64,
}

impl UpdateOptions {
    /// What `config` says, with a micro-batch that was chosen by memory when it says 0.
    pub fn new(config: &Config, plan: &Plan, auto_micro_batch: usize) -> UpdateOptions {
        let ppo = &config.ppo;
        let micro_batch = match ppo.micro_batch {
            0 => auto_micro_batch,
            n => n as usize,
        };
        UpdateOptions {
            epochs: ppo.epochs,
            minibatches: ppo.minibatches as usize,
            micro_batch: micro_batch.clamp(1, plan.minibatch_size as usize),
            coefficients: Coefficients {
                vf_coef: ppo.vf_coef,
                cliprange: ppo.clip_range,
                cliprange_value: ppo.clip_range_value,
            },
            estimation: Estimation {
                gamma: ppo.gamma,
                lambda: ppo.lam,
                whiten_rewards: ppo.whiten_rewards,
                groups: ppo.whiten_groups as i64,
            },
            adam: adam_options(&ppo.adam_epsilon_style, ppo.adam_epsilon, ppo.max_grad_norm),
            temperature: config.sampling.temperature,
            root_seed: config.run.seed,
        }
    }

    /// Whether the first minibatch is a whole rollout of `rows` in one part.
    #[must_use]
    pub fn starts_whole(&self, rows: u64) -> bool {
        self.minibatches == 1 && self.micro_batch as u64 >= rows
    }
}

/// How a reward model is trained.
#[derive(Debug, Clone)]
pub struct RewardOptions {
    /// Examples for each optimizer step.
    pub batch_size: usize,
    /// Passes over the examples.
    pub epochs: u64,
    /// Learning rate of the first step.
    pub lr: f64,
    /// How an order is turned into a loss.
    pub form: Form,
    /// Tokens that go through the model at a time.
    pub micro_tokens: usize,
    /// The optimizer.
    pub adam: AdamOptions,
    /// The run's seed.
    pub root_seed: u64,
}

impl RewardOptions {
    /// What `config` says.
    pub fn new(config: &Reward, run: &Run) -> RewardOptions {
        RewardOptions {
            batch_size: config.batch_size as usize,
            epochs: config.epochs,
            lr: config.lr,
            form: match config.loss.as_str() {
                "pairwise" => Form::Pairwise,
                _ => Form::Softmax,
            },
            micro_tokens: config.micro_tokens as usize,
            adam: adam_options(&config.adam_epsilon_style, config.adam_epsilon, 0.0),
            root_seed: run.seed,
        }
    }

    /// How so many examples are taken.
    #[must_use]
    pub fn batches(&self, examples: usize) -> Batches {
        Batches {
            examples,
            batch_size: self.batch_size,
        }
    }

    /// The learning rate after so many examples have been seen, each of them once an epoch. As the original counts: by
    /// examples, so that a last, smaller batch changes no rate.
    #[must_use]
    pub fn rate(&self, seen: u64, examples: u64) -> f64 {
        schedule::linear(self.lr, seen, examples * self.epochs)
    }
}

/// How a policy is fine-tuned on what people wrote.
#[derive(Debug, Clone)]
pub struct SftOptions {
    /// Examples for each optimizer step.
    pub batch_size: usize,
    /// Passes over the examples.
    pub epochs: u64,
    /// The largest learning rate.
    pub lr: f64,
    /// How it falls.
    pub decay: Decay,
    /// Share of the steps in which it rises to its largest.
    pub warmup: f64,
    /// Tokens that go through the model at a time.
    pub micro_tokens: usize,
    /// The optimizer.
    pub adam: AdamOptions,
    /// The run's seed.
    pub root_seed: u64,
}

impl SftOptions {
    /// What `config` says.
    pub fn new(config: &Sft, run: &Run) -> SftOptions {
        SftOptions {
            batch_size: config.batch_size as usize,
            epochs: config.epochs,
            lr: config.lr,
            decay: match config.schedule.as_str() {
                "linear" => Decay::Linear,
                "constant" => Decay::Constant,
                _ => Decay::Cosine,
            },
            warmup: config.warmup,
            micro_tokens: config.micro_tokens as usize,
            adam: adam_options(
                &config.adam_epsilon_style,
                config.adam_epsilon,
                config.max_grad_norm,
            ),
            root_seed: run.seed,
        }
    }

    /// How so many examples are taken.
    #[must_use]
    pub fn batches(&self, examples: usize) -> Batches {
        Batches {
            examples,
            batch_size: self.batch_size,
        }
    }

    /// The learning rate of a step.
    #[must_use]
    pub fn rate(&self, step: u64, total: u64) -> f64 {
        schedule::warmed(self.lr, self.decay, self.warmup, (step, total))
    }
}

/// How long a training by epochs is, and how often it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Optimizer steps of an epoch.
    pub steps_of_epoch: u64,
    /// Passes over the examples.
    pub epochs: u64,
    /// Epochs without a better validation loss before training stops; 0 for all epochs.
    pub patience: u64,
    /// A checkpoint is written after so many steps.
    pub checkpoint_every: u64,
    /// How many checkpoints are kept.
    pub keep_checkpoints: usize,
}

impl Pace {
    /// What a run's config says of steps, and its section of epochs and patience.
    #[must_use]
    pub fn new(run: &Run, batches: Batches, (epochs, patience): (u64, u64)) -> Pace {
        Pace {
            steps_of_epoch: batches.per_epoch(),
            epochs,
            patience,
            checkpoint_every: run.checkpoint_every,
            keep_checkpoints: run.keep_checkpoints,
        }
    }
}

/// What a config says of Adam; `max_grad_norm` 0 is none.
fn adam_options(style: &str, epsilon: f64, max_grad_norm: f64) -> AdamOptions {
    AdamOptions {
        epsilon,
        placement: match style {
            "pytorch" => Epsilon::PyTorch,
            _ => Epsilon::TensorFlow,
        },
        max_grad_norm: (max_grad_norm > 0.0).then_some(max_grad_norm),
        ..AdamOptions::default()
    }
}

//! Responses of the untrained policy, which fix the scale of rewards.

use std::sync::Arc;

use anyhow::{Context, Result};
use tch::Device;

use super::start;
use crate::config::{Config, Reward};
use crate::experiment::parts;
use crate::model::open;
use crate::model::policy::Policy;
use crate::model::reward::{Passages, Placement};
use crate::model::sampling::Sampling;
use crate::plugin::TokenizerHost;
use crate::role::Layout;
use crate::seed;
use crate::tokenizer::Tokenizer;
use crate::train::observer::Observer;
use crate::train::queries::contexts;
use crate::train::stream::QueryStream;

/// Responses of the reference, uncut and unfiltered, that fix the scale of rewards.
pub(super) struct Reference {
    pub(super) before: Vec<Passages>,
    pub(super) after: Vec<Passages>,
}

impl Reference {
    /// None when the scale is left alone. The model that samples is gone afterwards.
    pub(super) fn of(
        config: &Config,
        reward: &Reward,
        tokenizer: &Arc<Tokenizer>,
        placement: Placement,
        observer: &mut dyn Observer,
    ) -> Result<Option<Reference>> {
        if reward.normalize_samples == 0 {
            return Ok(None);
        }
        let hint = "or set reward.normalize_samples = 0 to leave the scale of rewards alone";
        let host: Arc<dyn TokenizerHost> = tokenizer.clone();
        let task = parts::load_task(config, host).context(hint_of(hint))?;
        let data = config.data().context(hint_of(hint))?;
        let (shape, own) = parts::model(&config.model.path)?;
        let owners = ["[model]", "[reward] path"];
        let hint = "let the reward model start from a language model with the policy's tokenizer";
        open::check_same(&own, tokenizer, owners, hint)?;
        parts::check_length(task.layout(), &shape)?;
        let start = start(config, reward);
        parts::check_reading(task.layout(), &parts::model(start)?.0, start)?;
        let (queries, counts) = parts::train_queries(config, &task)?;
        for count in counts {
            observer.note(&format!("rows to answer: {count}"));
        }
        let sampler = Sampler {
            config,
            reward,
            stream: queries.shuffled(data.shuffle_seed),
            layout: task.layout(),
            pad_id: shape.pad_id,
            policy: Policy::load(
                &config.model.path,
                placement.device,
                placement.kind,
                Some(1),
            )?,
            device: placement.device,
        };
        let rounds = reward.normalize_samples.div_ceil(reward.rollout_batch);
        let sample = |wanted, purpose, first| match wanted {
            true => sampler.sample(purpose, first, rounds),
            false => Ok(Vec::new()),
        };
        Ok(Some(Reference {
            before: sample(reward.normalize_before, "normalize-before", 0)?,
            after: sample(reward.normalize_after, "normalize-after", rounds)?,
        }))
    }
}

/// The untrained policy with the queries that it answers.
struct Sampler<'a> {
    config: &'a Config,
    reward: &'a Reward,
    stream: QueryStream,
    layout: &'a Layout,
    pad_id: i64,
    policy: Policy,
    device: Device,
}

impl Sampler<'_> {
    /// Responses to `rounds` batches of queries, from the batch numbered `first`.
    fn sample(&self, purpose: &str, first: u64, rounds: u64) -> Result<Vec<Passages>> {
        let config = self.config;
        let sampling = Sampling {
            temperature: config.sampling.temperature,
            top_k: config.sampling.top_k,
            top_p: config.sampling.top_p,
            ..Sampling::default()
        };
        let batch = self.reward.rollout_batch;
        let mut samples = Vec::new();
        for round in 0..rounds {
            let queries = self.stream.batch((first + round) * batch, batch as usize)?;
            let context = contexts(&queries, self.layout, self.pad_id, self.device);
            let seed = seed::derive(config.run.seed, purpose, round);
            let len = self.layout.response_len as i64;
            let tokens = self.policy.respond(&context, len, &sampling, seed);
            let tokens = Vec::<Vec<i64>>::try_from(tokens.to_device(Device::Cpu))?;
            let answered = queries.into_iter().zip(tokens);
            samples.extend(answered.map(|(query, tokens)| Passages {
                query: query.tokens,
                responses: vec![tokens.into_iter().map(|token| token as u32).collect()],
            }));
        }
        Ok(samples)
    }
}

fn hint_of(text: &str) -> String {
    format!("the scale of rewards cannot be fixed\nhint: {text}")
}

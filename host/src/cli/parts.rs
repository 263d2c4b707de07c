//! From a config to the parts of a run: device, model, tokenizer, plugins, data.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::config::{Config, Plan, PluginLimits, PluginRef};
use crate::model::config::ModelConfig;
use crate::model::device;
use crate::model::generate::Sampling;
use crate::model::policy::Policy;
use crate::plugin::{self, Limits, Spec, TokenizerHost};
use crate::role::{CallContext, Identity, Labeler, Layout, Query, Split, Task};
use crate::seed;
use crate::tokenizer::Tokenizer;
use crate::train::queries::{hold_out, make_queries, read_rows};
use crate::train::rollout::Roller;
use crate::train::score::Scorers;
use crate::train::update::UpdateOptions;

mod lock;
mod place;
mod settings;
mod sources;

pub(super) use self::lock::{Lock, changed};
pub(super) use self::place::{find, find_trusted, no_folders, search_path};
pub(super) use self::sources::open_reward_model;
use self::sources::sources;

impl TokenizerHost for Tokenizer {
    fn encode(&self, text: &str) -> Vec<u32> {
        Tokenizer::encode(self, text)
    }

    fn decode(&self, ids: &[u32]) -> String {
        Tokenizer::decode(self, ids)
    }

    fn vocab_size(&self) -> u32 {
        Tokenizer::vocab_size(self) as u32
    }
}

/// What to do about a model folder that is not whole.
const MODEL: &str = "a model folder holds config.json, model.safetensors and tokenizer.json of one \
                     model; `attune model import` makes one";

/// Queries on which the labeler is tried: more than one, so that a bad one can be told from a bad
/// labeler.
const PROBED: usize = 3;

/// Everything that a run needs, loaded and checked.
pub(super) struct Parts {
    pub(super) tokenizer: Arc<Tokenizer>,
    pub(super) policy: Policy,
    pub(super) scorers: Scorers,
    pub(super) train: Vec<Query>,
    pub(super) held_out: Vec<Query>,
    pub(super) identities: Vec<Identity>,
    pub(super) manifest: serde_json::Value,
}

impl Parts {
    /// Who makes rollouts of these parts: the same for training and for timing it.
    pub(super) fn roller<'a>(
        &'a self,
        reference: &'a Policy,
        config: &Config,
        plan: &Plan,
        options: &UpdateOptions,
    ) -> Roller<'a> {
        Roller {
            policy: &self.policy,
            reference,
            tokenizer: &self.tokenizer,
            scorers: &self.scorers,
            sampling: Sampling {
                temperature: config.sampling.temperature,
                top_k: config.sampling.top_k,
                top_p: config.sampling.top_p,
                ..Sampling::default()
            },
            rows_at_a_time: plan.rollout_batch as i64,
            analyzed_at_a_time: options.micro_batch as i64,
            keep_pass: options.starts_whole(config.ppo.batch_size),
            root_seed: config.run.seed,
        }
    }
}

/// Loads plugins first, because they are the quickest to be wrong, and the model last.
pub(super) fn load(config: &Config) -> Result<Parts> {
    device::set_threads(config.run.threads);
    let (model, tokenizer) = model(&config.model.path)?;
    let host: Arc<dyn TokenizerHost> = tokenizer.clone();
    let limits = &config.plugins;
    let task = load_task(config, host.clone())?;
    let labeler = match &config.labeler {
        Some(reference) => Some(load_labeler(reference, config, &host).context("in [labeler]")?),
        None => None,
    };
    let mut measures = Vec::new();
    for reference in &config.eval.measure {
        measures.push(load_labeler(reference, config, &host).context("in [[eval.measure]]")?);
    }
    let mut shapers = Vec::new();
    for reference in &config.shaper {
        let shaper = spec(reference, limits)
            .and_then(|spec| plugin::load_shaper(&spec, host.clone()))
            .and_then(|shaper| {
                Lock::of(config)?
                    .admit(shaper.identity(), config)
                    .map(|()| shaper)
            })
            .context("in [[shaper]]")?;
        shapers.push((shaper, reference.weight));
    }
    let identities: Vec<Identity> = std::iter::once(task.identity())
        .chain(labeler.iter().map(|labeler| labeler.identity()))
        .chain(shapers.iter().map(|(shaper, _)| shaper.identity()))
        .chain(measures.iter().map(|labeler| labeler.identity()))
        .cloned()
        .collect();
    check_length(task.layout(), &model)?;
    let sources = sources(config, labeler, task.as_ref(), &tokenizer)?;
    let scorers = Scorers {
        task,
        sources,
        shapers,
        measures,
        limits: limits.clone(),
    };
    let (train, held_out) = queries(config, scorers.task.as_ref())?;
    let probed = CallContext {
        seed: seed::derive(config.run.seed, "probe", 0),
        update: 0,
        split: Split::Validation,
    };
    scorers.probe(probed, &held_out[..held_out.len().min(PROBED)])?;
    let device = device::resolve(&config.run.device)?;
    let policy = Policy::load(
        &config.model.path,
        device,
        kind_of(config),
        config.model.trainable_layers,
    )
    .with_context(|| {
        format!(
            "model `{}` cannot be loaded\nhint: {MODEL}",
            config.model.path.display()
        )
    })?;
    let manifest = json!({
        "attune": env!("CARGO_PKG_VERSION"),
        "device": format!("{device:?}"),
        "threads": tch::get_num_threads(),
        "seed": config.run.seed,
        "plugins": identities,
        "layout": scorers.task.layout(),
        "queries": train.len(),
        "held_out": held_out.len(),
    });
    Ok(Parts {
        tokenizer,
        policy,
        scorers,
        train,
        held_out,
        identities,
        manifest,
    })
}

/// The labeler by itself, and its tokenizer.
pub(super) fn load_judge(config: &Config) -> Result<(Box<dyn Labeler>, Arc<Tokenizer>)> {
    let (_, tokenizer) = model(&config.model.path)?;
    let host: Arc<dyn TokenizerHost> = tokenizer.clone();
    let reference = config.labeler.as_ref();
    let reference = reference.context("there is no [labeler]\nhint: name a plugin")?;
    let labeler = load_labeler(reference, config, &host).context("in [labeler]")?;
    Ok((labeler, tokenizer))
}

fn load_labeler(
    reference: &PluginRef,
    config: &Config,
    host: &Arc<dyn TokenizerHost>,
) -> Result<Box<dyn Labeler>> {
    let labeler = plugin::load_labeler(&spec(reference, &config.plugins)?, host.clone())?;
    Lock::of(config)?.admit(labeler.identity(), config)?;
    Ok(labeler)
}

/// Who plays the roles of a config, in the order in which they are loaded.
pub(super) fn identities(config: &Config) -> Result<Vec<Identity>> {
    let (_, tokenizer) = model(&config.model.path)?;
    let host: Arc<dyn TokenizerHost> = tokenizer;
    let mut identities = Vec::new();
    if config.task.is_some() {
        identities.push(load_task(config, host.clone())?.identity().clone());
    }
    for reference in config.labeler.iter().chain(&config.eval.measure) {
        identities.push(load_labeler(reference, config, &host)?.identity().clone());
    }
    for reference in &config.shaper {
        let shaper = plugin::load_shaper(&spec(reference, &config.plugins)?, host.clone())?;
        identities.push(shaper.identity().clone());
    }
    Ok(identities)
}

/// The plugin that makes queries.
pub(super) fn load_task(config: &Config, host: Arc<dyn TokenizerHost>) -> Result<Box<dyn Task>> {
    spec(config.task()?, &config.plugins)
        .and_then(|spec| plugin::load_task(&spec, host))
        .and_then(|task| {
            Lock::of(config)?
                .admit(task.identity(), config)
                .map(|()| task)
        })
        .context("in [task]")
}

/// Shape and tokenizer of a model folder, which must fit each other.
pub(super) fn model(dir: &Path) -> Result<(ModelConfig, Arc<Tokenizer>)> {
    for file in ["config.json", "tokenizer.json"] {
        if !dir.join(file).is_file() {
            bail!(
                "model folder `{}` has no {file}\nhint: {MODEL}",
                dir.display()
            );
        }
    }
    let broken = || format!("model `{}` cannot be used\nhint: {MODEL}", dir.display());
    let config = ModelConfig::load(dir).with_context(broken)?;
    let tokenizer = Tokenizer::load(dir).with_context(broken)?;
    if tokenizer.vocab_size() as i64 > config.vocab_size {
        bail!(
            "`{}`: the tokenizer has {} tokens, the model only {}\nhint: use the tokenizer.json that \
             came with the model",
            dir.display(),
            tokenizer.vocab_size(),
            config.vocab_size
        );
    }
    Ok((config, Arc::new(tokenizer)))
}

/// Type of the parameters.
pub(super) fn kind_of(config: &Config) -> tch::Kind {
    match config.run.dtype.as_str() {
        "bf16" => tch::Kind::BFloat16,
        _ => tch::Kind::Float,
    }
}

/// Refuses contexts and responses that the model has no positions for.
pub(super) fn check_length(layout: &Layout, model: &ModelConfig) -> Result<()> {
    let context = layout.prefix.len() + layout.query_len + layout.suffix.len();
    let len = context + layout.response_len;
    if len as i64 > model.max_positions {
        bail!(
            "context {context} and response {} make {len} tokens, more than the model's {} positions\n\
             hint: lower the task's query_len or response_len",
            layout.response_len,
            model.max_positions
        );
    }
    Ok(())
}

/// Refuses queries and responses that a reward model has no positions for. It reads no prefix and no suffix.
pub(super) fn check_reading(layout: &Layout, model: &ModelConfig, folder: &Path) -> Result<()> {
    let len = layout.query_len + layout.response_len;
    if len as i64 > model.max_positions {
        bail!(
            "query {} and response {} make {len} tokens, more than the {} positions of the reward model \
             from `{}`\nhint: lower the task's query_len or response_len, or use another model",
            layout.query_len,
            layout.response_len,
            model.max_positions,
            folder.display()
        );
    }
    Ok(())
}

/// Queries to train on, at least a batch of them, and held-out ones, as many as asked for.
fn queries(config: &Config, task: &dyn Task) -> Result<(Vec<Query>, Vec<Query>)> {
    let seed = config.run.seed;
    let count = config.eval.queries as usize;
    let data = config.data()?;
    let rows = read_rows(&data.train)?;
    let all = make_queries(task, &rows, Split::Train, seed)?;
    let (train, held_out) = match &data.held_out {
        None => hold_out(all, count)?,
        Some(path) => {
            let mut held_out = make_queries(task, &read_rows(path)?, Split::Test, seed)?;
            if held_out.len() < count {
                bail!(
                    "`{}` makes {} queries, fewer than [eval] queries {count}\nhint: lower \
                     eval.queries",
                    path.display(),
                    held_out.len()
                );
            }
            held_out.truncate(count);
            (all, held_out)
        }
    };
    let batch_size = config.ppo.batch_size;
    if (train.len() as u64) < batch_size {
        bail!(
            "[ppo] batch_size {batch_size} is more than the {} queries to train on in `{}`\nhint: \
             lower ppo.batch_size, or add rows",
            train.len(),
            data.train.display()
        );
    }
    Ok((train, held_out))
}

/// What is loaded for a config's plugin.
pub(super) fn spec(reference: &PluginRef, limits: &PluginLimits) -> Result<Spec> {
    Ok(Spec {
        path: find_trusted(&reference.plugin, reference.trust)?,
        trust: reference.trust,
        settings: settings::as_json(&reference.settings)
            .with_context(|| format!("plugin `{}`", reference.plugin))?,
        assets: reference.assets.clone(),
        limits: Limits {
            memory_bytes: (limits.memory_mib as usize) << 20,
            deadline: Duration::from_millis(limits.deadline_ms),
            calls_per_instance: limits.calls_per_instance,
            threads: tch::get_num_threads().max(1) as usize,
            ..Limits::default()
        },
    })
}

//! From a config to the parts of a run: device, model, tokenizer, plugins, data.

use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;

use crate::config::{Config, Plan};
use crate::model::device;
use crate::model::open::of_folder;
use crate::model::policy::Policy;
use crate::model::reward::RewardModel;
use crate::model::sampling::Sampling;
use crate::plugin::{self, TokenizerHost};
use crate::rl::kl::KlController;
use crate::role::{CallContext, Identity, Query, Split};
use crate::seed;
use crate::tokenizer::Tokenizer;
use crate::train::options::UpdateOptions;
use crate::train::rollout::Roller;
use crate::train::rowcount::RowCount;
use crate::train::score::{Scorers, Source};
use crate::train::stream::Queries;

mod data;
mod folder;
mod lock;
mod place;
mod players;
mod settings;
mod sources;

use self::data::queries;
pub(crate) use self::data::{held_out_queries, train_queries, without_last};
pub(crate) use self::folder::{check_length, check_reading, keep_companions, kind_of, model};
pub(crate) use self::lock::{Lock, changed};
pub(crate) use self::place::{find, find_trusted, no_folders, search_path};
pub(crate) use self::players::{identities, judge, load_judge, load_labeler, load_task, spec};
pub(crate) use self::settings::takes_text;
use self::sources::sources;
pub(crate) use self::sources::{open_reward_model, reward_model};

/// Activations of a micro-batch are kept under this many bytes when the config leaves it open.
const ACTIVATION_BUDGET: usize = 5 << 27;

/// Queries on which the labeler is tried: more than one, so that a bad one can be told from a bad
/// labeler.
const PROBED: usize = 3;

/// Everything that a run needs, loaded and checked.
pub(crate) struct Parts {
    pub(crate) tokenizer: Arc<Tokenizer>,
    pub(crate) policy: Policy,
    pub(crate) scorers: Scorers,
    pub(crate) train: Queries,
    pub(crate) held_out: Vec<Query>,
    /// What became of the rows of each file of data.
    pub(crate) counts: Vec<RowCount>,
    pub(crate) identities: Vec<Identity>,
    pub(crate) manifest: serde_json::Value,
}

impl Parts {
    /// What a person should know of how the models were read.
    pub(crate) fn notes(&self) -> Vec<String> {
        let sources = self.scorers.sources.iter();
        let models = sources.flat_map(|(source, _)| match source {
            Source::Models { models, .. } => &models[..],
            _ => &[],
        });
        let all = models.flat_map(RewardModel::notes);
        self.policy.notes().iter().chain(all).cloned().collect()
    }

    /// The queries to train on, which are not here any more.
    pub(crate) fn take_train(&mut self) -> Queries {
        std::mem::replace(&mut self.train, Queries::Held(Vec::new()))
    }

    /// Episodes that go through the model at a time.
    pub(crate) fn micro_batch(&self, config: &Config, plan: &Plan) -> usize {
        if config.ppo.micro_batch > 0 {
            return config.ppo.micro_batch.min(plan.minibatch_size) as usize;
        }
        let layout = self.scorers.task.layout();
        let len =
            layout.prefix.len() + layout.query_len + layout.suffix.len() + layout.response_len;
        let bytes = self.policy.activation_bytes_per_token() * len;
        let minibatch = plan.minibatch_size as usize;
        let most = (ACTIVATION_BUDGET / bytes.max(1)).clamp(1, minibatch);
        // Parts of equal size, so that the largest is as small as their number allows.
        minibatch.div_ceil(minibatch.div_ceil(most))
    }

    /// Who makes rollouts of these parts: the same for training and for timing it.
    pub(crate) fn roller<'a>(
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
pub(crate) fn load(config: &Config) -> Result<Parts> {
    device::set_threads(config.run.threads);
    let (model, tokenizer) = model(&config.model.path)?;
    let host: Arc<dyn TokenizerHost> = tokenizer.clone();
    let task = load_task(config, host.clone())?;
    let labeler = match &config.labeler {
        Some(reference) => Some(judge(reference, config, &host).context("in [labeler]")?),
        None => None,
    };
    let mut measures = Vec::new();
    for reference in &config.eval.measure {
        measures.push(load_labeler(reference, config, &host).context("in [[eval.measure]]")?);
    }
    let mut shapers = Vec::new();
    for reference in &config.shaper {
        let shaper = spec(reference, config)
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
        limits: config.plugins.clone(),
    };
    let (train, held_out, counts) = queries(config, &scorers.task)?;
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
    .map_err(|error| of_folder(error, &config.model.path))?;
    let manifest = json!({
        "attune": env!("CARGO_PKG_VERSION"),
        "device": format!("{device:?}"),
        "threads": tch::get_num_threads(),
        "seed": config.run.seed,
        "plugins": identities,
        "layout": scorers.task.layout(),
        "queries": train.len(),
        "held_out": held_out.len(),
        "rows": counts,
    });
    Ok(Parts {
        tokenizer,
        policy,
        scorers,
        train,
        held_out,
        counts,
        identities,
        manifest,
    })
}

/// The coefficient of the KL penalty as the config has it change.
pub(crate) fn controller(config: &Config) -> KlController {
    let kl = &config.kl;
    if kl.target == 0.0 {
        return KlController::Fixed {
            coefficient: kl.coef,
        };
    }
    KlController::Adaptive {
        coefficient: kl.coef,
        target: kl.target,
        horizon: kl.horizon,
    }
}

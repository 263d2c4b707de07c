//! What all of a comparison share: the task and its held-out queries, the tokenizer, the reference, and what was made
//! before.

use std::cell::OnceCell;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::kept::Kept;
use super::weights::{Weights, is_there};
use crate::config::{Compare, Config, Judge, PluginRef};
use crate::digest;
use crate::experiment::inputs::digest_at;
use crate::experiment::parts::{check_length, held_out_queries, load_task, model};
use crate::model::config::ModelConfig;
use crate::model::open::check_same;
use crate::model::policy::Policy;
use crate::model::{device, sampling};
use crate::plugin::TokenizerHost;
use crate::role::{Identity, Query, Task};
use crate::tokenizer::Tokenizer;
use crate::train::answers::Answerer;
use crate::train::rowcount::RowCount;

/// The folder of a run directory in which answers and judgements are kept.
const FOLDER: &str = "comparison";

/// Everything but who is compared and who judges.
pub(super) struct Bench<'a> {
    pub(super) config: &'a Config,
    pub(super) compare: Compare,
    pub(super) shape: ModelConfig,
    pub(super) tokenizer: Arc<Tokenizer>,
    pub(super) task: Arc<dyn Task>,
    pub(super) queries: Vec<Query>,
    /// What became of the rows that the queries are made of.
    pub(super) counts: Vec<RowCount>,
    /// SHA-256 of the model that divergence and perplexity are measured from.
    pub(super) model: String,
    reference: OnceCell<Policy>,
}

impl<'a> Bench<'a> {
    /// Loads what is quick to be wrong, and no weights.
    pub(super) fn load(config: &'a Config) -> Result<Bench<'a>> {
        let compare = config.compare()?;
        device::set_threads(config.run.threads);
        let (shape, tokenizer) = model(&config.model.path)?;
        let host: Arc<dyn TokenizerHost> = tokenizer.clone();
        let task = load_task(config, host)?;
        check_length(task.layout(), &shape)?;
        let (queries, counts) = held_out_queries(config, &task)?;
        Ok(Bench {
            config,
            compare,
            shape,
            tokenizer,
            task,
            queries,
            counts,
            model: digest_at(&config.model.path)?,
            reference: OnceCell::new(),
        })
    }

    /// What was made before, and what is made from here on.
    pub(super) fn kept(&self) -> Result<Kept> {
        Kept::open(&self.config.run.dir.join(FOLDER))
    }

    /// The judges that the config names, or its labeler where it names none.
    pub(super) fn judges(&self) -> Vec<Judge> {
        let named = &self.compare.judge;
        let labeler = self.config.labeler.iter().filter(|_| named.is_empty());
        let labeler = labeler.map(|labeler| Judge::of_labeler(labeler.clone()));
        named.iter().cloned().chain(labeler).collect()
    }

    /// How many of the queries have a reference.
    pub(super) fn with_reference(&self) -> usize {
        let queries = self.queries.iter();
        queries.filter(|query| !query.reference.is_empty()).count()
    }

    /// Refuses a model that cannot answer what the others answer; returns its SHA-256.
    pub(super) fn check_model(&self, path: &Path) -> Result<String> {
        let weights = Weights::at(path)?;
        if let Some(part) = self.unmade(path) {
            bail!(
                "part `{part}` has made no model yet\nhint: `attune run` makes it before it compares"
            );
        }
        let (shape, tokenizer) = model(&weights.folder)?;
        check_length(self.task.layout(), &shape)?;
        let owners = ["[model] path", &format!("`{}`", path.display())];
        let hint = "models that are compared read the same tokens; compare models of one family, each with its own kin";
        check_same(&self.tokenizer, &tokenizer, owners, hint)?;
        weights.digest()
    }

    /// The part whose model would be there, and is not yet.
    fn unmade(&self, path: &Path) -> Option<&str> {
        let part = self
            .config
            .part
            .iter()
            .find(|part| self.config.part_dir(&part.name) == path)?;
        (!is_there(path)).then_some(part.name.as_str())
    }

    /// The model that divergence and perplexity are measured from, loaded when it is first asked for.
    pub(super) fn reference(&self) -> Result<&Policy> {
        if self.reference.get().is_none() {
            let loaded = Weights::at(&self.config.model.path)?.load(self.config)?;
            let _ = self.reference.set(loaded);
        }
        self.reference.get().context("the reference is loaded")
    }

    /// Who makes answers.
    pub(super) fn answerer(&self) -> Result<Answerer<'_>> {
        let sampling = &self.config.sampling;
        Ok(Answerer {
            task: self.task.as_ref(),
            tokenizer: &self.tokenizer,
            reference: self.reference()?,
            sampling: sampling::Sampling {
                temperature: sampling.temperature,
                top_k: sampling.top_k,
                top_p: sampling.top_p,
                ..sampling::Sampling::default()
            },
            root_seed: self.config.run.seed,
        })
    }

    /// Where models compute: another device gives other last bits. Other numbers of threads do too, but they belong to a
    /// machine and not to a comparison, so that what one machine made is good on another.
    pub(super) fn device(&self) -> Result<String> {
        Ok(format!("{:?}", device::resolve(&self.config.run.device)?))
    }

    /// What all answers to some queries depend on.
    pub(super) fn key(&self, queries: &[Query]) -> Result<Value> {
        let config = self.config;
        Ok(json!({
            "reference": self.model,
            "task": plugin_key(self.task.identity(), config.task()?)?,
            "queries": digest::of_bytes(&serde_json::to_vec(queries)?),
            "seed": config.run.seed,
            "device": self.device()?,
            "dtype": config.run.dtype,
        }))
    }
}

/// What a plugin's answers depend on besides what it is asked.
pub(super) fn plugin_key(identity: &Identity, reference: &PluginRef) -> Result<Value> {
    let assets = reference.assets.iter();
    let assets = assets.map(|(name, path)| Ok((name.clone(), json!(digest_at(path)?))));
    Ok(json!({
        "name": identity.name,
        "version": identity.kept_version(),
        "sha256": identity.sha256,
        "settings": reference.settings,
        "assets": assets.collect::<Result<serde_json::Map<_, _>>>()?,
    }))
}

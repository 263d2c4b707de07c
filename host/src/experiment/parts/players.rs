//! Who plays the roles of a config.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use super::folder::model;
use super::lock::Lock;
use super::place::find_trusted;
use super::settings;
use crate::config::{Config, PluginRef};
use crate::plugin::{self, Limits, Spec, TokenizerHost};
use crate::role::{Identity, Labeler, Task};
use crate::tokenizer::Tokenizer;

impl TokenizerHost for Tokenizer {
    fn encode(&self, text: &str) -> Vec<u32> {
        Tokenizer::encode(self, text)
    }

    fn decode(&self, ids: &[u32]) -> String {
        Tokenizer::decode(self, ids)
    }

    fn vocab_size(&self) -> u32 {
        self.id_bound() as u32
    }
}

/// The labeler by itself, and its tokenizer.
pub(crate) fn load_judge(config: &Config) -> Result<(Box<dyn Labeler>, Arc<Tokenizer>)> {
    let (_, tokenizer) = model(&config.model.path)?;
    let host: Arc<dyn TokenizerHost> = tokenizer.clone();
    let reference = config.labeler.as_ref();
    let reference = reference.context("there is no [labeler]\nhint: name a plugin")?;
    let labeler = judge(reference, config, &host).context("in [labeler]")?;
    Ok((labeler, tokenizer))
}

/// Who judges: the plugin of `[labeler]`, or whoever takes its place in this process.
pub(crate) fn judge(
    reference: &PluginRef,
    config: &Config,
    host: &Arc<dyn TokenizerHost>,
) -> Result<Box<dyn Labeler>> {
    match &config.session.labeler {
        Some(own) => Ok(Box::new(own.clone())),
        None => load_labeler(reference, config, host),
    }
}

pub(crate) fn load_labeler(
    reference: &PluginRef,
    config: &Config,
    host: &Arc<dyn TokenizerHost>,
) -> Result<Box<dyn Labeler>> {
    let labeler = plugin::load_labeler(&spec(reference, config)?, host.clone())?;
    Lock::of(config)?.admit(labeler.identity(), config)?;
    Ok(labeler)
}

/// Who plays the roles of a config and of its parts, in the order in which they are loaded.
pub(crate) fn identities(config: &Config) -> Result<Vec<Identity>> {
    let mut identities = own_identities(config)?;
    for (_, part) in config.parts()? {
        for identity in own_identities(&part)? {
            if !identities.contains(&identity) {
                identities.push(identity);
            }
        }
    }
    Ok(identities)
}

fn own_identities(config: &Config) -> Result<Vec<Identity>> {
    let (_, tokenizer) = model(&config.model.path)?;
    let host: Arc<dyn TokenizerHost> = tokenizer;
    let mut identities = Vec::new();
    if config.task.is_some() {
        identities.push(load_task(config, host.clone())?.identity().clone());
    }
    if let Some(reference) = &config.labeler {
        identities.push(judge(reference, config, &host)?.identity().clone());
    }
    for reference in &config.eval.measure {
        identities.push(load_labeler(reference, config, &host)?.identity().clone());
    }
    let judges = config.compare.iter().flat_map(|compare| &compare.judge);
    for reference in judges.filter_map(|judge| judge.labeler.as_ref()) {
        identities.push(load_labeler(reference, config, &host)?.identity().clone());
    }
    for reference in &config.shaper {
        let shaper = plugin::load_shaper(&spec(reference, config)?, host.clone())?;
        identities.push(shaper.identity().clone());
    }
    Ok(identities)
}

/// The plugin that makes queries.
pub(crate) fn load_task(config: &Config, host: Arc<dyn TokenizerHost>) -> Result<Arc<dyn Task>> {
    spec(config.task()?, config)
        .and_then(|spec| plugin::load_task(&spec, host))
        .and_then(|task| {
            Lock::of(config)?
                .admit(task.identity(), config)
                .map(|()| Arc::from(task))
        })
        .context("in [task]")
}

/// What is loaded for a config's plugin.
pub(crate) fn spec(reference: &PluginRef, config: &Config) -> Result<Spec> {
    let limits = &config.plugins;
    let sandboxed_only = config.session.sandboxed_only;
    Ok(Spec {
        path: find_trusted(&reference.plugin, reference.trust, sandboxed_only)?,
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

//! From a config to the parts of a run: device, model, tokenizer, plugins, data.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::config::{Config, PluginLimits, PluginRef};
use crate::model::device;
use crate::model::policy::Policy;
use crate::plugin::{self, Limits, Spec, TokenizerHost};
use crate::role::{Identity, Query, Split, Task};
use crate::tokenizer::Tokenizer;
use crate::train::policy::hold_out;
use crate::train::queries::{make_queries, read_rows};
use crate::train::score::Scorers;

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

/// Loads plugins first, because they are the quickest to be wrong, and the model last.
pub(super) fn load(config: &Config) -> Result<Parts> {
    let tokenizer = Arc::new(Tokenizer::load(&config.model.path)?);
    let host: Arc<dyn TokenizerHost> = tokenizer.clone();
    let limits = &config.plugins;
    let task =
        plugin::load_task(&spec(&config.task, limits)?, host.clone()).context("in [task]")?;
    let labeler = match &config.labeler {
        Some(reference) => {
            let labeler = plugin::load_labeler(&spec(reference, limits)?, host.clone());
            Some((labeler.context("in [labeler]")?, reference.weight))
        }
        None => None,
    };
    let mut shapers = Vec::new();
    for reference in &config.shaper {
        let shaper = plugin::load_shaper(&spec(reference, limits)?, host.clone());
        shapers.push((shaper.context("in [[shaper]]")?, reference.weight));
    }
    let identities: Vec<Identity> = std::iter::once(task.identity())
        .chain(labeler.iter().map(|(labeler, _)| labeler.identity()))
        .chain(shapers.iter().map(|(shaper, _)| shaper.identity()))
        .cloned()
        .collect();
    let (train, held_out) = queries(config, task.as_ref())?;
    let device = device::resolve(&config.run.device)?;
    device::set_threads(config.run.threads);
    let kind = if config.run.dtype == "bf16" {
        tch::Kind::BFloat16
    } else {
        tch::Kind::Float
    };
    let policy = Policy::load(
        &config.model.path,
        device,
        kind,
        config.model.trainable_layers,
    )?;
    let manifest = json!({
        "attune": env!("CARGO_PKG_VERSION"),
        "device": format!("{device:?}"),
        "threads": tch::get_num_threads(),
        "seed": config.run.seed,
        "plugins": identities,
        "layout": task.layout(),
        "queries": train.len(),
        "held_out": held_out.len(),
    });
    let scorers = Scorers {
        task,
        labeler,
        shapers,
        limits: limits.clone(),
    };
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

fn queries(config: &Config, task: &dyn Task) -> Result<(Vec<Query>, Vec<Query>)> {
    let seed = config.run.seed;
    let count = config.eval.queries as usize;
    let train = make_queries(task, &read_rows(&config.data.train)?, Split::Train, seed)?;
    let Some(path) = &config.data.held_out else {
        return hold_out(train, count);
    };
    let mut held_out = make_queries(task, &read_rows(path)?, Split::Test, seed)?;
    if held_out.len() < count {
        bail!(
            "`{}` makes {} queries, fewer than [eval] queries {count}\nhint: lower eval.queries",
            path.display(),
            held_out.len()
        );
    }
    held_out.truncate(count);
    Ok((train, held_out))
}

fn spec(reference: &PluginRef, limits: &PluginLimits) -> Result<Spec> {
    Ok(Spec {
        path: find(&reference.plugin)?,
        settings: serde_json::to_value(&reference.settings)?,
        assets: reference.assets.clone(),
        limits: Limits {
            memory_bytes: (limits.memory_mib as usize) << 20,
            deadline: Duration::from_millis(limits.deadline_ms),
            ..Limits::default()
        },
    })
}

/// The file of a plugin: a path, or a name that is looked up beside the binary and in
/// `ATTUNE_PLUGINS`.
pub(super) fn find(plugin: &str) -> Result<PathBuf> {
    if plugin.ends_with(".wasm") || plugin.contains('/') {
        let path = PathBuf::from(plugin);
        if !path.is_file() {
            bail!("there is no plugin file `{}`", path.display());
        }
        return Ok(path);
    }
    let folders = search_path();
    for folder in &folders {
        let path = folder.join(format!("{plugin}.wasm"));
        if path.is_file() {
            return Ok(path);
        }
    }
    let known: Vec<String> = folders.iter().flat_map(|folder| names(folder)).collect();
    bail!(
        "there is no plugin `{plugin}`; known are: {}\nhint: name a file that ends in `.wasm`, or build \
         the shipped plugins by `cargo xtask plugins`",
        known.join(", ")
    )
}

/// Where plugins are looked for by name.
pub(super) fn search_path() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("ATTUNE_PLUGINS")
        .map(|paths| std::env::split_paths(&paths).collect())
        .unwrap_or_default();
    if let Ok(binary) = std::env::current_exe() {
        for folder in binary.ancestors().skip(1).take(3) {
            folders.push(folder.join("plugins"));
        }
    }
    folders.retain(|folder| folder.is_dir());
    folders
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wasm"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

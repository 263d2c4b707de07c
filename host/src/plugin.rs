//! Plays the three roles with plugins, which are WebAssembly components, and where a config trusts
//! them shared libraries: loads them, calls them, and believes nothing that they return before it is
//! checked.
//!
//! Does not know what is trained, or what any plugin is for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::role::{self, Trust};

mod assets;
mod bindings;
mod cache;
mod call;
mod contract;
mod describe;
mod effort;
mod engine;
mod error;
mod file;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod imports;
mod kind;
mod labeler;
mod load;
mod meter;
mod native;
mod opened;
mod patience;
mod places;
mod pool;
mod search;
mod settings;
mod shaper;
mod task;
#[cfg(test)]
mod tests;
mod timing;
mod wit;

pub use settings::{choices, takes_text};
pub use timing::{compile_time, largest_instance, must_compile};

/// The contract that this build speaks.
pub const CONTRACT: &str = "0.1.0";

/// What one plugin may use up.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Of all memories of one instance together.
    pub memory_bytes: usize,
    /// Time for one call, with all that is done to find out which of its rows are bad.
    pub deadline: Duration,
    /// How much an instance may return at a time.
    pub output_bytes: usize,
    /// How many lines one call may log.
    pub log_lines: usize,
    /// How many instances may work at a time, on a thread each.
    pub threads: usize,
    /// An instance that was called so often is replaced by a new one.
    pub calls_per_instance: u64,
    /// Time for compiling it, where no compiled code is kept from an earlier run.
    pub compile: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: 64 << 20,
            deadline: Duration::from_secs(2),
            output_bytes: 64 << 20,
            log_lines: 100,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            calls_per_instance: 1000,
            compile: Duration::from_secs(180),
        }
    }
}

/// Which plugin to load, and what to give it.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The component's file, or the library's.
    pub path: PathBuf,
    /// Which of the two it is.
    pub trust: Trust,
    /// A table; settings that are missing get the plugin's defaults.
    pub settings: Value,
    /// Files for the plugin, by the names that it describes.
    pub assets: BTreeMap<String, PathBuf>,
    /// What it may use up.
    pub limits: Limits,
}

/// The policy's tokenizer, as plugins may use it.
pub trait TokenizerHost: Send + Sync {
    /// Token ids of a text.
    fn encode(&self, text: &str) -> Vec<u32>;
    /// Text of token ids.
    fn decode(&self, ids: &[u32]) -> String;
    /// How many token ids there are.
    fn vocab_size(&self) -> u32;
}

/// A file that a plugin can be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetDescription {
    /// Its key in the config.
    pub name: String,
    /// What it is for.
    pub help: String,
    /// Whether the plugin cannot do without it.
    pub required: bool,
}

/// What a plugin says of itself, and what its file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// `task`, `labeler` or `shaper`.
    pub kind: String,
    /// Name that the plugin gives itself.
    pub name: String,
    /// Version that the plugin gives itself.
    pub version: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// What it does, in a line.
    pub summary: String,
    /// Which SDK made it.
    pub sdk: String,
    /// Columns that it wants.
    pub columns: Vec<String>,
    /// Files that it can be given.
    pub assets: Vec<AssetDescription>,
    /// Numbers that it reports for each row.
    pub metrics: Vec<role::MetricDescription>,
    /// JSON Schema of its settings.
    pub schema: Value,
}

/// Loads a plugin far enough to ask what it is.
pub fn describe(path: &Path, trust: Trust) -> Result<Description> {
    let opened = load::open(path, trust, &Limits::default(), Arc::new(NoTokenizer));
    let opened = opened.with_context(|| format!("plugin `{}`", path.display()))?;
    Ok(opened.description)
}

/// The settings that a plugin would run with: those given, checked, and its defaults.
pub fn effective_settings(spec: &Spec) -> Result<Value> {
    let opened = load::open(&spec.path, spec.trust, &spec.limits, Arc::new(NoTokenizer));
    opened
        .and_then(|opened| settings::check(&opened.description.schema, &spec.settings))
        .with_context(|| format!("plugin `{}`", spec.path.display()))
}

/// Loads a task.
pub fn load_task(spec: &Spec, tokenizer: Arc<dyn TokenizerHost>) -> Result<Box<dyn role::Task>> {
    let plugin = task::load(spec, tokenizer);
    Ok(Box::new(plugin.with_context(|| {
        format!("plugin `{}`", spec.path.display())
    })?))
}

/// Loads a labeler.
pub fn load_labeler(
    spec: &Spec,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<Box<dyn role::Labeler>> {
    let plugin = labeler::load(spec, tokenizer);
    Ok(Box::new(plugin.with_context(|| {
        format!("plugin `{}`", spec.path.display())
    })?))
}

/// Loads a shaper.
pub fn load_shaper(
    spec: &Spec,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<Box<dyn role::Shaper>> {
    let plugin = shaper::load(spec, tokenizer);
    Ok(Box::new(plugin.with_context(|| {
        format!("plugin `{}`", spec.path.display())
    })?))
}

/// Stands in while a plugin is only described: it knows no token.
struct NoTokenizer;

impl TokenizerHost for NoTokenizer {
    fn encode(&self, _: &str) -> Vec<u32> {
        Vec::new()
    }

    fn decode(&self, _: &[u32]) -> String {
        String::new()
    }

    fn vocab_size(&self) -> u32 {
        0
    }
}

//! What a plugin takes of time and memory: to compile when nothing is kept from before, and to run.
//!
//! Does not know what the plugin does.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use wasmtime::component::Component;

use super::load::LARGE;
pub use super::meter::largest_instance;
use super::{cache, engine, file};
use crate::digest;

/// Whether to load the component in `path` means to wait: it is large, and was not compiled yet.
pub fn must_compile(path: &Path) -> Result<bool> {
    let bytes = file::read(path).with_context(|| format!("plugin `{}`", path.display()))?;
    let engine = engine::engine().map_err(|text| anyhow!(text))?;
    Ok(bytes.len() > LARGE && !cache::is_kept(engine, &digest::of_bytes(&bytes)))
}

/// Compiles the component in `path`, past the cache.
pub fn compile_time(path: &Path) -> Result<Duration> {
    let about = || format!("plugin `{}`", path.display());
    let bytes = std::fs::read(path).with_context(about)?;
    let engine = engine::engine().map_err(|text| anyhow!(text))?;
    let begun = Instant::now();
    Component::from_binary(engine, &bytes)
        .map_err(|error| anyhow!("{error:#}"))
        .with_context(about)?;
    Ok(begun.elapsed())
}

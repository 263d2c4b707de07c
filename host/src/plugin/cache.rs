//! Keeps compiled plugins between runs.
//!
//! Compiled code is trusted by whoever loads it, so only files of a folder that nobody else may
//! write are loaded. A cache that cannot be used costs time and nothing else.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

use wasmtime::Engine;
use wasmtime::component::Component;

/// The component of `bytes`, compiled now or earlier; `sha256` is that of `bytes`.
pub(super) fn compile(engine: &Engine, bytes: &[u8], sha256: &str) -> wasmtime::Result<Component> {
    let Some(folder) = folder() else {
        return Component::from_binary(engine, bytes);
    };
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let path = folder.join(format!("{sha256}-{:016x}.cwasm", hasher.finish()));
    if own(&path) {
        // SAFETY: the file is in a folder that only this user can write (`folder` checks it), is
        // this user's itself, and was written by `keep`.
        if let Ok(component) = unsafe { Component::deserialize_file(engine, &path) } {
            return Ok(component);
        }
    }
    let component = Component::from_binary(engine, bytes)?;
    if let Ok(code) = component.serialize() {
        // Without a kept copy the next run compiles again.
        let _ = keep(&path, &code);
    }
    Ok(component)
}

/// Written beside and renamed, so that nobody ever loads half a file.
fn keep(path: &PathBuf, code: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().expect("the cache's files are in a folder");
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(code)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn folder() -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(base) if !base.is_empty() => PathBuf::from(base),
        _ => PathBuf::from(std::env::var_os("HOME")?).join(".cache"),
    };
    let folder = base.join("attune").join("plugins");
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .ok()?;
    let meta = fs::symlink_metadata(&folder).ok()?;
    (meta.is_dir() && meta.uid() == user() && meta.mode() & 0o077 == 0).then_some(folder)
}

fn own(path: &PathBuf) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.uid() == user() && meta.mode() & 0o022 == 0)
}

fn user() -> u32 {
    // SAFETY: `geteuid` has no preconditions.
    unsafe { libc::geteuid() }
}

//! Keeps compiled plugins between runs.
//!
//! Compiled code is trusted by whoever loads it, so only files of a folder that nobody else may
//! write are loaded. A cache that cannot be used costs time and nothing else.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiled code of all plugins together; what was not used for longest makes room.
const MOST: u64 = 2 << 30;
/// What compiles longer than a person waits without a word: an interpreter with its library.
const LARGE: usize = 8 << 20;

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
            // Its time says when it was last of use; without it, it may have to make room early.
            let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
            return Ok(component);
        }
    }
    if bytes.len() > LARGE {
        // A closed stderr is no reason to stop.
        let _ = writeln!(
            std::io::stderr().lock(),
            "compiling a plugin of {} MB; this is done once, and takes some ten seconds",
            bytes.len() / 1_000_000
        );
    }
    let component = Component::from_binary(engine, bytes)?;
    if let Ok(code) = component.serialize() {
        // Without a kept copy the next run compiles again.
        let _ = keep(&path, &code).and_then(|()| make_room(&folder));
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

/// Removes what was not used for longest while all together is too much.
fn make_room(folder: &Path) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let (path, meta) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
        if path.extension().is_some_and(|ending| ending == "cwasm") {
            files.push((meta.modified()?, meta.len(), path));
        }
    }
    for path in surplus(files, MOST) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The oldest of `files` (time, bytes, path), as many as are above `most` bytes.
fn surplus(mut files: Vec<(SystemTime, u64, PathBuf)>, most: u64) -> Vec<PathBuf> {
    files.sort();
    let mut total: u64 = files.iter().map(|(_, len, _)| len).sum();
    let mut removed = Vec::new();
    for (_, len, path) in files {
        if total <= most {
            break;
        }
        total -= len;
        removed.push(path);
    }
    removed
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let file = |second, len, name: &str| {
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second);
            (time, len, PathBuf::from(name))
        };
        let files = vec![file(3, 5, "c"), file(1, 5, "a"), file(2, 5, "b")];
        assert!(surplus(files.clone(), 15).is_empty());
        assert_eq!(surplus(files, 9), ["a", "b"].map(PathBuf::from));
    }
}

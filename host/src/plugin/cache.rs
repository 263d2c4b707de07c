//! Keeps compiled plugins between runs.
//!
//! Compiled code is trusted by whoever runs it. So only files of a folder that nobody else may write
//! are used, and only when they still have the digest that they were kept with: one that was damaged
//! is compiled again. A cache that cannot be used costs time and nothing else.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::digest;

/// What compiles faster is not kept.
const WORTH: Duration = Duration::from_millis(20);
/// What is kept in all, the latest first.
const MAX_BYTES: u64 = 2 << 30;
/// A file begins with the digest of its name and code, in hexadecimal.
const DIGEST: usize = 64;

/// The component whose bytes have this digest, as it was kept, or as it is compiled now.
pub(super) fn kept_or<E>(
    engine: &Engine,
    sha256: &str,
    compile: impl FnOnce() -> Result<Component, E>,
) -> Result<Component, E> {
    match folder() {
        Some(folder) => kept_in(&folder, WORTH, engine, sha256, compile),
        None => compile(),
    }
}

/// Whether the compiled code of the component whose bytes have this digest was kept.
pub(super) fn is_kept(engine: &Engine, sha256: &str) -> bool {
    folder().is_some_and(|folder| place(&folder, engine, sha256).is_file())
}

/// Where the compiled code of a component is kept, by its digest and by what compiles it.
fn place(folder: &Path, engine: &Engine, sha256: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    folder.join(format!("{sha256}-{:016x}.cwasm", hasher.finish()))
}

fn kept_in<E>(
    folder: &Path,
    worth: Duration,
    engine: &Engine,
    sha256: &str,
    compile: impl FnOnce() -> Result<Component, E>,
) -> Result<Component, E> {
    let path = place(folder, engine, sha256);
    if let Some(code) = kept(&path) {
        // SAFETY: `keep` wrote these bytes, since they have the digest that it gave them, and only
        // this user can write the file (`kept`) and its folder (`folder`).
        if let Ok(component) = unsafe { Component::deserialize(engine, &code[DIGEST..]) } {
            return Ok(component);
        }
    }
    let begun = Instant::now();
    let component = compile()?;
    if begun.elapsed() >= worth
        && let Ok(code) = component.serialize()
    {
        // Without a kept copy the next run compiles again.
        let _ = keep(&path, &code).and_then(|()| tidy(folder, MAX_BYTES));
    }
    Ok(component)
}

/// The bytes of a file that was kept, if they are those that were.
fn kept(path: &Path) -> Option<Vec<u8>> {
    // A pipe of that name would keep whoever opens it waiting for a writer.
    let mut options = File::options();
    let options = options.read(true).custom_flags(libc::O_NONBLOCK);
    let mut file = options.open(path).ok()?;
    let meta = file.metadata().ok()?;
    let own = meta.is_file() && meta.uid() == user() && meta.mode() & 0o022 == 0;
    let mut bytes = Vec::new();
    if !own || file.read_to_end(&mut bytes).is_err() {
        return None;
    }
    let (digest, code) = bytes.split_at_checked(DIGEST)?;
    (digest == sealed(path, code).as_bytes()).then(|| {
        // For `tidy`, which takes the oldest.
        let _ = file.set_modified(SystemTime::now());
        bytes
    })
}

/// The digest of code with the name that says whose it is: that of another plugin does not fit.
fn sealed(path: &Path, code: &[u8]) -> String {
    let name = path.file_name().unwrap_or_default();
    digest::of_parts(&[name.as_encoded_bytes(), code])
}

/// Written beside and renamed, so that nobody ever loads half a file.
fn keep(path: &Path, code: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().expect("the cache's files are in a folder");
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(sealed(path, code).as_bytes())?;
    file.write_all(code)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Removes what was not used for longest, beyond `most` bytes.
fn tidy(folder: &Path, most: u64) -> std::io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        files.push((meta.modified()?, meta.len(), entry.path()));
    }
    files.sort();
    let mut total = 0;
    for (_, len, path) in files.into_iter().rev() {
        total += len;
        if total > most {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The user's folder of compiled plugins, if nobody else can write it.
fn folder() -> Option<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(base) if !base.is_empty() => PathBuf::from(base),
        _ => PathBuf::from(std::env::var_os("HOME")?).join(".cache"),
    };
    private(&base.join("attune").join("plugins"))
}

fn private(folder: &Path) -> Option<PathBuf> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .ok()?;
    let meta = fs::symlink_metadata(folder).ok()?;
    (meta.is_dir() && meta.uid() == user() && meta.mode() & 0o077 == 0).then(|| folder.to_owned())
}

fn user() -> u32 {
    // SAFETY: `geteuid` has no preconditions.
    unsafe { libc::geteuid() }
}

#[cfg(test)]
mod tests;

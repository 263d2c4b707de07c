//! Where builds keep what the next one can use again, and who may write there at a time.
//! It knows nothing about what is kept.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const LOCK: &str = ".attune-lock";
/// What compilers may keep in a folder. A project adds some 50 MB.
const MAX_BYTES: u64 = 6 << 30;

/// A folder of the user's cache, made when it is not there.
pub fn folder(name: &str) -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(base) if !base.is_empty() => PathBuf::from(base),
        _ => std::env::var_os("HOME")
            .map(|home| PathBuf::from(home).join(".cache"))
            .context("there is no folder for caches\nhint: set HOME or XDG_CACHE_HOME")?,
    };
    let folder = base.join("attune").join(name);
    make(&folder)?;
    Ok(folder)
}

/// A folder of the user's cache where a compiler keeps its work, of all projects. What it kept for
/// projects that are gone is in the way some day; then it begins anew.
pub(crate) fn target(name: &str) -> Result<PathBuf> {
    let folder = folder(name)?;
    let _only = lock(&folder)?;
    begin_anew(&folder, MAX_BYTES)?;
    Ok(folder)
}

/// Empties the folder if there is more in it than `most` bytes.
fn begin_anew(folder: &Path, most: u64) -> Result<()> {
    if size(folder) <= most {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder)?.flatten();
    for entry in entries.filter(|entry| entry.file_name() != LOCK) {
        let path = entry.path();
        let removed = match path.is_dir() {
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        removed.with_context(|| format!("cannot remove `{}`", path.display()))?;
    }
    Ok(())
}

/// Bytes of all files in a folder.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |meta| meta.len()),
        _ => 0,
    });
    sizes.sum()
}

/// Waits until no other process builds in `folder`; the lock ends with what is returned.
pub fn lock(folder: &Path) -> Result<File> {
    make(folder)?;
    let path = folder.join(LOCK);
    let about = || format!("cannot lock `{}`", path.display());
    let file = File::create(&path).with_context(about)?;
    file.lock().with_context(about)?;
    Ok(file)
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| {
        format!(
            "cannot make the folder `{}`\nhint: check that you may write there",
            folder.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let _only = lock(path).unwrap();
        std::fs::create_dir_all(path.join("debug/deps")).unwrap();
        std::fs::write(path.join("debug/deps/a"), [0; 700]).unwrap();
        std::fs::write(path.join("b"), [0; 300]).unwrap();
        begin_anew(path, 1000).unwrap();
        assert!(path.join("debug/deps/a").exists());
        begin_anew(path, 999).unwrap();
        let left: Vec<_> = std::fs::read_dir(path).unwrap().flatten().collect();
        assert_eq!(left.len(), 1, "the lock stays");
    }
}

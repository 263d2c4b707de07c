//! Where builds keep what the next one can use again, and who may write there at a time.
//! It knows nothing about what is kept.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

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

/// Waits until no other process builds in `folder`; the lock ends with what is returned.
pub fn lock(folder: &Path) -> Result<File> {
    make(folder)?;
    let path = folder.join(".attune-lock");
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

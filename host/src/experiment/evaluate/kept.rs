//! What an evaluation has made already, by what it was made of: answers and what judges said of them.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::digest;
use crate::run_dir::replace;

/// Raised where the same key comes to mean something else, so that nothing that was made before is taken for it. The
/// program's own version is part of every key as well.
const FORMAT: u32 = 2;

/// A folder with a file for each thing that was made.
pub(super) struct Kept {
    folder: PathBuf,
    /// Held while this process writes there.
    _lock: File,
}

impl Kept {
    /// The folder, which is made where there is none, kept from other processes.
    pub(super) fn open(folder: &Path) -> Result<Kept> {
        let about = || {
            format!(
                "cannot write to `{}`\nhint: name another directory by `--set run.dir=…`",
                folder.display()
            )
        };
        std::fs::create_dir_all(folder).with_context(about)?;
        let lock = File::create(folder.join("lock")).with_context(about)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "`{}` is in use: another process evaluates there\nhint: wait until it ends, or stop it",
                folder.display()
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(about),
        }
        Ok(Kept {
            folder: folder.to_path_buf(),
            _lock: lock,
        })
    }

    /// Where the config of the last comparison is.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.join("config.toml")
    }

    /// What was made of `key`, by `make` where that was not done before. It is on the disk when this returns, and what
    /// is returned was read from there, so that both ways give the same bits.
    pub(super) fn get<T: Serialize + DeserializeOwned>(
        &self,
        kind: &str,
        key: &Value,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.get_if(kind, key, |_| true, make)
    }

    /// The same of what is kept only where `is_whole` says so: what failed once may not the next time.
    pub(super) fn get_if<T: Serialize + DeserializeOwned>(
        &self,
        kind: &str,
        key: &Value,
        is_whole: impl FnOnce(&T) -> bool,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let path = self.path(kind, key);
        if !path.is_file() {
            let made = make()?;
            let bytes = serde_json::to_vec(&made)?;
            if !is_whole(&made) {
                return Ok(serde_json::from_slice(&bytes)?);
            }
            replace(&path, &bytes)?;
        }
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "`{}` is damaged\nhint: remove it to have it made again",
                path.display()
            )
        })
    }

    /// Whether it was made before.
    pub(super) fn has(&self, kind: &str, key: &Value) -> bool {
        self.path(kind, key).is_file()
    }

    fn path(&self, kind: &str, key: &Value) -> PathBuf {
        let key = json!([env!("CARGO_PKG_VERSION"), FORMAT, key]);
        let name = digest::of_bytes(key.to_string().as_bytes());
        self.folder.join(kind).join(format!("{}.json", &name[..32]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_whole_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::open(folder.path()).unwrap();
        let key = json!({"of": "two answers"});
        let made = |value: f64| kept.get_if("judged", &key, |made| *made > 0.0, || Ok(value));
        assert_eq!(made(-1.0).unwrap(), -1.0);
        assert!(!kept.has("judged", &key));
        assert_eq!(made(0.1).unwrap(), 0.1);
        assert!(kept.has("judged", &key));
        assert_eq!(made(0.3).unwrap(), 0.1);
        // Another program's work is not looked for.
        let plain = digest::of_bytes(key.to_string().as_bytes());
        assert!(
            !kept
                .path("judged", &key)
                .ends_with(format!("{}.json", &plain[..32]))
        );
    }
}

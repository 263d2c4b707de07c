//! Records of finished steps: small files whose content is what the step was done for.
//! It knows nothing about the steps; a stamp is cheap to check and never proves more than it says.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
pub(crate) use attune_build::tool::write_atomically;
use sha2::{Digest, Sha256};

use crate::layout::Layout;

/// The record of one step.
pub(crate) struct Stamp {
    path: PathBuf,
    key: String,
}

impl Stamp {
    /// The record of step `name`, which is current while it says `key`.
    pub(crate) fn new(layout: &Layout, name: &str, key: impl Into<String>) -> Self {
        let path = layout.stamps().join(name);
        let key = key.into();
        Self { path, key }
    }

    /// Whether the step was done for this key and what it made is still there.
    pub(crate) fn is_current(&self, made: &[&Path]) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| text == self.key)
            && made.iter().all(|path| path.exists())
    }

    /// Records that the step is done.
    pub(crate) fn set(&self) -> Result<()> {
        write_atomically(&self.path, self.key.as_bytes())
    }
}

/// Makes a folder and its parents; a missing right is named with its fix.
pub(crate) fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| {
        format!(
            "cannot create the folder {}\nhint: check that you may write there",
            path.display()
        )
    })
}

/// A file's SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256_of_file(path: &Path) -> Result<String> {
    let mut file =
        fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = std::io::Read::read(&mut file, &mut buffer)
            .with_context(|| format!("cannot read {}", path.display()))?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

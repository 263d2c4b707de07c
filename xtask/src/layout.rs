//! Where things lie in a checkout. It knows paths only; it neither creates nor checks them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folders of one checkout.
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The checkout this binary is run in: cargo says where at run time, so that a moved or copied
    /// checkout with an old binary still means itself.
    pub(crate) fn of_this_checkout() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .with_context(|| format!("{} has no parent folder", manifest.display()))?;
        Ok(Self { root: root.into() })
    }

    /// The repository's root.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Everything fetched; ignored by git.
    pub(crate) fn deps(&self) -> PathBuf {
        self.root.join(".deps")
    }

    /// What `LIBTORCH` is by default (see `.cargo/config.toml`).
    pub(crate) fn libtorch(&self) -> PathBuf {
        self.deps().join("libtorch")
    }

    /// Records of finished steps.
    pub(crate) fn stamps(&self) -> PathBuf {
        self.deps().join("stamps")
    }

    /// The pretrained model as the host reads it.
    pub(crate) fn model(&self) -> PathBuf {
        self.deps().join("models/smollm2-135m")
    }

    /// Lexicon and rated snippets.
    pub(crate) fn data(&self) -> PathBuf {
        self.deps().join("data")
    }

    /// The Python environment of the peer: PyTorch and transformers.
    pub(crate) fn peer(&self) -> PathBuf {
        self.deps().join("peer")
    }

    /// Finished plugin components.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.root.join("target/plugins")
    }

    /// Components that only tests load.
    pub(crate) fn test_plugins(&self) -> PathBuf {
        self.root.join("target/test-plugins")
    }

    /// The pages of `attune serve`.
    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// What benchmarks are made on.
    pub(crate) fn bench(&self) -> PathBuf {
        self.root.join("target/bench")
    }

    /// The host's binary, in the one profile that everything here uses.
    pub(crate) fn host_binary(&self) -> PathBuf {
        self.root
            .join("target/debug/attune")
            .with_extension(std::env::consts::EXE_EXTENSION)
    }

    /// `path` as a reader in the root would write it.
    pub(crate) fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

//! The plugins that an experiment is pinned to: a file beside the config, with each one's name,
//! version and SHA-256.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::role::Identity;
use crate::terminal::Word;

const HEAD: &str =
    "# The plugins of this experiment, as `attune plugin lock` found them. Others are refused.\n\n";

/// The pinned plugins; nothing is pinned where there is no file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    #[serde(default)]
    plugin: Vec<Pinned>,
    #[serde(skip)]
    path: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pinned {
    name: String,
    version: String,
    sha256: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unsandboxed: bool,
}

impl Pinned {
    fn of(identity: &Identity) -> Self {
        Pinned {
            name: identity.name.clone(),
            version: identity.version.clone(),
            sha256: identity.sha256.clone(),
            unsandboxed: identity.unsandboxed,
        }
    }
}

fn told(identity: &Identity) -> String {
    let Identity {
        name,
        version,
        sha256,
        unsandboxed,
    } = identity;
    let how = if *unsandboxed { ", unsandboxed" } else { "" };
    format!("`{name}` {version} ({sha256}{how})")
}

/// Says that a plugin is not the one that it was.
pub(crate) fn changed(before: &Identity, now: &Identity) -> String {
    format!("plugin {} is now {}", told(before), told(now))
}

impl Lock {
    /// Where the lock of a config's file is.
    pub(crate) fn path(file: &Path) -> PathBuf {
        file.with_extension("lock")
    }

    /// The lock of the config's file, if it has one.
    pub(crate) fn of(config: &Config) -> Result<Self> {
        let path = Lock::path(&config.session.file);
        // Whatever is there is meant: what cannot be read is no reason to pin nothing.
        if config.session.file.as_os_str().is_empty() || path.symlink_metadata().is_err() {
            return Ok(Lock::default());
        }
        let about = || {
            format!(
                "lock `{}` cannot be read\nhint: write it again by `attune plugin lock`",
                path.display()
            )
        };
        let text = std::fs::read_to_string(&path).with_context(about)?;
        let mut lock: Lock = toml::from_str(&text).with_context(about)?;
        lock.path = Some(path);
        Ok(lock)
    }

    /// Pins these plugins, each once.
    pub(crate) fn pin(identities: &[Identity]) -> Self {
        let mut plugin: Vec<Pinned> = Vec::new();
        for pinned in identities.iter().map(Pinned::of) {
            if !plugin.contains(&pinned) {
                plugin.push(pinned);
            }
        }
        Lock { plugin, path: None }
    }

    /// The file's text.
    pub(crate) fn to_toml(&self) -> Result<String> {
        Ok(format!("{HEAD}{}", toml::to_string_pretty(self)?))
    }

    /// What a run records of the plugins that were admitted though they are not pinned.
    pub(crate) fn passed_over(&self, identities: &[Identity]) -> Vec<serde_json::Value> {
        let strangers = identities.iter().filter(|_| self.path.is_some());
        let strangers = strangers.filter(|now| !self.plugin.contains(&Pinned::of(now)));
        let event = |now: &Identity| {
            let pinned = self.plugin.iter().find(|pinned| pinned.name == now.name);
            serde_json::json!({"event": "plugin not as locked", "locked": pinned, "now": now})
        };
        strangers.map(event).collect()
    }

    /// Refuses a plugin that is not pinned, where any is, unless that is allowed.
    pub(crate) fn admit(&self, identity: &Identity, config: &Config) -> Result<()> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let now = Pinned::of(identity);
        if self.plugin.contains(&now) || config.session.allow_changed_plugins {
            return Ok(());
        }
        let hint = format!(
            "put the locked file back, pin the new one by `attune plugin lock {}`, or go on once by \
             --allow-changed-plugins",
            Word(config.session.file.display())
        );
        match self.plugin.iter().find(|pinned| pinned.name == now.name) {
            Some(pinned) => bail!(
                "plugin `{}` {} has SHA-256 {}, and `{}` pins {} with {}\nhint: {hint}",
                now.name,
                now.version,
                now.sha256,
                path.display(),
                pinned.version,
                pinned.sha256
            ),
            None => bail!(
                "plugin `{}` is not in `{}`\nhint: {hint}",
                now.name,
                path.display()
            ),
        }
    }
}

//! Finds Node, and installs componentize-qjs where builds look for it.
//! It knows npm; it knows nothing about plugins.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::tool::{INSTALLING, capture, capture_within, exists, program};

/// What is installed, once for all projects.
pub(super) const PACKAGE: &str = "componentize-qjs@0.4.5";
/// The oldest Node that it runs on.
const OLDEST: u32 = 18;

/// Node and the folder that componentize-qjs is in.
pub(super) struct Tool {
    pub(super) node: &'static str,
    pub(super) folder: PathBuf,
}

impl Tool {
    /// The one that is there, or one that is installed now.
    pub(super) fn ensure() -> Result<Self> {
        let node = node()?;
        let home = cache::folder("js")?;
        let folder = home.join(PACKAGE.replace('@', "-"));
        if !folder.is_dir() {
            // Another build may be installing it; then it is there when the lock is free.
            let _lock = cache::lock(&home)?;
            if !folder.is_dir() {
                install(node, &home, &folder)?;
            }
        }
        Ok(Self { node, folder })
    }
}

/// The first of `node` and `nodejs` that is new enough.
fn node() -> Result<&'static str> {
    for name in ["node", "nodejs"] {
        let said = capture(program(name).arg("--version"));
        if said.is_ok_and(|version| major(&version).is_some_and(|major| major >= OLDEST)) {
            return Ok(name);
        }
    }
    bail!(
        "no Node.js {OLDEST} or newer was found as node or nodejs; it runs the program that makes components of \
         JavaScript plugins\nhint: install it, e.g. `apt-get install nodejs npm`, or from https://nodejs.org"
    )
}

/// 20 of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version
        .trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}

/// Installs into a folder that gets its name when it is complete.
fn install(node: &str, home: &Path, folder: &Path) -> Result<()> {
    if !exists("npm") {
        bail!(
            "npm was not found, which installs {PACKAGE}, once\nhint: install it, e.g. `apt-get install npm`"
        );
    }
    let part = tempfile::tempdir_in(home).context("cannot make a temporary folder")?;
    let into = part.path().join("tool");
    std::fs::create_dir(&into)?;
    let mut command = program("npm");
    command
        .args(["install", "--no-save", "--no-package-lock", "--no-audit"])
        .args(["--no-fund", "--ignore-scripts", "--loglevel=error"])
        // What a configuration might say otherwise.
        .args([
            "--no-global",
            "--no-dry-run",
            "--include=optional",
            "--no-workspaces",
        ])
        .arg("--prefix")
        .arg(&into)
        .arg(PACKAGE)
        .current_dir(&into);
    if !keeps_files_at_home() {
        command.arg("--cache").arg(part.path().join("npm"));
    }
    let result = capture_within(&mut command, INSTALLING);
    result.with_context(|| {
        format!(
            "cannot install {PACKAGE}, which makes components of JavaScript plugins\nhint: check the network, or \
             point npm at a registry that can be reached (npm_config_registry); once it is installed no network \
             is needed"
        )
    })?;
    // On a full disk, npm leaves parts of files and says that all is well.
    let load = "require(process.argv[1])";
    let package = into.join("node_modules").join("componentize-qjs");
    capture(program(node).args(["-e", load]).arg(package)).with_context(|| {
        format!(
            "{PACKAGE} was installed into `{}` and cannot be loaded\nhint: is the disk full? make room, and build \
             again",
            home.display()
        )
    })?;
    std::fs::rename(&into, folder).with_context(|| format!("cannot write `{}`", folder.display()))
}

/// Whether npm can keep what it fetches where it wants to. Where it cannot, it installs nothing.
fn keeps_files_at_home() -> bool {
    let is_told = |name: &OsString| name.eq_ignore_ascii_case("npm_config_cache");
    if std::env::vars_os().any(|(name, _)| is_told(&name)) {
        return true;
    }
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from) else {
        return false;
    };
    let kept = home.join(".npm");
    let folder = if kept.is_dir() { kept } else { home };
    tempfile::tempfile_in(folder).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("20"), None);
    }
}

//! Finds Python, and installs componentize-py where builds look for it.
//! It knows pip; it knows nothing about plugins.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::tool::{INSTALLING, capture, capture_within, exists, program};

/// What is installed, once for all projects.
pub(super) const PACKAGE: &str = "componentize-py==0.25.1";

/// An interpreter and the folder that componentize-py is in.
pub(super) struct Tool {
    pub(super) python: &'static str,
    pub(super) folder: PathBuf,
}

impl Tool {
    /// The one that is there, or one that is installed now.
    pub(super) fn ensure() -> Result<Self> {
        let python = interpreter()?;
        let home = cache::folder("python")?;
        let folder = home.join(PACKAGE.replace("==", "-"));
        if !folder.is_dir() {
            // Another build may be installing it; then it is there when the lock is free.
            let _lock = cache::lock(&home)?;
            if !folder.is_dir() {
                install(python, &home, &folder)?;
            }
        }
        Ok(Self { python, folder })
    }
}

/// The first of `python3` and `python` that is version 3.9 or newer.
pub fn interpreter() -> Result<&'static str> {
    let test = "import sys; sys.exit(sys.version_info < (3, 9))";
    for name in ["python3", "python"] {
        if exists(name) && capture(program(name).args(["-I", "-c", test])).is_ok() {
            return Ok(name);
        }
    }
    bail!(
        "no Python 3.9 or newer was found as python3 or python\nhint: install it, e.g. `apt-get install python3 \
         python3-pip`"
    )
}

/// Installs into a folder that gets its name when it is complete.
fn install(python: &str, home: &Path, folder: &Path) -> Result<()> {
    let part = tempfile::tempdir_in(home).context("cannot make a temporary folder")?;
    let pip = pip(python, part.path())?;
    let into = part.path().join("tool");
    let mut command = program(&pip);
    // The last of these is what a configuration might say otherwise.
    command
        .args(["-m", "pip", "--disable-pip-version-check", "install"])
        .args(["--quiet", "--no-deps", "--only-binary", ":all:", "--target"])
        .arg(&into)
        .args([PACKAGE, "--no-user"])
        .env("PIP_REQUIRE_VIRTUALENV", "0");
    let result = capture_within(&mut command, INSTALLING);
    result.with_context(|| {
        format!(
            "cannot install {PACKAGE}, which makes components of Python plugins\nhint: check the network, or \
             point pip at an index that can be reached (PIP_INDEX_URL); once it is installed no network is needed"
        )
    })?;
    std::fs::rename(&into, folder).with_context(|| format!("cannot write `{}`", folder.display()))
}

/// An interpreter that has pip: this one, or one in an environment of its own.
fn pip(python: &str, folder: &Path) -> Result<PathBuf> {
    if capture(program(python).args(["-m", "pip", "--version"])).is_ok() {
        return Ok(python.into());
    }
    let environment = folder.join("environment");
    let made = capture(program(python).args(["-m", "venv"]).arg(&environment));
    made.with_context(|| {
        format!(
            "`{python}` has neither pip nor what it takes to make an environment with it\nhint: install pip, e.g. \
             `apt-get install python3-pip`"
        )
    })?;
    Ok(environment.join("bin/python"))
}

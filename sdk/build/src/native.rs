//! A Rust crate becomes a shared library for this machine, which Attune loads when a config trusts the
//! plugin natively. It is an ordinary `cargo build --lib`, and shares what that has built.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::rust::{Package, Workspace};
use crate::tool::{cargo, watched};

/// Cargo's profile of native builds, with its folder. They are for debuggers, as it is.
const PROFILE: (&str, &str) = ("dev", "debug");

impl Workspace {
    /// Builds packages natively, in cargo's one call: their libraries, in order. They lie in
    /// `target_folder`, where the next build may change them.
    pub fn build_native(
        &self,
        packages: &[&Package],
        target_folder: &Path,
        quiet: bool,
    ) -> Result<Vec<PathBuf>> {
        let (profile, folder) = PROFILE;
        let mut command = cargo(&self.root);
        command
            .args(["build", "--lib", "--profile", profile, "--target-dir"])
            .arg(target_folder)
            // A panic must come back as an answer, whatever the manifest says.
            .args(["--config", &format!("profile.{profile}.panic=\"unwind\"")]);
        if quiet {
            command.arg("--quiet");
        }
        for package in packages {
            command.args(["--package", &package.name]);
        }
        watched(&mut command)?;
        let library = |package: &&Package| {
            let path = target_folder.join(folder).join(package.library());
            if !path.is_file() {
                bail!("cargo did not leave `{}`", path.display());
            }
            Ok(path)
        };
        packages.iter().map(library).collect()
    }
}

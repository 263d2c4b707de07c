//! A Rust crate becomes a shared library for this machine, which Attune loads when a config trusts the
//! plugin natively. It is an ordinary `cargo build --lib`, of the
//! same profile and flags for everyone.

use std::env::consts::{DLL_EXTENSION, DLL_SUFFIX};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::cargo::{self, Build};
use crate::project::{Built, Language, Project, keep};
use crate::rust::{Package, Workspace};
use crate::wasm::host;

/// As quick as the component, the same arithmetic, and all that a debugger wants to know. A panic
/// must come back as an answer, whatever the manifest says.
const PROFILE: [&str; 8] = [
    "profile.dev.opt-level=3",
    "profile.dev.debug=2",
    "profile.dev.debug-assertions=false",
    "profile.dev.overflow-checks=false",
    "profile.dev.panic=\"unwind\"",
    "profile.dev.lto=false",
    "profile.dev.strip=false",
    "profile.dev.incremental=false",
];

impl Workspace {
    /// Builds packages natively, in cargo's one call: their libraries' bytes, in order.
    pub fn build_native(
        &self,
        packages: &[&Package],
        target_folder: &Path,
        quiet: bool,
    ) -> Result<Vec<Vec<u8>>> {
        // Held until the library is read: another project of the same name would be in its place.
        let _only = cache::lock(target_folder)?;
        let alone = self.is_one();
        let build = Build {
            subcommand: if alone { "rustc" } else { "build" },
            root: &self.root,
            target: &host()?,
            folder: target_folder,
            settings: &PROFILE,
            flags: &own_functions(),
            has_own_sdk: self.own_sdk,
            quiet,
        };
        let mut command = build.command()?;
        command.arg("--lib");
        for package in packages {
            command.args(["--package", &package.name]);
        }
        if alone {
            command.args(["--", &self.told_apart()]);
        }
        let made = cargo::run(&mut command, |_| None)?;
        let library = |package: &&Package| {
            let path = made.of(&package.folder, DLL_EXTENSION).with_context(|| {
                format!("cargo says nothing of a library of `{}`", package.name)
            })?;
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        packages.iter().map(library).collect()
    }

    /// A flag that no other project has: cargo takes one of the same name for this one, which lies
    /// elsewhere, and its library for this one's.
    fn told_apart(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.root.hash(&mut hasher);
        format!("-Cmetadata={:016x}", hasher.finish())
    }
}

/// Has libraries call their own functions where the host has some of the same name: the SDK's, which
/// compute what a component's do.
fn own_functions() -> Vec<String> {
    match cfg!(target_os = "linux") {
        true => vec!["-Clink-arg=-Wl,-Bsymbolic".to_owned()],
        false => vec![], // Libraries do so by themselves.
    }
}

impl Project {
    /// Builds the shared library, to `out` or beside where the component goes.
    pub fn build_native(&self, out: Option<&Path>, target_folder: Option<&Path>) -> Result<Built> {
        if self.language != Language::Rust {
            bail!(
                "a plugin in {} has no native build\nhint: leave out --native; its component runs in the \
                 sandbox",
                self.language.name()
            );
        }
        let workspace = Workspace::of(&self.folder)?;
        let package = workspace.plugin_in(&self.folder)?;
        package.put_sdk_beside()?;
        let target = match target_folder {
            Some(folder) => folder.to_owned(),
            // A project by itself: what it has in common with others is compiled once for all.
            None if workspace.root == self.folder && workspace.is_one() => cache::target("native")?,
            None => workspace.target.join("native"),
        };
        let mut bytes = workspace.build_native(&[package], &target, false)?;
        let bytes = bytes.pop().context("cargo built nothing")?;
        let path = out.map_or_else(|| usual(&workspace, package), Path::to_owned);
        keep(&package.name, path, &bytes)
    }
}

/// Beside the component.
fn usual(workspace: &Workspace, package: &Package) -> PathBuf {
    let file = format!("{}{}", package.name, DLL_SUFFIX);
    workspace.target.join("plugins").join(file)
}

//! A Rust crate becomes a component: cargo makes a core module of it, the encoder wraps that.
//! It knows cargo; it knows nothing about what a plugin does.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::cargo::{self, Build};
use crate::tool::{self, capture};
use crate::wasm::{PROFILE, TARGET, WasmToolchain, rename};
use crate::{Language, cache, foreign, sdk};

/// The SDK's crate, whose place on this machine is kept out of what is built with it.
const SDK: &str = "attune-sdk";

/// A package that builds a dynamic library, which is what a plugin is before it is a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The package's name, which is the plugin's.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The folder of its manifest.
    pub folder: PathBuf,
    /// Whether it names the SDK by its version, and not by where it lies.
    own_sdk: bool,
    /// Where the SDK lies, if it says so.
    sdk: Option<PathBuf>,
}

/// The packages of one cargo workspace that are plugins.
#[derive(Debug)]
pub struct Workspace {
    /// The workspace's folder.
    pub root: PathBuf,
    /// Its plugins, in cargo's order.
    pub plugins: Vec<Package>,
    /// Where cargo puts what it builds for this machine.
    pub target: PathBuf,
    /// How many packages it has, plugins or not.
    members: usize,
    /// Whether any of them names the SDK by its version.
    pub(crate) own_sdk: bool,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<PackageMetadata>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct PackageMetadata {
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<TargetMetadata>,
    dependencies: Vec<DependencyMetadata>,
}

#[derive(Deserialize)]
struct TargetMetadata {
    crate_types: Vec<String>,
}

#[derive(Deserialize)]
struct DependencyMetadata {
    name: String,
    /// None where it is a path.
    source: Option<String>,
    path: Option<PathBuf>,
}

impl Package {
    /// Puts the SDK where the author's own tools find it, unless the manifest says where it is.
    pub(crate) fn put_sdk_beside(&self) -> Result<()> {
        match self.own_sdk {
            true => sdk::put_beside(&self.folder, Language::Rust),
            false => Ok(()),
        }
    }
}

impl Workspace {
    /// Asks cargo what is in the workspace of `folder`.
    pub fn of(folder: &Path) -> Result<Self> {
        let json =
            capture(tool::cargo(folder).args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: Metadata =
            serde_json::from_str(&json).context("cannot read what cargo says of the workspace")?;
        Ok(Self {
            // Whatever else a configuration names, so that projects of one name stay apart.
            target: metadata.workspace_root.join("target"),
            root: metadata.workspace_root,
            members: metadata.packages.len(),
            own_sdk: metadata.packages.iter().any(PackageMetadata::has_own_sdk),
            plugins: metadata.packages.into_iter().filter_map(package).collect(),
        })
    }

    /// The plugin whose manifest is in `folder`.
    pub fn plugin_in(&self, folder: &Path) -> Result<&Package> {
        let folder = folder.canonicalize()?;
        let found = self.plugins.iter().find(|package| package.folder == folder);
        found.with_context(|| {
            format!(
                "the crate in `{}` builds no plugin\nhint: its Cargo.toml needs `[lib]` with \
                 `crate-type = [\"cdylib\", \"rlib\"]`",
                folder.display()
            )
        })
    }

    /// Whether it is one package by itself.
    pub(crate) fn is_one(&self) -> bool {
        self.members == 1
    }

    /// Builds packages to components, in cargo's one call: their bytes, in order.
    pub fn build(
        &self,
        toolchain: &WasmToolchain,
        packages: &[&Package],
        target_folder: &Path,
        quiet: bool,
    ) -> Result<Vec<Vec<u8>>> {
        // Held until the module is read: another project of the same name would be in its place.
        let _only = cache::lock(target_folder)?;
        let mut command = self.cargo(toolchain, packages, target_folder, quiet)?;
        let explained = |id: &str| foreign::broken(id, &packages.first()?.folder, self.own_sdk);
        let made = cargo::run(&mut command, explained)?;
        let component = |package: &&Package| {
            let module = made
                .of(&package.folder, "wasm")
                .with_context(|| format!("cargo says nothing of a module of `{}`", package.name))?;
            let core = std::fs::read(module)
                .with_context(|| format!("cannot read {}", module.display()))?;
            let made = match foreign::refusal(&core, &package.folder, self.own_sdk) {
                Some(refusal) => Err(refusal),
                None => encode(&core),
            };
            made.with_context(|| format!("cannot make a component of `{}`", package.name))
        };
        packages.iter().map(component).collect()
    }

    /// The call that builds the packages. The workspace's own place is kept out of what it makes: for
    /// a package by itself by a flag for that alone, so that what it depends on, which the folder
    /// shares with other projects, is not compiled anew for each of them.
    fn cargo(
        &self,
        toolchain: &WasmToolchain,
        packages: &[&Package],
        target_folder: &Path,
        quiet: bool,
    ) -> Result<Command> {
        let mut renamed = Vec::new();
        if self.own_sdk {
            renamed.push((sdk::of_rust()?, "/attune-sdk"));
        }
        let mut places = packages.iter().filter_map(|package| package.sdk.clone());
        if let Some(sdk) = places.find(|sdk| !sdk.starts_with(&self.root)) {
            renamed.push((sdk, "/attune-sdk"));
        }
        let alone = packages.len() == 1 && self.is_one();
        if !alone {
            renamed.insert(0, (self.root.clone(), "."));
        }
        let build = Build {
            subcommand: if alone { "rustc" } else { "build" },
            root: &self.root,
            target: TARGET,
            folder: target_folder,
            settings: &PROFILE,
            flags: &toolchain.flags(&renamed),
            has_own_sdk: self.own_sdk,
            quiet,
        };
        let mut command = build.command()?;
        command.args(["--profile", "plugin"]);
        toolchain.choose(&mut command, target_folder)?;
        for package in packages {
            command.args(["--package", &package.name]);
        }
        if alone {
            command.args(["--lib", "--", &rename(&self.root, ".")]);
        }
        Ok(command)
    }
}

impl PackageMetadata {
    fn sdk(&self) -> Option<&DependencyMetadata> {
        self.dependencies
            .iter()
            .find(|dependency| dependency.name == SDK)
    }

    fn has_own_sdk(&self) -> bool {
        self.sdk().is_some_and(|sdk| sdk.source.is_some())
    }
}

fn package(package: PackageMetadata) -> Option<Package> {
    let is_module =
        |target: &TargetMetadata| target.crate_types.iter().any(|kind| kind == "cdylib");
    package.targets.iter().find(|target| is_module(target))?;
    Some(Package {
        own_sdk: package.has_own_sdk(),
        sdk: package.sdk().and_then(|sdk| sdk.path.clone()),
        name: package.name,
        version: package.version,
        folder: package.manifest_path.parent()?.to_owned(),
    })
}

/// Wraps a core module that was built with the SDK as a component.
pub fn encode(core: &[u8]) -> Result<Vec<u8>> {
    if core.get(..4) != Some(b"\0asm") {
        bail!("this is not a WebAssembly module");
    }
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(core)
        .map_err(|error| anyhow!("{error:#}"))
        .context("the module was not built with a plugin SDK")?
        .encode()
        .map_err(|error| anyhow!("{error:#}"))
        .context("the module cannot be made a component")
}

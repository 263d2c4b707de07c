//! A Rust crate becomes a component: cargo makes a core module of it, the encoder wraps that.
//! It knows cargo; it knows nothing about what a plugin does.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::cache;
use crate::tool::{capture, cargo, watched};
use crate::wasm::{TARGET, WasmToolchain, rename};

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
    /// File name stem of its module: cargo writes underscores.
    stem: String,
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
}

impl Package {
    /// File name of its native library.
    pub(crate) fn library(&self) -> String {
        let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        format!("{prefix}{}{suffix}", self.stem)
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<PackageMetadata>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct PackageMetadata {
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<TargetMetadata>,
}

#[derive(Deserialize)]
struct TargetMetadata {
    name: String,
    crate_types: Vec<String>,
}

impl Workspace {
    /// Asks cargo what is in the workspace of `folder`.
    pub fn of(folder: &Path) -> Result<Self> {
        let json = capture(cargo(folder).args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: Metadata =
            serde_json::from_str(&json).context("cannot read what cargo says of the workspace")?;
        Ok(Self {
            root: metadata.workspace_root,
            target: metadata.target_directory,
            members: metadata.packages.len(),
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
        let mut command = self.cargo(toolchain, packages, target_folder)?;
        if quiet {
            command.env("CARGO_TERM_QUIET", "true");
        }
        watched(&mut command)?;
        let component = |package: &&Package| {
            let module = target_folder
                .join(TARGET)
                .join("plugin")
                .join(&package.stem);
            let module = module.with_extension("wasm");
            let core = std::fs::read(&module)
                .with_context(|| format!("cannot read {}", module.display()))?;
            encode(&core).with_context(|| format!("cannot make a component of `{}`", package.name))
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
    ) -> Result<Command> {
        let sdk = sdk_of(&self.root, packages)?.filter(|sdk| !sdk.starts_with(&self.root));
        let mut renamed: Vec<_> = sdk.map(|sdk| (sdk, "/attune-sdk")).into_iter().collect();
        if let ([package], true) = (packages, self.is_one()) {
            let mut command =
                toolchain.cargo_build("rustc", &self.root, target_folder, &renamed)?;
            command.args(["--package", &package.name, "--lib"]);
            command.args(["--", &rename(&self.root, ".")]);
            return Ok(command);
        }
        renamed.insert(0, (self.root.clone(), "."));
        let mut command = toolchain.cargo_build("build", &self.root, target_folder, &renamed)?;
        for package in packages {
            command.args(["--package", &package.name]);
        }
        Ok(command)
    }
}

fn package(package: PackageMetadata) -> Option<Package> {
    let is_module =
        |target: &&TargetMetadata| target.crate_types.iter().any(|kind| kind == "cdylib");
    let target = package.targets.iter().find(is_module)?;
    Some(Package {
        stem: target.name.replace('-', "_"),
        name: package.name,
        version: package.version,
        folder: package.manifest_path.parent()?.to_owned(),
    })
}

/// Where the SDK lies that the packages name in their manifests, if they name it by its path.
fn sdk_of(root: &Path, packages: &[&Package]) -> Result<Option<PathBuf>> {
    for folder in packages
        .iter()
        .map(|package| package.folder.as_path())
        .chain([root])
    {
        let manifest = folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest)
            .with_context(|| format!("cannot read {}", manifest.display()))?;
        let manifest: toml::Table = text
            .parse()
            .with_context(|| format!("cannot read {}", manifest.display()))?;
        let tables = [
            manifest.get("dependencies"),
            manifest
                .get("workspace")
                .and_then(|w| w.get("dependencies")),
        ];
        let path = tables
            .into_iter()
            .flatten()
            .find_map(|t| t.get(SDK)?.get("path")?.as_str());
        if let Some(path) = path {
            let sdk = folder.join(path).canonicalize();
            return Ok(Some(sdk.with_context(|| {
                format!(
                    "`{}` says that the plugin SDK is at `{path}`, where there is none\nhint: write where \
                     Attune's folder `sdk` is now",
                    folder.join("Cargo.toml").display()
                )
            })?));
        }
    }
    Ok(None)
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

//! What lies in a folder that is to become a plugin, and where it goes.
//! It knows the signs of each language; it knows nothing about plugins' contents.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::rust::Workspace;
use crate::tool::write_atomically;
use crate::wasm::WasmToolchain;
use crate::{cache, js, python, sdk};

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// A crate: `Cargo.toml`.
    Rust,
    /// A module: `pyproject.toml`.
    Python,
    /// A module: `package.json` with an entry `attune`.
    JavaScript,
}

impl Language {
    /// All languages, each with the file by which a project in it is known.
    const SIGNS: [(Language, &str); 3] = [
        (Language::Rust, "Cargo.toml"),
        (Language::Python, "pyproject.toml"),
        (Language::JavaScript, "package.json"),
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Language::Rust => "Rust",
            Language::Python => "Python",
            Language::JavaScript => "JavaScript",
        }
    }

    /// Whether the folder has the sign of a project in it.
    fn is_in(self, folder: &Path, sign: &str) -> bool {
        // Tools of all sorts leave a package.json.
        folder.join(sign).is_file() && (self != Language::JavaScript || js::is_plugin(folder))
    }
}

/// A folder with a plugin's source.
#[derive(Debug)]
pub struct Project {
    /// The folder.
    pub folder: PathBuf,
    /// What it is written in.
    pub language: Language,
}

/// What a build left.
#[derive(Debug)]
pub struct Built {
    /// The plugin's name.
    pub name: String,
    /// The component's file.
    pub path: PathBuf,
    /// Bytes of the component.
    pub len: usize,
    /// Whether the file was not there before, or was another.
    pub changed: bool,
}

impl Project {
    /// The project in `folder`.
    pub fn open(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            bail!(
                "there is no folder `{}`\nhint: name a plugin's folder; `attune plugin new` makes one",
                folder.display()
            );
        }
        let signs = Language::SIGNS.into_iter();
        let found: Vec<_> = signs
            .filter(|(language, sign)| language.is_in(folder, sign))
            .collect();
        let language = match found[..] {
            [(language, _)] => language,
            [(_, one), (_, other), ..] => bail!(
                "`{}` has both a {one} and a {other}\nhint: a plugin is written in one language; move one of \
                 them elsewhere",
                folder.display()
            ),
            [] => bail!(
                "`{}` has neither a Cargo.toml (Rust), nor a pyproject.toml (Python), nor a package.json with an \
                 entry \"attune\" (JavaScript)\nhint: name a plugin's folder; `attune plugin new` makes one",
                folder.display()
            ),
        };
        let folder = folder
            .canonicalize()
            .with_context(|| format!("cannot read `{}`", folder.display()))?;
        Ok(Self { folder, language })
    }

    /// Builds the component, to `out` or to where the language's tools put things. `target_folder`
    /// is where a compiler keeps its work, when another place than the usual one is wanted.
    pub fn build(&self, out: Option<&Path>, target_folder: Option<&Path>) -> Result<Built> {
        match self.language {
            Language::Rust => self.build_rust(out, target_folder),
            Language::Python => {
                sdk::put_beside(&self.folder, self.language)?;
                python::build(&self.folder, out)
            }
            Language::JavaScript => {
                sdk::put_beside(&self.folder, self.language)?;
                js::build(&self.folder, out)
            }
        }
    }

    fn build_rust(&self, out: Option<&Path>, target_folder: Option<&Path>) -> Result<Built> {
        let toolchain = WasmToolchain::require()?;
        let workspace = Workspace::of(&self.folder)?;
        let package = workspace.plugin_in(&self.folder)?;
        package.put_sdk_beside()?;
        let target = match target_folder {
            Some(folder) => folder.to_owned(),
            // A project by itself: what it has in common with others is compiled once for all.
            None if workspace.root == self.folder => cache::target("build")?,
            None => workspace.target.join("plugins"),
        };
        let mut bytes = workspace.build(&toolchain, &[package], &target, false)?;
        let bytes = bytes.pop().context("cargo built nothing")?;
        let usual = workspace
            .target
            .join("plugins")
            .join(format!("{}.wasm", package.name));
        let path = out.map_or(usual, Path::to_owned);
        keep(&package.name, path, &bytes)
    }
}

/// Writes the component unless it is there already: an unchanged file keeps its time.
pub fn keep(name: &str, path: PathBuf, bytes: &[u8]) -> Result<Built> {
    let changed = std::fs::read(&path).map_or(true, |old| old != bytes);
    if changed {
        write_atomically(&path, bytes)?;
    }
    Ok(Built {
        name: name.to_owned(),
        path,
        len: bytes.len(),
        changed,
    })
}

/// The folder of the project that a component was built of: it lies in `target/plugins` of that project,
/// or of a workspace with the project below its folder `plugins`.
pub fn project_of(component: &Path) -> Option<PathBuf> {
    let folder = component.canonicalize().ok()?.parent()?.to_owned();
    let root = folder
        .ends_with("target/plugins")
        .then(|| folder.parent()?.parent())??;
    let name = component.file_stem()?.to_str()?;
    let mut folders = vec![root.to_owned()];
    for depth in ["plugins", "plugins/python"] {
        let entries = std::fs::read_dir(root.join(depth));
        folders.extend(
            entries
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path()),
        );
    }
    folders.into_iter().find(|folder| is_named(folder, name))
}

/// Whether a manifest in the folder has the name.
fn is_named(folder: &Path, name: &str) -> bool {
    let text = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    let package: serde_json::Value =
        serde_json::from_str(&text("package.json")).unwrap_or_default();
    let manifests = [("Cargo.toml", "package"), ("pyproject.toml", "project")];
    package["name"] == name
        || manifests.iter().any(|(file, table)| {
            let manifest: toml::Table = text(file).parse().unwrap_or_default();
            let named = manifest.get(*table).and_then(|table| table.get("name"));
            named.and_then(toml::Value::as_str) == Some(name)
        })
}

//! The SDKs, which are part of the program: a project's build needs no checkout of Attune.
//!
//! A project names the SDK by its name alone, `attune-sdk = "0.1"`. A build has it from a folder of the cache that
//! is called after what is in there; the author's own tools, `cargo test` for one, have it from a copy in the project's
//! `.attune/sdk`, which no repository keeps. It knows the files; it knows nothing about how they are compiled.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::cache;
use crate::project::Language;
use crate::tool::write_atomically;

/// Files by their paths below a folder, with their texts.
pub(crate) type Files = &'static [(&'static str, &'static str)];

include!(concat!(env!("OUT_DIR"), "/sdks.rs"));

/// The manifest of the SDK's crate inherits from this one.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");
/// Where a project has its copy.
pub(crate) const PLACE: &str = ".attune/sdk";
/// Has cargo take it for the released crate.
const CARGO_CONFIG: &str = "\
# Where `cargo test` and editors find the SDK; `attune plugin build` puts it there, as it does this file.
[patch.crates-io]
attune-sdk = { path = \".attune/sdk\" }
";

/// The crate in the cache, complete when this returns.
pub(crate) fn of_rust() -> Result<PathBuf> {
    let home = cache::folder("sdk")?;
    let files = files(Language::Rust)?;
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    let folder = home.join(format!("{:016x}", hasher.finish()));
    let _only = cache::lock(&home)?;
    write(&folder, &files)?;
    Ok(folder)
}

/// Puts the SDK where the author's own tools find it; what is as it should be is left alone.
pub fn put_beside(project: &Path, language: Language) -> Result<()> {
    let home = project.join(".attune");
    // So that git, whatever the project tells it, passes over the copy.
    write(&home, &[(".gitignore".to_owned(), "*\n".to_owned())])?;
    write(&project.join(PLACE), &files(language)?)?;
    let config = project.join(".cargo/config.toml");
    let is_there = config.exists() || project.join(".cargo/config").exists();
    if language == Language::Rust && !is_there {
        write_atomically(&config, CARGO_CONFIG.as_bytes())?;
    }
    Ok(())
}

/// What a copy of the SDK is made of.
fn files(language: Language) -> Result<Vec<(String, String)>> {
    let whole = |prefix: &str, files: Files| {
        let named = files
            .iter()
            .map(|(name, text)| (format!("{prefix}{name}"), (*text).to_owned()));
        named.collect::<Vec<_>>()
    };
    Ok(match language {
        Language::Python => whole("attune_sdk/", PYTHON),
        Language::JavaScript => whole("", JS),
        Language::Rust => {
            let mut files = whole("", RUST);
            for (_, text) in files.iter_mut().filter(|(name, _)| name == "Cargo.toml") {
                *text = standalone(text, WORKSPACE).context("the SDK's manifest cannot be read")?;
            }
            files
        }
    })
}

/// Writes the files that are not there, or are others.
fn write(folder: &Path, files: &[(String, String)]) -> Result<()> {
    for (name, text) in files {
        let path = folder.join(name);
        if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            write_atomically(&path, text.as_bytes())?;
        }
    }
    Ok(())
}

/// A manifest with what it inherits from its workspace written out.
fn standalone(manifest: &str, workspace: &str) -> Result<String> {
    let mut manifest: toml::Table = manifest.parse()?;
    let workspace: toml::Table = workspace.parse()?;
    let inherited = |place: &[&str]| {
        let table = workspace.get("workspace")?.as_table()?;
        place
            .iter()
            .try_fold(toml::Value::from(table.clone()), |at, key| {
                at.get(key).cloned()
            })
    };
    // How our own code is checked is nothing to those who build it.
    manifest.remove("lints");
    write_out(&mut manifest, &inherited, &mut vec![])?;
    // A workspace of its own, whatever folder it lies in.
    manifest.insert("workspace".into(), toml::Table::new().into());
    Ok(toml::to_string(&manifest)?)
}

/// Replaces each `{ workspace = true }` below `place`, by what `inherited` has of its kind.
fn write_out(
    table: &mut toml::Table,
    inherited: &impl Fn(&[&str]) -> Option<toml::Value>,
    place: &mut Vec<String>,
) -> Result<()> {
    for (key, value) in table.iter_mut() {
        let Some(inner) = value.as_table_mut() else {
            continue;
        };
        if inner.get("workspace").and_then(toml::Value::as_bool) == Some(true) {
            ensure!(
                inner.len() == 1,
                "`{key}` says more than that it is inherited"
            );
            let kind = place.last().map_or("package", String::as_str).to_owned();
            let found = inherited(&[&kind, key]);
            *value = found.with_context(|| format!("the workspace has no `{kind}.{key}`"))?;
            continue;
        }
        place.push(key.clone());
        write_out(inner, inherited, place)?;
        place.pop();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths of all files of these kinds below a folder.
    fn there(folder: &Path, ends: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(at) = folders.pop() {
            for entry in std::fs::read_dir(at).unwrap().flatten() {
                let path = entry.path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path.strip_prefix(folder).unwrap().display().to_string()),
                }
            }
        }
        found.retain(|name| ends.iter().any(|end| name.ends_with(end)));
        found.sort();
        found
    }

    #[test]
    fn every_file_of_the_sdks_is_in_the_program() {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for (known, folder, prefix) in [
            (RUST, "src", "src/"),
            (RUST, "wit", "wit/"),
            (PYTHON, "python/attune_sdk", ""),
            (JS, "js/src", "src/"),
        ] {
            let known = known
                .iter()
                .filter_map(|(name, _)| name.strip_prefix(prefix));
            let mut known: Vec<&str> = known.collect();
            known.sort();
            assert_eq!(
                there(&sdk.join(folder), &[".rs", ".wit", ".py", ".typed", ".js"]),
                known
            );
        }
    }

    #[test]
    fn the_crate_stands_without_its_workspace() {
        let files = files(Language::Rust).unwrap();
        let (_, manifest) = files.iter().find(|(name, _)| name == "Cargo.toml").unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        let version = |name: &str| manifest["dependencies"][name].clone();
        assert_eq!(manifest["package"]["edition"].as_str(), Some("2024"));
        assert!(
            version("serde")["version"]
                .as_str()
                .unwrap()
                .starts_with('=')
        );
        let text = manifest.to_string();
        assert!(
            !text.contains("workspace = true") && text.contains("[workspace]"),
            "{text}"
        );
        assert!(text.contains("cfg(not(target_arch = \\\"wasm32\\\"))") || text.contains("wasm32"));
    }

    #[test]
    fn what_is_inherited_and_not_there_is_named() {
        let refused =
            standalone("[dependencies]\nabc.workspace = true\n", "[workspace]\n").unwrap_err();
        assert!(
            refused.to_string().contains("`dependencies.abc`"),
            "{refused}"
        );
    }

    #[test]
    fn a_copy_is_mended_and_otherwise_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join(".cargo/config.toml");
        put_beside(folder.path(), Language::Rust).unwrap();
        assert!(std::fs::read_to_string(&config).unwrap().contains(PLACE));
        let source = folder.path().join(PLACE).join("src/lib.rs");
        let text = std::fs::read_to_string(&source).unwrap();
        std::fs::write(&source, "broken").unwrap();
        std::fs::write(&config, "# mine\n").unwrap();
        put_beside(folder.path(), Language::Rust).unwrap();
        assert_eq!(std::fs::read_to_string(&source).unwrap(), text);
        assert_eq!(std::fs::read_to_string(&config).unwrap(), "# mine\n");
        let written = std::fs::metadata(&source).unwrap().modified().unwrap();
        put_beside(folder.path(), Language::Rust).unwrap();
        assert_eq!(
            std::fs::metadata(&source).unwrap().modified().unwrap(),
            written
        );
    }
}

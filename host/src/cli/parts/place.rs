//! Where a plugin's file is, by its name.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::spelling::nearest;

/// The file of a plugin: a path, or a name that is looked up beside the binary and in
/// `ATTUNE_PLUGINS`.
pub(in crate::cli) fn find(plugin: &str) -> Result<PathBuf> {
    if plugin.ends_with(".wasm") || plugin.contains('/') {
        let path = PathBuf::from(plugin);
        if !path.is_file() {
            bail!(
                "there is no plugin file `{}`\nhint: put the file there, or name another; \
                 `cargo xtask plugins` builds those that ship",
                path.display()
            );
        }
        return Ok(path);
    }
    let folders = search_path();
    for folder in &folders {
        let path = folder.join(format!("{plugin}.wasm"));
        if path.is_file() {
            return Ok(path);
        }
    }
    let known: Vec<String> = folders.iter().flat_map(|folder| names(folder)).collect();
    let hint = match nearest(plugin, known.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "build the shipped plugins by `cargo xtask plugins`".into(),
        None => format!(
            "known are {}; a file's name ends in `.wasm`",
            known.join(", ")
        ),
    };
    bail!("there is no plugin `{plugin}`\nhint: {hint}")
}

/// Where plugins are looked for by name.
pub(in crate::cli) fn search_path() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("ATTUNE_PLUGINS")
        .map(|paths| std::env::split_paths(&paths).collect())
        .unwrap_or_default();
    if let Ok(binary) = std::env::current_exe() {
        for folder in binary.ancestors().skip(1).take(3) {
            folders.push(folder.join("plugins"));
        }
    }
    folders.retain(|folder| folder.is_dir());
    folders
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wasm"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

//! Where a plugin's file is, by its name.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::role::Trust;
use crate::spelling::nearest;

/// What a component's file is called.
const COMPONENT: &str = ".wasm";
/// What a shared library's is: a plugin's native build.
const LIBRARY: &str = std::env::consts::DLL_SUFFIX;

/// The file of a plugin: a path, or a name that is looked up beside the binary and in
/// `ATTUNE_PLUGINS`.
pub(crate) fn find(plugin: &str) -> Result<PathBuf> {
    find_ending(plugin, COMPONENT)
}

/// The same for one that may run natively, unless nothing may.
pub(crate) fn find_trusted(plugin: &str, trust: Trust, sandboxed_only: bool) -> Result<PathBuf> {
    match trust {
        Trust::Sandboxed => find(plugin),
        Trust::Native if sandboxed_only => bail!(
            "plugin `{plugin}` is to run natively, and --sandboxed-only forbids that\nhint: leave out \
             `trust = \"native\"`, so that its component runs in the sandbox; or, if the library may do \
             whatever you can, leave out --sandboxed-only"
        ),
        Trust::Native => find_ending(plugin, LIBRARY),
    }
}

fn find_ending(plugin: &str, ending: &str) -> Result<PathBuf> {
    let build = match ending {
        COMPONENT => "`cargo xtask plugins` builds those that ship",
        _ => "`attune plugin build --native` builds one",
    };
    if plugin.ends_with(COMPONENT) || plugin.ends_with(LIBRARY) || plugin.contains('/') {
        return file_at(plugin, build);
    }
    let folders = search_path();
    let file = |ending: &str| {
        let places = folders.iter();
        let mut places = places.map(|folder| folder.join(format!("{plugin}{ending}")));
        places.find(|path| path.is_file())
    };
    if let Some(path) = file(ending) {
        return Ok(path);
    }
    let known: Vec<String> = folders
        .iter()
        .flat_map(|folder| names(folder, ending))
        .collect();
    let hint = match nearest(plugin, known.iter().map(String::as_str)) {
        _ if ending != COMPONENT && file(COMPONENT).is_some() => {
            format!(
                "there is a component of this name; a native build, {plugin}{ending}, goes beside it: {build}"
            )
        }
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => build.into(),
        None => format!(
            "known are {}; a file's name ends in `{ending}`",
            known.join(", ")
        ),
    };
    let missing = match no_folders().as_slice() {
        [] => String::new(),
        names => format!(
            "; ATTUNE_PLUGINS names `{}`, which is no folder",
            names.join("`, `")
        ),
    };
    bail!("there is no plugin `{plugin}`{missing}\nhint: {hint}")
}

/// The file that a plugin's path names.
fn file_at(plugin: &str, build: &str) -> Result<PathBuf> {
    let path = PathBuf::from(plugin);
    if path.is_file() {
        return Ok(path);
    }
    if path.is_dir() {
        bail!(
            "plugin `{plugin}` is a folder\nhint: name a file in it; where it is a project, `attune plugin build \
             {plugin}` makes one in its target/plugins"
        );
    }
    if path.exists() {
        bail!("plugin `{plugin}` is not a file\nhint: name one that `attune plugin build` made");
    }
    bail!("there is no plugin file `{plugin}`\nhint: put the file there, or name another; {build}")
}

/// What `ATTUNE_PLUGINS` names, in its order.
fn named_folders() -> Vec<PathBuf> {
    let paths = std::env::var_os("ATTUNE_PLUGINS").unwrap_or_default();
    let named = std::env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty());
    named.collect()
}

/// What of that is no folder.
pub(crate) fn no_folders() -> Vec<String> {
    let named = named_folders().into_iter();
    let missing = named.filter(|path| !path.is_dir());
    missing.map(|path| path.display().to_string()).collect()
}

/// Where plugins are looked for by name.
pub(crate) fn search_path() -> Vec<PathBuf> {
    let mut folders = named_folders();
    if let Ok(binary) = std::env::current_exe() {
        for folder in binary.ancestors().skip(1).take(3) {
            folders.push(folder.join("plugins"));
        }
    }
    folders.retain(|folder| folder.is_dir());
    folders
}

fn names(folder: &Path, ending: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            Some(name.strip_suffix(ending)?.to_owned())
        })
        .collect();
    names.sort();
    names
}

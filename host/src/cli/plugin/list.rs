//! `attune plugin list`: the plugins that a config can name without a path.

use std::path::Path;

use anyhow::{Result, bail};

use crate::experiment::parts::{no_folders, search_path};
use crate::plugin::{self, Description};
use crate::role::Trust;

/// Characters of a hash that tell plugins apart at a glance.
const SHORT: usize = 12;

/// Prints each folder of the search path and what is in it, in the order of the search.
pub(super) fn list(long: bool) -> Result<()> {
    for missing in no_folders() {
        eprintln!("warning: ATTUNE_PLUGINS names `{missing}`, which is no folder");
    }
    let folders = search_path();
    if folders.is_empty() {
        bail!(
            "no folder of plugins was found\nhint: `cargo xtask plugins` builds those that ship; \
             ATTUNE_PLUGINS names other folders"
        );
    }
    let mut seen: Vec<String> = Vec::new();
    for folder in folders {
        let files = components(&folder)?;
        if files.is_empty() {
            continue;
        }
        println!("{}", folder.display());
        for file in files {
            let name = file
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            // A list is not worth a minute of compiling.
            if plugin::must_compile(&file).unwrap_or(false) {
                println!(
                    "  {name:<16} not compiled yet: `attune plugin describe {name}` compiles it, once"
                );
                seen.push(name);
                continue;
            }
            match plugin::describe(&file, Trust::Sandboxed) {
                Ok(about) => print(&name, &about, long, seen.contains(&name)),
                Err(error) => println!("  {}: {error:#}", file.display()),
            }
            seen.push(name);
        }
    }
    Ok(())
}

fn components(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wasm"))
        .collect();
    files.sort_by(|a, b| a.file_stem().cmp(&b.file_stem()));
    Ok(files)
}

/// By its file's name, which is what a config says.
fn print(name: &str, about: &Description, long: bool, hidden: bool) {
    let hash = if long {
        about.sha256.as_str()
    } else {
        &about.sha256[..SHORT]
    };
    let note = if hidden {
        " (a folder above has one of this name, which is taken)"
    } else {
        ""
    };
    println!(
        "  {name:<16} {:<8} {:<8} {hash}  {}{note}",
        about.kind, about.version, about.summary
    );
}

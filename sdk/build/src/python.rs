//! A Python project becomes a component: its modules and the SDK are staged, an interpreter compiled
//! to WebAssembly imports them, and a snapshot of its memory is the component.
//! It knows componentize-py; it knows nothing about what a plugin does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

mod manifest;
mod native;
mod tool;

pub use native::answers;
pub use tool::interpreter;

use crate::project::Built;
use crate::script::{self, PIN, Sources, WIT, Words, run, run_within};
use crate::sdk::PYTHON;
use crate::tool::{IMPORTING, clear, too_long, write_atomically};
use manifest::Manifest;
use tool::Tool;

/// What makes the component, run by the interpreter that was found.
const SCRIPT: &str = include_str!("python/componentize.py");

/// After so many lines of Python an import that takes too long is looked at: some seconds.
const LINES_TRACED: u64 = 300_000;

/// All `.py` files but tests.
const SOURCES: Sources = Sources {
    is_module: |name| name.ends_with(".py") && !name.starts_with("test_"),
    // Python marks its environments, however they are named.
    is_foreign: |folder, name| LEFT_OUT.contains(&name) || folder.join("pyvenv.cfg").exists(),
};

/// Folders that hold no part of a plugin.
const LEFT_OUT: [&str; 5] = ["tests", "target", "build", "dist", "__pycache__"];

/// The SDK's modules, which go into every component.
fn sdk() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    PYTHON.iter().filter(|(name, _)| (SOURCES.is_module)(name))
}

/// Builds the project in `folder` to `out`, or to NAME.wasm among the project's `target/plugins`; or
/// finds that nothing has changed since it was built. An `out` that is a folder gets NAME.wasm too.
pub fn build(folder: &Path, out: Option<&Path>) -> Result<Built> {
    let manifest = Manifest::read(folder)?;
    let modules = SOURCES.read(folder)?;
    manifest.check(modules.keys().map(String::as_str))?;
    let inputs = (&manifest, &modules, PYTHON, WIT, SCRIPT, PIN, tool::PACKAGE);
    script::build_once(folder, &manifest.name, out, inputs, || {
        componentize(&manifest, &modules)
    })
}

fn componentize(manifest: &Manifest, modules: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let tool = Tool::ensure()?;
    let stage = tempfile::tempdir().context("cannot make a temporary folder")?;
    let write = |name: &str, bytes: &[u8]| write_atomically(&stage.path().join(name), bytes);
    write("plugin.wit", WIT.as_bytes())?;
    write("componentize.py", SCRIPT.as_bytes())?;
    write("tmp/.keep", b"")?;
    for (name, text) in sdk() {
        write(&format!("app/attune_sdk/{name}"), text.as_bytes())?;
    }
    for (name, text) in modules {
        write(&format!("app/{name}"), text.as_bytes())?;
    }
    if let Some(limit) = import(&tool, stage.path(), manifest, modules, 0)? {
        let never = too_long(
            "importing the plugin",
            limit,
            "look for what never ends outside of functions",
        );
        // Once more, and told after so many lines where it is.
        return Err(
            match import(&tool, stage.path(), manifest, modules, LINES_TRACED) {
                Err(told) => never.context(format!("{told:#}")),
                Ok(_) => never,
            },
        );
    }
    Ok(std::fs::read(stage.path().join("component.wasm"))?)
}

/// Has the stage imported, and a component made of it; or, with `lines`, stopped after so many lines. `Some` of the
/// time when that was over.
fn import(
    tool: &Tool,
    stage: &Path,
    manifest: &Manifest,
    modules: &BTreeMap<String, String>,
    lines: u64,
) -> Result<Option<Duration>> {
    let pin = (!PIN.is_empty()).then(|| stage.join("pin.so"));
    let request = json!({
        "kind": manifest.kind, "name": manifest.name, "version": manifest.version,
        "summary": manifest.summary, "module": manifest.module, "class": manifest.class,
        "modules": modules.keys().collect::<Vec<_>>(), "tool": tool.folder, "pin": pin, "lines": lines,
    });
    write_atomically(&stage.join("request.json"), request.to_string().as_bytes())?;
    let mut command = Command::new(tool.python);
    clear(&mut command);
    command
        .args(["-I", "-B", "-X", "utf8"])
        .args([&stage.join("componentize.py"), stage])
        .env("TMPDIR", stage.join("tmp"));
    if let Some(pin) = &pin {
        std::fs::write(pin, PIN)?;
        command.env("LD_PRELOAD", pin);
    }
    match lines {
        0 => run(&mut command, &UNIMPORTED),
        // It ends by itself; a busy machine is to have the time.
        _ => run_within(&mut command, &UNIMPORTED, IMPORTING),
    }
}

/// What it means when no component was made, and what to do.
const UNIMPORTED: Words = Words {
    refusal: "Python cannot import the plugin",
    hint: "it is imported once, when it is built; mend what is named above",
};

/// The folders in `folder` that are Python projects, by name; none where there is no such folder.
pub fn projects(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder);
    let mut found: Vec<PathBuf> = entries
        .with_context(|| format!("cannot read `{}`", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("pyproject.toml").is_file())
        .collect();
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_hidden_files_are_no_part_of_a_plugin() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            "a.py",
            "b/c.py",
            "_d/e.py",
            "b/__init__.py",
            "tests/d.py",
            "test_a.py",
            ".hidden/e.py",
            "env/pyvenv.cfg",
            "env/e.py",
            "__pycache__/f.py",
            "words.txt",
        ];
        for file in files {
            write_atomically(&folder.path().join(file), b"x = 1").unwrap();
        }
        let found: Vec<String> = SOURCES.read(folder.path()).unwrap().into_keys().collect();
        assert_eq!(found, ["_d/e.py", "a.py", "b/__init__.py", "b/c.py"]);
    }
}

//! A Python project becomes a component: its modules and the SDK are staged, an interpreter compiled
//! to WebAssembly imports them, and a snapshot of its memory is the component.
//! It knows componentize-py; it knows nothing about what a plugin does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

mod manifest;
mod native;
mod tool;

pub use native::answers;
pub use tool::interpreter;

use crate::project::Built;
use crate::script::{self, PIN, Sources, WIT, run};
use crate::tool::write_atomically;
use manifest::Manifest;
use tool::Tool;

/// What makes the component, run by the interpreter that was found.
const SCRIPT: &str = include_str!("python/componentize.py");

macro_rules! sdk {
    ($($name:literal)*) => {
        /// The SDK's modules, which go into every component.
        const SDK: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!("../../python/attune_sdk/", $name)),
        )),*];
    };
}

sdk! {
    "__init__.py" "answer.py" "cases.py" "columns.py" "confine.py" "explain.py" "guest.py" "host.py" "imports.py"
    "labeler.py" "lexicon.py" "lock.py" "log.py" "outcome.py" "plugin.py" "rng.py" "rows.py" "rules.py" "settings.py"
    "shaper.py" "streams.py" "task.py" "testing.py" "tokenizer.py" "wire.py"
}

/// All `.py` files but tests.
const SOURCES: Sources = Sources {
    is_module: |name| name.ends_with(".py") && !name.starts_with("test_"),
    // Python marks its environments, however they are named.
    is_foreign: |folder, name| LEFT_OUT.contains(&name) || folder.join("pyvenv.cfg").exists(),
};

/// Folders that hold no part of a plugin.
const LEFT_OUT: [&str; 5] = ["tests", "target", "build", "dist", "__pycache__"];

/// Builds the project in `folder` to `out`, or to NAME.wasm among the project's `target/plugins`; or
/// finds that nothing has changed since it was built. An `out` that is a folder gets NAME.wasm too.
pub fn build(folder: &Path, out: Option<&Path>) -> Result<Built> {
    let manifest = Manifest::read(folder)?;
    let modules = SOURCES.read(folder)?;
    manifest.check(modules.keys().map(String::as_str))?;
    let inputs = (&manifest, &modules, SDK, WIT, SCRIPT, PIN, tool::PACKAGE);
    script::build_once(folder, &manifest.name, out, inputs, || {
        componentize(&manifest, &modules)
    })
}

fn componentize(manifest: &Manifest, modules: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let tool = Tool::ensure()?;
    let stage = tempfile::tempdir().context("cannot make a temporary folder")?;
    let pin = (!PIN.is_empty()).then(|| stage.path().join("pin.so"));
    let request = json!({
        "kind": manifest.kind, "name": manifest.name, "version": manifest.version,
        "summary": manifest.summary, "module": manifest.module, "class": manifest.class,
        "modules": modules.keys().collect::<Vec<_>>(), "tool": tool.folder, "pin": pin,
    });
    let write = |name: &str, bytes: &[u8]| write_atomically(&stage.path().join(name), bytes);
    write("request.json", request.to_string().as_bytes())?;
    write("plugin.wit", WIT.as_bytes())?;
    write("componentize.py", SCRIPT.as_bytes())?;
    write("tmp/.keep", b"")?;
    for (name, text) in SDK {
        write(&format!("app/attune_sdk/{name}"), text.as_bytes())?;
    }
    for (name, text) in modules {
        write(&format!("app/{name}"), text.as_bytes())?;
    }
    let mut command = Command::new(tool.python);
    command
        .args(["-I", "-B"])
        .args([&stage.path().join("componentize.py"), stage.path()])
        .env("TMPDIR", stage.path().join("tmp"));
    if let Some(pin) = &pin {
        std::fs::write(pin, PIN)?;
        command.env("LD_PRELOAD", pin);
    }
    run(&mut command, UNIMPORTED)?;
    Ok(std::fs::read(stage.path().join("component.wasm"))?)
}

/// What it means when no component was made, and what to do.
const UNIMPORTED: (&str, &str) = (
    "Python cannot import the plugin",
    "it is imported once, when it is built; mend what is named above",
);

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
    fn every_module_of_the_sdk_goes_into_a_component() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/attune_sdk");
        let mut there: Vec<String> = SOURCES.read(&folder).unwrap().into_keys().collect();
        there.sort();
        let known: Vec<&str> = SDK.iter().map(|(name, _)| *name).collect();
        assert_eq!(there, known);
    }

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

//! A JavaScript project becomes a component: its modules and the SDK are staged, QuickJS compiled to
//! WebAssembly imports them, and a snapshot of its memory is the component.
//! It knows componentize-qjs; it knows nothing about what a plugin does.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

mod manifest;
mod tool;

use crate::project::Built;
use crate::script::{self, PIN, Sources, WIT, Words, run};
use crate::sdk::JS;
use crate::tool::{clear, too_long, write_atomically};
use manifest::Manifest;
pub(crate) use manifest::is_plugin;
use tool::Tool;

/// What makes the component, run by the Node that was found.
const SCRIPT: &str = include_str!("js/componentize.mjs");
/// Where the SDK lies for the modules that import it.
const PACKAGE: &str = "node_modules/attune-sdk";

/// All modules but tests and what npm has brought: a component is made of the project's own.
const SOURCES: Sources = Sources {
    is_module: |name| {
        let is = [".js", ".mjs"].iter().any(|end| name.ends_with(end));
        is && !name.contains(".test.")
    },
    is_foreign: |_, name| ["node_modules", "target", "test", "tests"].contains(&name),
};

/// Builds the project in `folder` to `out`, or to NAME.wasm among the project's `target/plugins`; or
/// finds that nothing has changed since it was built. An `out` that is a folder gets NAME.wasm too.
pub fn build(folder: &Path, out: Option<&Path>) -> Result<Built> {
    let manifest = Manifest::read(folder)?;
    let modules = SOURCES.read(folder)?;
    manifest.check(&modules)?;
    let inputs = (&manifest, &modules, JS, WIT, SCRIPT, PIN, tool::PACKAGE);
    script::build_once(folder, &manifest.name, out, inputs, || {
        componentize(&manifest, &modules)
    })
}

fn componentize(manifest: &Manifest, modules: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let tool = Tool::ensure()?;
    let stage = tempfile::tempdir().context("cannot make a temporary folder")?;
    let about = json!({
        "kind": manifest.kind, "name": manifest.name, "version": manifest.version,
        "summary": manifest.summary, "file": manifest.file,
    });
    let request = json!({"about": about, "tool": tool.folder});
    let write = |name: &str, bytes: &[u8]| write_atomically(&stage.path().join(name), bytes);
    write("request.json", request.to_string().as_bytes())?;
    write("plugin.wit", WIT.as_bytes())?;
    write("componentize.mjs", SCRIPT.as_bytes())?;
    write("tmp/.keep", b"")?;
    for (name, text) in JS {
        write(&format!("app/{PACKAGE}/{name}"), text.as_bytes())?;
    }
    for (name, text) in modules {
        write(&format!("app/{name}"), text.as_bytes())?;
    }
    let mut command = Command::new(tool.node);
    clear(&mut command);
    command.args([&stage.path().join("componentize.mjs"), stage.path()]);
    command.env("TMPDIR", stage.path().join("tmp"));
    if !PIN.is_empty() {
        let pin = stage.path().join("pin.so");
        std::fs::write(&pin, PIN)?;
        command.env("LD_PRELOAD", pin);
    }
    if let Some(limit) = run(&mut command, &UNIMPORTED)? {
        let what = format!("importing `{}` and what it imports", manifest.file);
        return Err(too_long(
            &what,
            limit,
            "look for what never ends outside of functions",
        ));
    }
    Ok(std::fs::read(stage.path().join("component.wasm"))?)
}

/// What it means when no component was made, and what to do.
const UNIMPORTED: Words = Words {
    refusal: "QuickJS cannot import the plugin",
    hint: "it is imported once, when it is built, with nothing beside the project's own modules and attune-sdk; mend \
     what is named above",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_what_npm_has_brought_are_no_part_of_a_plugin() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "a.js",
            "b/c.mjs",
            "a.test.js",
            "tests/d.js",
            "node_modules/e/f.js",
            ".hidden/g.js",
            "words.json",
        ] {
            write_atomically(&folder.path().join(file), b"1").unwrap();
        }
        let found: Vec<String> = SOURCES.read(folder.path()).unwrap().into_keys().collect();
        assert_eq!(found, ["a.js", "b/c.mjs"]);
    }
}

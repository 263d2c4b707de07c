//! A Python plugin under this machine's Python: what it answers to golden cases without a component.
//! It knows the SDK's own way to put cases; it does not know what was expected.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::manifest::Manifest;
use super::{interpreter, sdk};
use crate::script::{Words, run};
use crate::tool::{program, too_long, write_atomically};

const SCRIPT: &str = include_str!("native.py");
/// What it means when there are no answers, and what to do.
const FAILED: Words = Words {
    refusal: "the plugin fails under this machine's Python",
    hint: "mend what is named above, or test in WebAssembly alone by --in wasm",
};

/// The answers of the plugin in `folder` to `cases`, one JSON object a line; `assets` is where their
/// files are. One list a case, one answer a row; tokens are bytes.
pub fn answers(folder: &Path, cases: &str, assets: &Path) -> Result<Vec<Vec<Value>>> {
    let manifest = Manifest::read(folder)?;
    let stage = tempfile::tempdir().context("cannot make a temporary folder")?;
    let place = |name: &str| stage.path().join(name);
    for (name, text) in sdk() {
        write_atomically(&place("sdk/attune_sdk").join(name), text.as_bytes())?;
    }
    write_atomically(&place("native.py"), SCRIPT.as_bytes())?;
    write_atomically(&place("cases.jsonl"), cases.as_bytes())?;
    let mut command = program(interpreter()?);
    command
        .args(["-I", "-B"])
        .args([&place("native.py"), &place("sdk")])
        .arg(folder)
        .args([&manifest.module, &manifest.class])
        .arg(place("cases.jsonl"))
        .arg(assets)
        .arg(place("answers.json"));
    if let Some(limit) = run(&mut command, &FAILED)? {
        let hint = "look for what never ends, or test in WebAssembly alone by --in wasm";
        return Err(too_long(
            "the plugin, under this machine's Python,",
            limit,
            hint,
        ));
    }
    let answers = std::fs::read(place("answers.json"))?;
    serde_json::from_slice(&answers).context("cannot read what the plugin answered")
}

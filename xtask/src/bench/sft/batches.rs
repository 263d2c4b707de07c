//! What is learned in each step, as token ids that both programs read. It knows the file, and counts its tokens.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::bench::Setting;
use crate::layout::Layout;
use crate::stamp::write_atomically;
use crate::step::{capture, step};

/// Tokens of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Read {
    /// That go through the model, without pads.
    pub(super) tokens: f64,
    /// That are learned.
    pub(super) response: f64,
}

/// Where the steps are.
pub(super) fn file(layout: &Layout) -> PathBuf {
    layout.bench().join("sft-batches.jsonl")
}

/// Has `attune` write what is learned in the first `rounds` steps, and counts it.
pub(super) fn write(setting: &Setting, mut attune: Command, rounds: usize) -> Result<Vec<Read>> {
    step(&format!("{rounds} steps of pairs: make"), || {
        attune.args(["--batches", "--rounds", &rounds.to_string()]);
        let said = capture(&mut attune)?;
        std::fs::create_dir_all(setting.layout.bench())?;
        write_atomically(&file(setting.layout), said.as_bytes())?;
        said.lines().map(count).collect()
    })
}

fn count(line: &str) -> Result<Read> {
    let about = || format!("no pairs of token ids in `{line}`");
    let step: Value = serde_json::from_str(line).with_context(about)?;
    let mut read = Read {
        tokens: 0.0,
        response: 0.0,
    };
    for pair in step["pairs"].as_array().with_context(about)? {
        let len = |side: usize| pair[side].as_array().map(|ids| ids.len() as f64);
        let (context, response) = (len(0).with_context(about)?, len(1).with_context(about)?);
        // After the last token nothing is asked.
        read.tokens += context + response - 1.0;
        read.response += response;
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted() {
        let read = count(r#"{"lr": 0.1, "pairs": [[[1, 2], [3]], [[4], [5, 6, 7]]]}"#).unwrap();
        assert_eq!((read.tokens, read.response), (5.0, 4.0));
        assert!(count(r#"{"pairs": [[1]]}"#).is_err());
    }
}

//! `samples.jsonl`: the first responses of each update, for people to read.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::run_dir::replace;
use crate::train::rollout::Rollout;

/// How many responses of each update are kept.
const KEPT: usize = 4;

/// Adds those of an update.
pub(super) fn append(path: &Path, rollout: &Rollout, update: u64) -> Result<()> {
    let kl = Vec::<f32>::try_from(rollout.sequence_kl().to_device(tch::Device::Cpu))?;
    let mut lines = String::new();
    for (row, sample) in rollout.scores.finished.iter().take(KEPT).enumerate() {
        let mut line = json!({
            "update": update,
            "query": sample.query.text,
            "response": sample.text,
            "score": rollout.scores.totals[row],
            "kl": kl[row],
            "valid": rollout.scores.valid[row],
        });
        if let Some(error) = &rollout.scores.errors[row] {
            line["error"] = json!(error);
        }
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    file.write_all(lines.as_bytes())
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// Drops what a killed run wrote after its last checkpoint. The last line may be torn, even within
/// a character.
pub(super) fn truncate(path: &Path, updates: u64) -> Result<()> {
    let Ok(bytes) = std::fs::read(path) else {
        return Ok(());
    };
    let kept: usize = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .take_while(|line| {
            serde_json::from_slice::<serde_json::Value>(line)
                .ok()
                .and_then(|value| value["update"].as_u64())
                .is_some_and(|update| line.ends_with(b"\n") && update < updates)
        })
        .map(<[u8]>::len)
        .sum();
    replace(path, &bytes[..kept])
}

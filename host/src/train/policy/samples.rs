//! What is kept of each update's responses: `samples.jsonl`, a few for people to read, and
//! `rollouts.jsonl`, some whole, to be put to other plugins later.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::disk::append_to;
use crate::role::{CallContext, Sample};
use crate::run_dir::{RunDir, replace};
use crate::train::rollout::Rollout;

/// How many responses of each update are shown to people.
const SHOWN: usize = 4;

/// A response as the scorers saw it, and what each of them said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The update, from 0.
    pub update: u64,
    /// What the scorers were called with.
    pub context: CallContext,
    /// The response, cut where the task says that it ends.
    pub sample: Sample,
    /// The same before it was cut, where it was.
    pub uncut: Option<Sample>,
    /// Whether the task calls it valid.
    pub valid: bool,
    /// What each source and shaper gave, before weights; absent where it gave nothing.
    pub parts: Vec<(String, Option<f32>)>,
    /// The sum, with weights.
    pub total: f32,
}

/// Adds those of an update: `recorded` of them whole.
pub(super) fn append(
    run_dir: &RunDir,
    rollout: &Rollout,
    update: u64,
    recorded: usize,
) -> Result<()> {
    let kl = Vec::<f32>::try_from(rollout.sequence_kl().to_device(tch::Device::Cpu))?;
    let mut lines = String::new();
    for (row, sample) in rollout.scores.finished.iter().take(SHOWN).enumerate() {
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
    add(&run_dir.samples(), &lines)?;
    let whole = (0..rollout.scores.finished.len().min(recorded)).map(|row| {
        Ok(format!(
            "{}\n",
            serde_json::to_string(&record(rollout, update, row))?
        ))
    });
    let whole: String = whole.collect::<Result<_>>()?;
    if whole.is_empty() {
        return Ok(());
    }
    add(&run_dir.rollouts(), &whole)
}

fn record(rollout: &Rollout, update: u64, row: usize) -> Recorded {
    let scores = &rollout.scores;
    let (sample, uncut) = (&scores.finished[row], &rollout.samples[row]);
    let parts = scores.parts.iter();
    Recorded {
        update,
        context: rollout.context,
        sample: sample.clone(),
        uncut: (sample.tokens.len() < uncut.tokens.len()).then(|| uncut.clone()),
        valid: scores.valid[row],
        parts: parts
            .map(|(name, values)| (name.clone(), values[row]))
            .collect(),
        total: scores.totals[row],
    }
}

fn add(path: &Path, lines: &str) -> Result<()> {
    append_to(path, lines.as_bytes())
}

/// Drops what a killed run wrote after its last checkpoint.
pub(super) fn truncate(run_dir: &RunDir, updates: u64) -> Result<()> {
    truncate_file(&run_dir.samples(), updates)?;
    truncate_file(&run_dir.rollouts(), updates)
}

/// The last line may be torn, even within a character.
fn truncate_file(path: &Path, updates: u64) -> Result<()> {
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

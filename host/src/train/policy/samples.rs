//! What is kept of each update's responses: `samples.jsonl`, a few for people to read, and
//! `rollouts.jsonl`, some whole, to be put to other plugins later.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::disk::append_to;
use crate::role::{CallContext, Sample};
use crate::run_dir::{RunDir, replace};
use crate::tokenizer::Tokenizer;
use crate::train::rollout::Rollout;

/// How many responses of each update are shown to people.
const SHOWN: usize = 4;

/// So many tokens before one are enough to know how it reads.
const NEAR: usize = 8;
/// Tokens that may spell one character: one for each of its bytes.
const LONGEST: usize = 4;
/// Of what is told of tokens.
const DIGITS: f64 = 1e5;

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
    tokenizer: &Tokenizer,
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
            "parts": parts(rollout, row),
            "tokens": tokens(&rollout.samples[row], tokenizer),
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
    Recorded {
        update,
        context: rollout.context,
        sample: sample.clone(),
        uncut: (sample.tokens.len() < uncut.tokens.len()).then(|| uncut.clone()),
        valid: scores.valid[row],
        parts: parts(rollout, row),
        total: scores.totals[row],
    }
}

/// What each source and shaper gave a response.
fn parts(rollout: &Rollout, row: usize) -> Vec<(String, Option<f32>)> {
    let parts = rollout.scores.parts.iter();
    parts
        .map(|(name, values)| (name.clone(), values[row]))
        .collect()
}

/// The text of each token that was sampled and what it adds to the KL, in nats, to five digits. A character that several
/// tokens spell is the last one's.
fn tokens(sample: &Sample, tokenizer: &Tokenizer) -> Vec<(String, f64)> {
    let query = &sample.query.tokens;
    let mut before = query[query.len().saturating_sub(NEAR)..].to_vec();
    let mut begun = Vec::new();
    let logprobs = sample.logprobs.iter().zip(&sample.ref_logprobs);
    let kls = logprobs.map(|(own, reference)| f64::from(own - reference));
    let count = sample.tokens.len();
    let token = |(at, (token, kl)): (usize, (&u32, f64))| {
        begun.push(*token);
        let mut text = tokenizer.decode_after(&before, &begun);
        let is_whole = !text.ends_with(char::REPLACEMENT_CHARACTER);
        if is_whole || begun.len() == LONGEST || at + 1 == count {
            before.append(&mut begun);
            before.drain(..before.len().saturating_sub(NEAR));
        } else {
            text.clear();
        }
        (text, (kl * DIGITS).round() / DIGITS)
    };
    let tokens = sample.tokens.iter().zip(kls).enumerate();
    tokens.map(token).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_spell_the_response_and_add_up_to_its_kl() {
        let tokenizer = Tokenizer::bytes();
        let text = "aé👩 \u{fffd}";
        let tokens: Vec<u32> = tokenizer.encode(text).into_iter().chain([0xc3]).collect();
        let sample = Sample {
            logprobs: (0..tokens.len()).map(|at| -(at as f32)).collect(),
            ref_logprobs: vec![-2.5; tokens.len()],
            tokens,
            ..Sample::default()
        };
        let told = super::tokens(&sample, &tokenizer);
        assert_eq!(told.len(), sample.tokens.len());
        let said: String = told.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(said, format!("{text}\u{fffd}"));
        assert_eq!(told[0], ("a".to_owned(), 2.5));
        assert_eq!(told[1].0, "");
        assert_eq!(told[2].0, "é");
        let sum: f64 = told.iter().map(|(_, kl)| kl).sum();
        let count = told.len() as f64;
        assert_eq!(sum, 2.5 * count - count * (count - 1.0) / 2.0);
    }
}

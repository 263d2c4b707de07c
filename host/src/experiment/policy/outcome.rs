//! The held-out answers before and after, kept in the run directory.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::role::Query;
use crate::run_dir::{RunDir, replace};
use crate::train::eval::evaluate;
use crate::train::evaluation::Evaluation;
use crate::train::observer::Observer;
use crate::train::rollout::Roller;
use crate::train::rowcount::RowCount;

/// The answers before and after, where a run has come to its end.
pub(super) fn finished(run_dir: &RunDir) -> Result<Option<(Evaluation, Evaluation)>> {
    let [before, after] =
        ["before", "after"].map(|name| run_dir.eval().join(format!("{name}.json")));
    let policy = run_dir.policy().join("model.safetensors");
    if ![&before, &after, &policy].iter().all(|file| file.is_file()) {
        return Ok(None);
    }
    Ok(Some((kept_evaluation(&before)?, kept_evaluation(&after)?)))
}

fn kept_evaluation(path: &Path) -> Result<Evaluation> {
    serde_json::from_slice(&std::fs::read(path)?).with_context(|| {
        format!(
            "`{}` is damaged\nhint: remove it to have the queries answered again",
            path.display()
        )
    })
}

/// The untrained model's answers; they are on disk already when a run goes on.
pub(super) fn first_evaluation(
    run_dir: &RunDir,
    roller: &Roller,
    held_out: &[Query],
    observer: &mut dyn Observer,
    resumed: bool,
) -> Result<Evaluation> {
    let path = run_dir.eval().join("before.json");
    if resumed && path.is_file() {
        return kept_evaluation(&path);
    }
    observer.note(&format!(
        "answering {} held-out queries with the untrained model",
        held_out.len()
    ));
    let before = evaluate(roller, held_out)?;
    store(run_dir, "before", &before)?;
    Ok(before)
}

pub(super) fn store(run_dir: &RunDir, name: &str, evaluation: &Evaluation) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(&json!(evaluation))?;
    replace(&run_dir.eval().join(format!("{name}.json")), &bytes)
}

/// Takes away the answers that a run ended with, which goes on.
pub(super) fn forget(run_dir: &RunDir, name: &str) -> Result<()> {
    let path = run_dir.eval().join(format!("{name}.json"));
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

/// Tells what became of rows that were read when they were needed, and keeps it in place of what was known at the start.
pub(super) fn keep_counts(
    run_dir: &RunDir,
    manifest: &Value,
    counts: &[RowCount],
    observer: &mut dyn Observer,
) -> Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    let mut manifest = manifest.clone();
    for (at, count) in counts.iter().enumerate() {
        observer.note(&format!("rows: {count}"));
        // Files to train on come first.
        manifest["rows"][at] = serde_json::to_value(count)?;
    }
    replace(&run_dir.manifest(), &serde_json::to_vec_pretty(&manifest)?)
}

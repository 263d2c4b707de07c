//! What runs ask, answered by whoever reads it: `attune label pending`, `answer` and `simulate`.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::cli::collect::now;
use crate::cli::progress::Progress;
use crate::cli::simulate::simulated;
use crate::config::Config;
use crate::label::store::Store;
use crate::label::{Answer, Comparison, Label, Labeler};

/// A line of what is asked.
#[derive(Serialize)]
struct Asked<'a> {
    key: &'a str,
    comparison: &'a Comparison,
}

/// A line of answers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    key: String,
    answer: Answer,
    labeler: Labeler,
    time: Option<i64>,
}

/// Prints what was asked and has no answer.
pub(super) fn pending(store: &Path) -> Result<()> {
    for (key, comparison) in Store::open(store)?.pending("")? {
        let line = Asked {
            key: &key,
            comparison: &comparison,
        };
        println!("{}", serde_json::to_string(&line)?);
    }
    Ok(())
}

/// Keeps all answers of a file, or none.
pub(super) fn answer(file: &Path, store: &Path) -> Result<()> {
    let mut store = Store::open(store)?;
    let text = std::fs::read_to_string(file).with_context(|| {
        format!(
            "cannot read `{}`\nhint: name a file of JSON lines",
            file.display()
        )
    })?;
    let mut labels = Vec::new();
    let lines = text.lines().enumerate();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let about = || format!("line {} of `{}`", number + 1, file.display());
        let said: Said = serde_json::from_str(line)
            .context("it is no answer\nhint: write {\"key\": …, \"answer\": {\"best\": 0}, \"labeler\": {\"person\": …}}")
            .with_context(about)?;
        let label = Label {
            comparison: store.asked(&said.key).with_context(about)?,
            answer: said.answer,
            labeler: said.labeler,
            time: said.time.or_else(now),
        };
        label.check().with_context(about)?;
        labels.push((said.key, label));
    }
    let new = store
        .add(labels.iter().map(|(key, label)| (key.clone(), label)))
        .with_context(|| format!("nothing of `{}` was kept", file.display()))?;
    println!(
        "{}: {} answers, {new} of them new",
        file.display(),
        labels.len()
    );
    Ok(())
}

/// Has the config's labeler judge responses of the config's model, until the store has `count` labels.
pub(super) fn simulate(file: &Path, overrides: &[String], path: &Path, count: u64) -> Result<()> {
    let config = Config::load(file, overrides)?;
    simulated(&config, path, count, &mut Progress::new())
        .with_context(|| format!("in config `{}`", file.display()))?;
    println!("{}: {count} labels of this config", path.display());
    Ok(())
}

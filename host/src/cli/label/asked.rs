//! What runs ask, answered by whoever reads it: `attune label pending`, `answer` and `simulate`; and answers
//! that are given again: `list` and `correct`.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::cli::load;
use crate::cli::progress::Progress;
use crate::experiment::collect::now;
use crate::experiment::simulate::simulated;
use crate::label::format::{advised, for_json_lines};
use crate::label::store::{Correction, Store};
use crate::label::{Answer, Comparison, Label, Labeler};
use crate::terminal::Line;

/// A line of what is asked.
#[derive(Serialize)]
struct Asked<'a> {
    key: &'a str,
    comparison: &'a Comparison,
}

/// A line of answers. A line that `pending` or `list` printed needs no more than another answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    key: String,
    comparison: Option<Comparison>,
    answer: Answer,
    labeler: Labeler,
    time: Option<i64>,
    #[serde(rename = "earlier")]
    _earlier: Option<IgnoredAny>,
}

impl Said {
    /// Refuses an answer about something else than the question.
    fn check(&self, asked: &Comparison) -> Result<()> {
        if self.comparison.as_ref().is_some_and(|said| said != asked) {
            bail!(
                "`comparison` is not what the store has under `{}`\nhint: take key and comparison of one line \
                 of this store, or leave `comparison` out",
                Line(&self.key)
            );
        }
        Ok(())
    }
}

/// What a line of answers is.
const LINES: &str = "a line is {\"key\": …, \"answer\": {\"best\": 0}, \"labeler\": {\"person\": …}}, with the \
                     key of a line that `attune label pending` or `attune label list` prints";

/// Prints what was asked and has no answer.
pub(super) fn pending(store: &Path) -> Result<()> {
    for (key, comparison) in Store::read(store)?.pending("")? {
        let line = Asked {
            key: &key,
            comparison: &comparison,
        };
        println!("{}", serde_json::to_string(&line)?);
    }
    Ok(())
}

/// Prints all labels with their keys, and what was said before they were corrected.
pub(super) fn list(store: &Path) -> Result<()> {
    for kept in Store::read(store)?.history()? {
        println!("{}", serde_json::to_string(&kept)?);
    }
    Ok(())
}

/// Keeps all answers of a file, or none.
pub(super) fn answer(file: &Path, path: &Path) -> Result<()> {
    let mut store = Store::open(path)?;
    let mut labels = Vec::new();
    let read = for_json_lines(file, |_, said: Said| {
        let label = Label {
            comparison: store.asked(&said.key)?,
            answer: said.answer.clone(),
            labeler: said.labeler.clone(),
            time: said.time.or_else(now),
        };
        said.check(&label.comparison)?;
        label.check()?;
        labels.push((said.key, label));
        Ok(())
    });
    read.map_err(|error| advised(error, LINES))?;
    let new = store
        .add(labels.iter().map(|(key, label)| (key.clone(), label)))
        .with_context(|| format!("nothing of `{}` was kept", Line(file.display())))?;
    println!(
        "{}: {} answers, {new} of them new",
        file.display(),
        labels.len()
    );
    Ok(())
}

/// Keeps all corrections of a file, or none.
pub(super) fn correct(file: &Path, path: &Path) -> Result<()> {
    let mut store = Store::open(path)?;
    let known: HashMap<String, Label> = store.labels()?.into_iter().collect();
    let mut corrections = Vec::new();
    let read = for_json_lines(file, |_, said: Said| {
        let label = known.get(&said.key);
        if let Some(label) = label {
            said.check(&label.comparison)?;
        }
        // A line of `list` has the time of what is corrected.
        let time = said
            .time
            .filter(|_| label.is_none_or(|label| label.time != said.time));
        corrections.push(Correction {
            key: said.key,
            answer: said.answer,
            labeler: said.labeler,
            time: time.or_else(now),
        });
        Ok(())
    });
    read.map_err(|error| advised(error, LINES))?;
    let new = store
        .correct(&corrections)
        .with_context(|| format!("nothing of `{}` was kept", Line(file.display())))?;
    println!(
        "{}: {} answers, {new} of them corrections",
        file.display(),
        corrections.len()
    );
    Ok(())
}

/// Has the config's labeler judge responses of the config's model, until the store has `count` labels.
pub(super) fn simulate(file: &Path, overrides: &[String], path: &Path, count: u64) -> Result<()> {
    let config = load(file, overrides)?;
    let mut watcher = Progress::new(config.eval.show);
    simulated(&config, &config, path, count, &mut watcher)
        .with_context(|| format!("in config `{}`", Line(file.display())))?;
    println!("{}: {count} labels of this config", path.display());
    Ok(())
}

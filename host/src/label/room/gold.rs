//! Files of comparisons whose right answer is known: lines of labels, each with a `why` where it is to be explained.

use std::path::Path;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::rules::{Gold, Rules};
use super::turned::says;
use crate::label::format::{advised, for_json_lines};
use crate::label::{Answer, Comparison, Label, Labeler};
use crate::terminal::Line;

/// A label as `jsonl` has it, and why it is right.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    comparison: Comparison,
    answer: Answer,
    #[serde(default = "nobody")]
    labeler: Labeler,
    time: Option<i64>,
    #[serde(default)]
    why: String,
}

fn nobody() -> Labeler {
    Labeler::Unknown
}

/// What a line is.
const LINES: &str = "a line is a label as `attune label export --format jsonl` writes it, with texts; `\"why\": \"…\"` \
                     in it says why the answer is right";

/// The gold of a file, each of which can be judged by `rules`.
///
/// # Errors
/// The file cannot be read, a line is no label, or cannot be judged or says nothing.
pub fn read(path: &Path, rules: &Rules) -> Result<Vec<Gold>> {
    let mut all: Vec<Gold> = Vec::new();
    let read = for_json_lines(path, |_, row: Row| {
        let label = Label {
            comparison: row.comparison,
            answer: row.answer,
            labeler: row.labeler,
            time: row.time,
        };
        label.check()?;
        let Label {
            comparison, answer, ..
        } = label;
        if !comparison.has_texts() {
            bail!("`comparison` has token ids alone, and people read texts");
        }
        if !says(&answer) || matches!(answer, Answer::Difference(_)) {
            bail!("`answer` names no response, and gold is what is right");
        }
        let count = comparison.responses.len();
        if !rules.takes(count) {
            bail!(
                "`responses` are {count}, which nobody is asked in the mode `{}`",
                rules.mode.name()
            );
        }
        if all.iter().any(|gold| gold.comparison == comparison) {
            bail!("`comparison` stands in the file twice");
        }
        all.push(Gold {
            comparison,
            answer,
            why: row.why,
        });
        Ok(())
    });
    read.map_err(|error| advised(error, LINES))?;
    if all.is_empty() {
        bail!("`{}` has no gold\nhint: {LINES}", Line(path.display()));
    }
    Ok(all)
}

//! A label a line, as JSON, with everything: what is imported from here is what was exported.

use std::path::Path;

use anyhow::{Error, Result};
use serde_json::{Map, Value};

use super::stream::{for_rows, parse};
use super::{Imported, Written, guess, one_kind};
use crate::label::Label;
use crate::rows::{self, opened::Opened};

pub(super) fn read(file: Opened, into: &mut Imported) -> Result<()> {
    for_rows(file.reader, |text| push(text, into))
}

/// The labels of a file, and what is wrong with its other rows.
pub(super) fn read_good(path: &Path) -> Result<(Imported, Vec<Error>)> {
    let mut labels = Imported::default();
    let (_, bad) = rows::read_good(path)?.sort_out(|text| push(text, &mut labels));
    Ok((labels, bad))
}

fn push(text: &str, into: &mut Imported) -> Result<()> {
    let label = parse(text).map_err(|error| other_format(text, error));
    into.push(label?)
}

/// What is wrong with a line matters less than that it is of another format.
fn other_format(text: &str, error: Error) -> Error {
    let row = serde_json::from_str::<Map<String, Value>>(text);
    let has = |row: Map<String, Value>| guess::by_fields(|name| row.contains_key(name), "jsonl");
    match row.ok().and_then(has) {
        Some(hint) => error.context(hint),
        None if format!("{error:#}").contains("hint: ") => error,
        None => error.context(
            "hint: a line is {\"comparison\": {\"query\": …, \"responses\": […]}, \"answer\": …, \"labeler\": …}",
        ),
    }
}

pub(super) fn write(labels: &[Label]) -> Result<Written> {
    one_kind(labels)?;
    let mut written = Written {
        labels: labels.len(),
        ..Written::default()
    };
    for label in labels {
        serde_json::to_writer(&mut written.bytes, label)?;
        written.bytes.push(b'\n');
    }
    Ok(written)
}

//! Files that labels travel in. Each format says what of a label it cannot carry, and what of a file it
//! did not read; nothing is dropped in silence.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, bail};
use serde_json::Value;

use self::talk::Said;
use super::{Label, Passage};
use crate::rows::opened::Opened;
use crate::terminal::Line;

mod argilla;
mod csv;
mod fields;
mod guess;
mod json;
mod label_studio;
mod lines;
mod original;
mod parquet;
mod prompt;
mod stream;
mod table;
mod talk;
mod time;
mod trl;

/// How labels are written down.
pub struct Format {
    /// What it is called.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    read: fn(Opened, &mut Imported) -> Result<()>,
    write: fn(&[Label]) -> Result<Written>,
}

/// All formats. What each of them looks like is in `docs/labels.md`.
pub const FORMATS: &[Format] = &[
    Format {
        name: "jsonl",
        about: "A label a line, with everything; Attune's own",
        read: lines::read,
        write: lines::write,
    },
    Format {
        name: "original",
        about: "Token ids, as lm-human-preferences has them",
        read: original::read,
        write: original::write,
    },
    Format {
        name: "trl",
        about: "JSON lines with prompt, chosen and rejected, as TRL has them",
        read: trl::read,
        write: trl::write,
    },
    Format {
        name: "label-studio",
        about: "Label Studio's JSON export of pairwise, ranker and rating tasks",
        read: label_studio::read,
        write: label_studio::write,
    },
    Format {
        name: "argilla",
        about: "Argilla's JSON export of records with ranking, label and rating questions",
        read: argilla::read,
        write: argilla::write,
    },
    Format {
        name: "csv",
        about: "A table with a header, for spreadsheets",
        read: csv::read,
        write: csv::write,
    },
    Format {
        name: "parquet",
        about: "A table as Parquet; also reads prompt, chosen and rejected of Hugging Face's files",
        read: parquet::read,
        write: parquet::write,
    },
];

impl Format {
    /// The format of this name.
    pub fn named(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.name == name)
    }
}

/// How many rows or labels there are of what.
pub type Tally = BTreeMap<String, usize>;

/// The labels of a file, and what of the file is not in them.
#[derive(Debug, Default)]
pub struct Imported {
    /// All labels, in the file's order.
    pub labels: Vec<Label>,
    /// For each label, how the program that wrote the file tells it from its others; none where it does not.
    pub origins: Vec<Option<String>>,
    /// How many rows have what, for everything that was not read.
    pub left: Tally,
    /// How many rows had what, for everything that was read as something else than it said.
    pub noted: Tally,
    kind: Kind,
}

impl Imported {
    /// Takes a label of a file, all of whose labels must be written in one way.
    fn push(&mut self, label: Label) -> Result<()> {
        self.push_from(label, None)
    }

    /// The same with its origin.
    fn push_from(&mut self, label: Label, origin: Option<String>) -> Result<()> {
        label.check()?;
        let Some(kind) = self.kind.with(&label) else {
            let [before, here] = if self.kind.texts {
                ["text", "token ids"]
            } else {
                ["token ids", "text"]
            };
            bail!(
                "`query` and responses are {here} alone, in rows before they are {before} alone\n\
                 hint: put texts and token ids into two files"
            );
        };
        self.kind = kind;
        self.labels.push(label);
        self.origins.push(origin);
        Ok(())
    }
}

/// In which ways all of some labels can be read.
#[derive(Debug, Clone, Copy)]
struct Kind {
    texts: bool,
    tokens: bool,
}

impl Default for Kind {
    fn default() -> Kind {
        Kind {
            texts: true,
            tokens: true,
        }
    }
}

impl Kind {
    /// With one more label; none when there is no way left.
    fn with(self, label: &Label) -> Option<Kind> {
        let kind = Kind {
            texts: self.texts && label.comparison.has_texts(),
            tokens: self.tokens && label.comparison.has_tokens(),
        };
        (kind.texts || kind.tokens).then_some(kind)
    }
}

/// Refuses to write what could not be read again.
fn one_kind(labels: &[Label]) -> Result<Kind> {
    let kind = labels.iter().try_fold(Kind::default(), Kind::with);
    kind.context(
        "some labels are of texts alone, others of token ids alone, and a file holds one kind\n\
         hint: `--only text` or `--only tokens`",
    )
}

/// A file, and what of the labels is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The file.
    pub bytes: Vec<u8>,
    /// How many labels are in it.
    pub labels: usize,
    /// How many labels lack what, for everything that the format cannot carry.
    pub lost: Tally,
}

/// All labels of a file. An error names the file, the line or row, and the field.
pub fn read(path: &Path, format: &Format) -> Result<Imported> {
    let about = || format!("cannot read labels from `{}`", Line(path.display()));
    let opened = opened(path, "name a file of labels").with_context(about)?;
    if let Some(what) = guess::other_kind(opened.kind, format.name) {
        return Err(anyhow!(what)).with_context(about);
    }
    let mut imported = Imported::default();
    (format.read)(opened, &mut imported)
        .map_err(|error| guess::with_hint(error, path))
        .with_context(about)?;
    if imported.labels.is_empty() {
        return Err(anyhow!("it has no labels\nhint: is it the right file?")).with_context(about);
    }
    Ok(imported)
}

/// The labels of a file of label lines that can be read, and what is wrong with the other lines.
pub(crate) fn read_good(path: &Path) -> Result<(Imported, Vec<Error>)> {
    lines::read_good(path)
}

/// What a file is, or what to name instead where it cannot be opened.
fn opened(path: &Path, wanted: &str) -> Result<Opened> {
    Opened::at(path).map_err(|error| match error.is::<io::Error>() {
        true => error.context(format!("it cannot be opened\nhint: {wanted}")),
        false => error,
    })
}

/// Whether all responses begin with what they answer, by the rule that labels are read by.
pub(crate) fn is_doubled<'a>(query: &str, responses: impl Iterator<Item = &'a String>) -> bool {
    let responses: Vec<Said> = responses.cloned().map(Said::Text).collect();
    prompt::apart(&Said::Text(query.to_owned()), &responses).is_twice
}

/// Calls `each` with the number, from 1, and the value of every row of a file of JSON lines, or of an array.
pub fn for_json_lines<T: serde::de::DeserializeOwned>(
    path: &Path,
    mut each: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let about = || format!("cannot read `{}`", Line(path.display()));
    let wanted = "name a file of JSON lines";
    let Opened { kind, reader, .. } = opened(path, wanted).with_context(about)?;
    if guess::other_kind(kind, "jsonl").is_some() {
        let hint = kind.remedy().unwrap_or(wanted);
        return Err(anyhow!("it is {}\nhint: {hint}", kind.what())).with_context(about);
    }
    let mut number = 0;
    stream::for_rows(reader, |text| {
        number += 1;
        stream::parse(text).and_then(|value| each(number, value))
    })
    .with_context(about)
}

/// A value of one line of JSON.
///
/// # Errors
/// It is no JSON, or which of its fields is none of the value's, or has another type.
pub fn from_json<T: serde::de::DeserializeOwned>(line: &str) -> Result<T> {
    stream::parse(line)
}

/// Labels as a file.
pub fn write(labels: &[Label], format: &Format) -> Result<Written> {
    (format.write)(labels)
}

fn count(tally: &mut Tally, what: impl Into<String>) {
    *tally.entry(what.into()).or_default() += 1;
}

/// Labels as rows, each of them written by `row`, which says why when there can be none. What a row
/// lacks is found by reading it again.
fn rows<R>(
    labels: &[Label],
    row: impl Fn(&Label) -> Result<R, &'static str>,
    read: impl Fn(&R) -> Result<Label>,
) -> Result<(Vec<R>, Written)> {
    let mut rows = Vec::new();
    let mut written = Written::default();
    for label in labels {
        match row(label) {
            Ok(row) => {
                let back = read(&row).context("a row that was just written is not readable")?;
                for what in losses(label, &back) {
                    count(&mut written.lost, what);
                }
                rows.push(row);
            }
            Err(why) => count(&mut written.lost, format!("the label: {why}")),
        }
    }
    written.labels = rows.len();
    Ok((rows, written))
}

/// A JSON object a line.
fn in_lines(rows: &[Value]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// What of a label is not in what was read back.
fn losses(label: &Label, back: &Label) -> Vec<&'static str> {
    let turned = label.answer != back.answer;
    let mut responses: Vec<&Passage> = back.comparison.responses.iter().collect();
    if turned {
        // The only answer that a format turns around is the better of two.
        responses.reverse();
    }
    let mut texts = false;
    let mut tokens = false;
    let read = [&back.comparison.query].into_iter().chain(responses);
    for (passage, read) in label.comparison.passages().zip(read) {
        texts |= passage.text != read.text;
        tokens |= passage.tokens != read.tokens;
    }
    let found = [
        (turned, "the order of the responses"),
        (texts, "texts"),
        (tokens, "token ids"),
        (
            label.comparison.source != back.comparison.source,
            "where the responses are from",
        ),
        (label.labeler != back.labeler, "who judged"),
        (label.time != back.time, "when it was judged"),
    ];
    found
        .into_iter()
        .filter_map(|(lost, what)| lost.then_some(what))
        .collect()
}

/// An error with advice, where it has none of its own.
pub(crate) fn advised(error: anyhow::Error, hint: &str) -> anyhow::Error {
    let has_own = error
        .chain()
        .any(|cause| cause.to_string().contains("hint: "));
    if has_own {
        return error;
    }
    error.context(format!("hint: {hint}"))
}

#[cfg(test)]
mod tests;

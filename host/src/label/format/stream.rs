//! Rows of JSON in whatever layout they come: a line each, as elements of one array, or objects one after the
//! other; of files of any size, a row at a time: a file without line breaks, or a row without an end, is not read
//! into memory to find that out.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Cursor, Read};

use anyhow::{Context, Result, anyhow, bail};
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::guess;
use super::json::{self, Fields, Json};
use crate::outside::{self, HEAD, Kind, half_a_character};
use crate::rows::lines;
use crate::terminal::Line;

pub(super) use crate::rows::lines::{LONGEST, Left, metered};

/// Calls `each` with the number, from 1, and the text of every line that is not empty.
pub(super) fn for_lines(
    file: impl BufRead,
    mut each: impl FnMut(usize, &str) -> Result<()>,
) -> Result<()> {
    lines::for_lines(file, |number, line| match line.trim() {
        "" => Ok(()),
        text => each(number, text),
    })
}

/// Calls `each` with the object of every row of a file of this format.
pub(super) fn for_objects<O: Fields>(
    file: impl Read,
    format: &str,
    mut each: impl FnMut(&O) -> Result<()>,
) -> Result<()> {
    for_rows(file, |text| {
        let row: Json<O> = parse(text)?;
        in_object(row, format, &mut each)
    })
}

/// Calls `each` with the text of every row of a file, whichever layout it has. An error says which row it is.
pub(super) fn for_rows(
    mut file: impl Read,
    mut each: impl FnMut(&str) -> Result<()>,
) -> Result<()> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let kind = outside::kind_of(&head);
    let begin = head.len() - outside::without_mark(&head).len();
    let file = Cursor::new(head.split_off(begin)).chain(file);
    match kind {
        Kind::JsonArray => for_elements(file, each),
        Kind::JsonObject => for_values(file, each),
        _ => for_lines(BufReader::new(file), |number, text| {
            each(text).with_context(|| format!("line {number}"))
        }),
    }
}

/// Calls `each` with the object that `row` is. What is wrong with it matters less than that it is of another
/// format.
fn in_object<O: Fields>(
    row: Json<O>,
    format: &str,
    each: &mut impl FnMut(&O) -> Result<()>,
) -> Result<()> {
    let other = match row {
        Json::Object(fields) => {
            return each(&fields).map_err(|error| {
                match guess::by_fields(|name| fields.has(name), format) {
                    Some(hint) => anyhow!("has {}\n{hint}", guess::listed(&fields.names())),
                    None => error,
                }
            });
        }
        Json::Ids(ids) => json::beginning(&ids),
        Json::Other(other) => other,
    };
    bail!(
        "is {}, which is no JSON object\nhint: a row is {{\"name\": value, …}}",
        shown(&other)
    )
}

/// A value of one line, or what is wrong with which of its fields.
pub(super) fn parse<T: serde::de::DeserializeOwned>(line: &str) -> Result<T> {
    let mut source = serde_json::Deserializer::from_str(line);
    let value = serde_path_to_error::deserialize(&mut source).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.inner();
        let said = guess::in_words(inner);
        if let Some(hint) = half_a_character(&said) {
            return half(&path, &said, hint);
        }
        // It names the fields that it does not know.
        let problem = Line(&said);
        // What is JSON, but nothing that can stand there, may be called no JSON.
        if !inner.is_data() && serde_json::from_str::<IgnoredAny>(line).is_err() {
            let hint = guess::json(line, &said, inner.column());
            return anyhow!("it is no JSON: {problem}\nhint: {hint}");
        }
        let hint =
            guess::field(&path, &said).map_or(String::new(), |hint| format!("\nhint: {hint}"));
        match path.as_str() {
            "." | "?" => anyhow!("{problem}{hint}"),
            field => anyhow!("`{}`: {problem}{hint}", Line(field)),
        }
    })?;
    source.end().map_err(|error| {
        let column = error.column();
        anyhow!("there is more than one value, from column {column} on\nhint: a row is a line; is a line break missing?")
    })?;
    Ok(value)
}

/// A text that JSON can write and nothing can hold.
fn half(path: &str, said: &str, hint: &str) -> anyhow::Error {
    let at = said.rsplit_once(" at column ").map(|(_, column)| column);
    let at = at.map_or(String::new(), |column| format!(", up to column {column}"));
    let what =
        format!("has half of a character, such as `\\ud83d`{at}, and is no text\nhint: {hint}");
    match path {
        "." | "?" => anyhow!("a text {what}"),
        field => anyhow!("`{}` {what}", Line(field)),
    }
}

/// Calls `each` with every value of a file of values that are of several lines each.
fn for_values(file: impl Read, mut each: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let (file, left) = metered(file);
    let source = serde_json::Deserializer::from_reader(BufReader::new(file));
    for (number, value) in source.into_iter::<Box<RawValue>>().enumerate() {
        left.set(LONGEST);
        let read = value.map_err(anyhow::Error::from);
        let read = read.and_then(|value| each(value.get()));
        read.with_context(|| about(number))?;
    }
    Ok(())
}

fn about(row: usize) -> String {
    format!("row {row}, counted from 0")
}

/// Calls `each` with every element of a JSON array, one at a time.
fn for_elements(file: impl Read, each: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let (file, left) = metered(file);
    let row = Cell::new(None);
    let mut failed = None;
    let mut source = serde_json::Deserializer::from_reader(BufReader::new(file));
    let rows = Rows {
        left,
        row: &row,
        failed: &mut failed,
        each,
    };
    let read = source.deserialize_seq(rows).and_then(|()| source.end());
    let Err(error) = read else {
        return Ok(());
    };
    let error = failed.unwrap_or_else(|| anyhow!(error));
    Err(match row.get() {
        Some(row) => error.context(about(row)),
        None => error.context("it is no JSON array of labels"),
    })
}

struct Rows<'a, F> {
    left: Left,
    /// The number of the row that is being read.
    row: &'a Cell<Option<usize>>,
    /// What `each` failed with, which serde's errors cannot hold.
    failed: &'a mut Option<anyhow::Error>,
    each: F,
}

impl<'de, F: FnMut(&str) -> Result<()>> Visitor<'de> for Rows<'_, F> {
    type Value = ();

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        for number in 0.. {
            self.row.set(Some(number));
            self.left.set(LONGEST);
            let Some(row) = rows.next_element::<Box<RawValue>>()? else {
                break;
            };
            if let Err(error) = (self.each)(row.get()) {
                *self.failed = Some(error);
                return Err(A::Error::custom("a row is wrong"));
            }
        }
        Ok(())
    }
}

/// Says that a field has another value than it should, and what to do about it.
pub(super) fn wrong(name: &str, value: &Value, wanted: &str, hint: &str) -> String {
    format!(
        "`{}` is {}, must be {wanted}\nhint: {hint}",
        Line(name),
        shown(value)
    )
}

/// A value as a message shows it: not longer than a line.
pub(super) fn shown(value: &Value) -> String {
    let mut shown = Line(value).to_string();
    if let Some((end, _)) = shown.char_indices().nth(60) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

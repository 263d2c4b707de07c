//! Rows that are JSON: a value a line, or one array.

use std::io::BufReader;

use anyhow::{Error, Result, anyhow, bail};
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Rows;
use super::lines::{LONGEST, Left, NO_TEXT, for_places, metered};
use super::looked::Looked;
use super::source::Source;
use super::twice;
use crate::outside::half_a_character;
use crate::terminal::Line;

/// A JSON value a line.
pub(super) fn lines(source: Source, rows: &mut Rows) -> Result<()> {
    let mark = source.mark;
    for_places(source.reader, |number, start, line| {
        let number = number as u64;
        let Some(text) = line.map(str::trim) else {
            return rows.refuse(number, anyhow!(NO_TEXT));
        };
        if text.is_empty() {
            return Ok(());
        }
        match check(text) {
            Ok(()) => rows.push_line(number, mark + start, || Ok(text.to_owned())),
            Err(error) => rows.refuse(number, error),
        }
    })
}

/// The values of one array.
pub(super) fn array(source: Source, rows: &mut Rows) -> Result<()> {
    let (file, left) = metered(source.reader);
    let mut values = serde_json::Deserializer::from_reader(BufReader::new(file));
    let (mut count, mut refused) = (0, None);
    let elements = Elements {
        left,
        rows,
        count: &mut count,
        refused: &mut refused,
    };
    let read = (values.deserialize_seq(elements)).and_then(|()| values.end());
    if let Some(error) = refused {
        return Err(error);
    }
    read.map_err(|error| {
        match error.is_syntax() && error.to_string().starts_with("trailing characters") {
            true => anyhow!(
                "after the JSON array, line {} goes on with something else\nhint: rows are one JSON array, or a JSON \
                 object a line; `jq -c '.[]'` makes lines of arrays",
                error.line()
            ),
            false => no_json(&error).context(format!("row {count}, counted from 0")),
        }
    })
}

/// Takes the elements of an array as they stand there.
struct Elements<'a> {
    left: Left,
    rows: &'a mut Rows,
    /// How many there were.
    count: &'a mut u64,
    /// What is wrong with the first that is no row.
    refused: &'a mut Option<Error>,
}

impl Elements<'_> {
    fn take(&mut self, json: &str) -> Result<()> {
        let number = *self.count;
        *self.count += 1;
        match check(json) {
            Ok(()) => self.rows.push(number, number, json.to_owned()),
            Err(error) => self.rows.refuse(number, error),
        }
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        loop {
            self.left.set(LONGEST);
            // Passed over as it stands; then it is looked at by itself.
            let Some(row) = elements.next_element::<Box<RawValue>>()? else {
                return Ok(());
            };
            if let Err(error) = self.take(row.get()) {
                *self.refused = Some(error);
                return Err(A::Error::custom("an element is no row"));
            }
        }
    }
}

/// Refuses what is no JSON, and JSON that says nothing.
fn check(text: &str) -> Result<()> {
    match serde_json::from_str(text).map_err(|error| no_json(&error))? {
        Looked::Object(names) => {
            let names: Vec<&str> = names.iter().map(|name| name.as_ref()).collect();
            match twice(&names) {
                // Of which a reader would take the first or the last.
                Some(name) => bail!("has `{}` twice\nhint: leave one of them", Line(name)),
                None => Ok(()),
            }
        }
        Looked::Sound => Ok(()),
        Looked::No(other) => bail!(
            "is {}, which is no row\nhint: a row is a JSON object, {{\"text\": \"…\"}}, or a text in quotes",
            Line(&other)
        ),
    }
}

fn no_json(error: &serde_json::Error) -> Error {
    if error.is_io() {
        return anyhow!("{error}");
    }
    let said = error.to_string().replace(" at line 1 column", " at column");
    let hint = half_a_character(&said).unwrap_or_else(|| hint_of(&said));
    anyhow!("is not JSON: {said}\nhint: {hint}")
}

fn hint_of(said: &str) -> &'static str {
    if said.starts_with("EOF") {
        "it ends before it is complete: is the file cut, or is there a line break in a text, which is written `\\n`?"
    } else if said.starts_with("expected value") || said.starts_with("key must be") {
        "a row is {\"name\": \"value\", …}, with names and texts in double quotes; Python writes JSON by \
         `json.dumps`; call a table .csv or .tsv, and a file of plain texts .txt"
    } else if said.starts_with("trailing characters") {
        "a row is a line; is a line break missing?"
    } else if said.starts_with("control character") {
        "in a text, the end of a line is written `\\n` and a tab `\\t`"
    } else if said.starts_with("invalid escape") {
        "in a text, `\\` is written `\\\\`"
    } else if said.starts_with("number out of range") || said.starts_with("invalid number") {
        "JSON has no such number; leave it out"
    } else {
        "a row is one JSON value, such as {\"text\": \"…\"}; call a table .csv or .tsv, and a file of plain texts .txt"
    }
}

//! Rows that are JSON: a value a line, or one array.

use std::io::BufReader;

use anyhow::{Error, Result, anyhow, bail};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::lines::{LONGEST, Left, NO_TEXT, for_texts, metered};
use super::source::Source;
use super::{Rows, twice};
use crate::outside::half_a_character;
use crate::terminal::Line;

/// A JSON value a line.
pub(super) fn lines(source: Source, rows: &mut Rows) -> Result<()> {
    for_texts(source.reader, |number, line| {
        let number = number as u64;
        let Some(text) = line.map(str::trim) else {
            return rows.refuse(number, anyhow!(NO_TEXT));
        };
        if text.is_empty() {
            return Ok(());
        }
        match check(text) {
            Ok(()) => rows.push(number - 1, number, text.to_owned()),
            Err(error) => rows.refuse(number, error)?,
        }
        Ok(())
    })
}

/// The values of one array.
pub(super) fn array(source: Source, rows: &mut Rows) -> Result<()> {
    let (file, left) = metered(source.reader);
    let mut values = serde_json::Deserializer::from_reader(BufReader::new(file));
    let read = (values.deserialize_seq(Elements { left, rows })).and_then(|()| values.end());
    read.map_err(|error| {
        let at = rows.rows.len();
        match error.is_syntax() && error.to_string().starts_with("trailing characters") {
            true => anyhow!(
                "after the JSON array, line {} goes on with something else\nhint: rows are one JSON array, or a JSON \
                 object a line; `jq -c '.[]'` makes lines of arrays",
                error.line()
            ),
            false => no_json(&error).context(format!("row {at}, counted from 0")),
        }
    })?;
    // Its elements were passed over, and each is looked at by itself.
    rows.places.clear();
    for (number, json) in std::mem::take(&mut rows.rows) {
        match check(&json) {
            Ok(()) => rows.push(number, number, json),
            Err(error) => rows.refuse(number, error)?,
        }
    }
    Ok(())
}

/// Takes the elements of an array as they stand there.
struct Elements<'a> {
    left: Left,
    rows: &'a mut Rows,
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        for number in 0.. {
            self.left.set(LONGEST);
            let Some(row) = elements.next_element::<Box<RawValue>>()? else {
                break;
            };
            self.rows.push(number, number, row.get().to_owned());
        }
        Ok(())
    }
}

/// Refuses what is no JSON, and JSON that says nothing.
fn check(text: &str) -> Result<()> {
    // Passed over in the type, but read: a text in it must be one.
    let value: Value = serde_json::from_str(text).map_err(|error| no_json(&error))?;
    match value {
        Value::Object(fields) => check_names(text, &fields),
        Value::String(_) | Value::Array(_) => Ok(()),
        other => bail!(
            "is {}, which is no row\nhint: a row is a JSON object, {{\"text\": \"…\"}}, or a text in quotes",
            Line(&other)
        ),
    }
}

/// Refuses two fields of one name, of which a reader would take the first or the last.
fn check_names(text: &str, fields: &Map<String, Value>) -> Result<()> {
    struct Count;
    impl<'de> Visitor<'de> for Count {
        type Value = Vec<String>;

        fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            to.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Vec<String>, A::Error> {
            let mut names = Vec::new();
            while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                names.push(name);
            }
            Ok(names)
        }
    }
    let names = serde_json::Deserializer::from_str(text).deserialize_map(Count)?;
    if names.len() == fields.len() {
        return Ok(());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    bail!(
        "has `{}` twice\nhint: leave one of them",
        Line(twice(&names).unwrap_or_default())
    )
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

//! Which fields of a record are the query and the responses, where a program lets its users name them
//! and the file does not say: it goes by the names.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::guess::listed;
use super::stream::wrong;
use crate::label::{Passage, Source};
use crate::terminal::Line;

/// Fields that may be the query.
pub(super) const QUERIES: [&str; 4] = ["prompt", "query", "question", "instruction"];
/// What responses may be called when there is one, with a number or without.
const RESPONSES: [&str; 4] = ["response", "answer", "completion", "text"];

/// The one field that is called as queries are.
pub(super) fn query(fields: &Map<String, Value>) -> Result<Passage> {
    let found: Vec<_> = QUERIES
        .into_iter()
        .filter_map(|name| Some((name, fields.get(name)?)))
        .collect();
    match found.as_slice() {
        [(name, value)] => text(value, name),
        [] => bail!(
            "has no query, but {}\nhint: call it {}",
            listed(&names(fields)),
            listed(&QUERIES)
        ),
        [one, other, ..] => bail!(
            "has both `{}` and `{}`, and either could be the query\nhint: leave one of them",
            one.0,
            other.0
        ),
    }
}

/// Names of the fields that differ in the number at their end alone, in its order; or the name of the
/// one response.
pub(super) fn responses(fields: &Map<String, Value>) -> Result<Vec<&str>> {
    let mut families: BTreeMap<&str, Vec<(u32, &str)>> = BTreeMap::new();
    for name in fields.keys() {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        if let Ok(number) = name[stem.len()..].parse() {
            families.entry(stem).or_default().push((number, name));
        }
    }
    families.retain(|stem, family| family.len() > 1 || RESPONSES.contains(stem));
    let mut families: Vec<_> = families.into_values().collect();
    match families.as_mut_slice() {
        [family] => {
            family.sort_unstable();
            Ok(family.iter().map(|(_, name)| *name).collect())
        }
        [] => match RESPONSES.iter().find(|name| fields.contains_key(**name)) {
            Some(name) => Ok(vec![*name]),
            None => bail!(
                "has no responses, but {}\nhint: call them `response1`, `response2` and so on; one alone \
                 {}",
                listed(&names(fields)),
                listed(&RESPONSES)
            ),
        },
        [one, other, ..] => bail!(
            "has both `{}` and `{}`, and either could be the responses\nhint: leave one of them",
            Line(one[0].1),
            Line(other[0].1)
        ),
    }
}

fn names(fields: &Map<String, Value>) -> Vec<&str> {
    fields.keys().map(String::as_str).collect()
}

/// What made the responses, where the record says so as we do.
pub(super) fn source(fields: &Map<String, Value>) -> Option<Source> {
    let part = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
    let (checkpoint, config) = part("checkpoint").zip(part("config"))?;
    Some(Source { checkpoint, config })
}

/// A passage that must be a text.
pub(super) fn text(value: &Value, name: &str) -> Result<Passage> {
    let hint = match value {
        Value::Array(_) | Value::Object(_) => {
            "a text is one string; join what was said in several messages"
        }
        _ => "a text stands in double quotes, and may be empty: \"\"",
    };
    let text = value.as_str();
    let text = text.with_context(|| wrong(name, value, "a text", hint));
    text.map(Passage::of_text)
}

//! The rules themselves, on slices of tokens. They know no settings but what they are given.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
};

use attune_sdk::prelude::*;

use crate::Settings;

/// A data row: the text itself, or an object with a field for it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Data<'a> {
    Text(Cow<'a, str>),
    Object(BTreeMap<String, Value>),
}

/// A field's value; what is no text matters only if it is asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Other(serde::de::IgnoredAny),
}

/// Text and reference of a data row.
pub(crate) fn texts(row: DataRow<'_>, settings: &Settings) -> RowResult<(String, String)> {
    let mut object = match row.parse()? {
        Data::Text(text) => return Ok((text.into_owned(), String::new())),
        Data::Object(object) => object,
    };
    let mut take = |field: &str| match object.remove(field) {
        Some(Value::Text(text)) => Ok(text),
        Some(Value::Other(_)) => Err(Row::invalid(format!(
            "field {field:?} of data row {} is not a text",
            row.id()
        ))),
        None => Err(Row::invalid(format!(
            "data row {} has no field {field:?}",
            row.id()
        ))),
    };
    let reference = settings
        .reference_field
        .as_deref()
        .map_or(Ok(String::new()), &mut take)?;
    Ok((take(&settings.field)?, reference))
}

/// The query in `tokens`: after the first `start` (unless that leaves nothing), at most `len`
/// tokens, up to the last `end`. None when a wanted token is absent. The order matters.
pub(crate) fn cut(
    tokens: &[u32],
    len: usize,
    start: Option<u32>,
    end: Option<u32>,
) -> Option<&[u32]> {
    let mut query = tokens;
    if let Some(start) = start {
        let after = tokens.iter().position(|&token| token == start)? + 1;
        if after < tokens.len() {
            query = &tokens[after..];
        }
    }
    query = &query[..query.len().min(len)];
    if let Some(end) = end {
        query = &query[..=query.iter().rposition(|&token| token == end)?];
    }
    Some(query)
}

/// How many tokens of a response are kept, and whether it is valid: it ends with the first
/// `stop` at or after place `after`, and without one it is kept whole and is not valid.
pub(crate) fn ending(response: &[u32], stop: Option<u32>, after: usize) -> (usize, bool) {
    let Some(stop) = stop else {
        return (response.len(), true);
    };
    match response.iter().skip(after).position(|&token| token == stop) {
        Some(place) => (after + place + 1, true),
        None => (response.len(), false),
    }
}

/// Share of pairs of neighbouring words that are different; 1 when there is no pair.
pub(crate) fn distinct_pairs(text: &str) -> f32 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words.windows(2).len();
    let distinct = words.windows(2).collect::<HashSet<_>>().len();
    if pairs == 0 {
        1.0
    } else {
        distinct as f32 / pairs as f32
    }
}

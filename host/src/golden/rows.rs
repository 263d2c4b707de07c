//! Rows of a case: from JSON to the plain data that roles take.
//! Does not know what is asked about them.

use serde::Deserialize;
use serde_json::Value;

use super::Tokens;
use crate::role::{Group, Query, Sample};

/// A response to a query. Only the texts that matter need to be given.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Response {
    id: Option<u64>,
    query: String,
    query_tokens: Option<Vec<u32>>,
    response: Option<String>,
    tokens: Option<Vec<u32>>,
    reference: String,
    metadata: Value,
    logprobs: Option<PerToken>,
    ref_logprobs: Option<PerToken>,
    values: Option<PerToken>,
    score: Option<f32>,
}

/// One number for each token, or the same for all.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum PerToken {
    All(f32),
    Each(Vec<f32>),
}

impl PerToken {
    fn over(given: Option<Self>, what: &str, tokens: usize) -> Result<Vec<f32>, String> {
        match given {
            None => Ok(vec![0.0; tokens]),
            Some(PerToken::All(value)) => Ok(vec![value; tokens]),
            Some(PerToken::Each(values)) if values.len() == tokens => Ok(values),
            Some(PerToken::Each(values)) => Err(format!(
                "`{what}` has {} numbers for {tokens} tokens",
                values.len()
            )),
        }
    }
}

/// Several responses to a query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Responses {
    id: Option<u64>,
    #[serde(default)]
    query: String,
    responses: Vec<String>,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    metadata: Value,
}

fn each<'a, T: Deserialize<'a>, U>(
    rows: &'a [Value],
    make: impl Fn(usize, T) -> Result<U, String>,
) -> Result<Vec<U>, String> {
    let row = |(place, row): (usize, &'a Value)| {
        T::deserialize(row)
            .map_err(|error| error.to_string())
            .and_then(|read| make(place, read))
            .map_err(|text| format!("row {place}: {text}"))
    };
    rows.iter().enumerate().map(row).collect()
}

fn metadata(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Responses, with tokens made of their texts where none are given, or texts of their tokens.
pub(super) fn samples(rows: &[Value], tokens: &dyn Tokens) -> Result<Vec<Sample>, String> {
    each(rows, |place, row: Response| {
        let id = row.id.unwrap_or(place as u64);
        let query = row.query_tokens;
        let query = query.unwrap_or_else(|| tokens.encode(&row.query));
        let (ids, text) = match (row.tokens, row.response) {
            (Some(ids), Some(text)) => (ids, text),
            (Some(ids), None) => {
                let text = tokens.decode_after(&query, &ids);
                (ids, text)
            }
            (None, text) => {
                let text = text.unwrap_or_default();
                (tokens.encode_after(&query, &text), text)
            }
        };
        let count = ids.len();
        Ok(Sample {
            id,
            query: Query {
                id,
                tokens: query,
                text: row.query,
                reference: row.reference,
                metadata: metadata(row.metadata),
            },
            tokens: ids,
            text,
            logprobs: PerToken::over(row.logprobs, "logprobs", count)?,
            ref_logprobs: PerToken::over(row.ref_logprobs, "ref_logprobs", count)?,
            values: PerToken::over(row.values, "values", count)?,
            score: row.score,
        })
    })
}

/// Groups of responses.
pub(super) fn groups(rows: &[Value], tokens: &dyn Tokens) -> Result<Vec<Group>, String> {
    each(rows, |place, row: Responses| {
        if row.responses.is_empty() {
            return Err("`responses` is empty".into());
        }
        let id = row.id.unwrap_or(place as u64);
        Ok(Group {
            id,
            query: Query {
                id,
                tokens: tokens.encode(&row.query),
                text: row.query,
                reference: row.reference,
                metadata: metadata(row.metadata),
            },
            responses: row.responses,
        })
    })
}

/// Rows of data as a task gets them: numbered JSON texts.
pub(super) fn data(rows: &[Value], numbers: &[u64]) -> Vec<(u64, String)> {
    let number = |place: usize| numbers.get(place).copied().unwrap_or(place as u64);
    let row = |(place, row): (usize, &Value)| (number(place), row.to_string());
    rows.iter().enumerate().map(row).collect()
}

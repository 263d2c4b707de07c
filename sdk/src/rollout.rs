//! Views of what the host sends: one finished response, one data row. They do not know what is
//! done with them.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};

pub use crate::bindings::types::{CallContext, Split};
use crate::{
    Columns, Rng, Row, RowResult,
    bindings::types::{Error, Rollouts, TextColumn},
    column,
};

/// A checked batch of rollouts.
pub(crate) struct RolloutBatch<'a> {
    context: CallContext,
    asked: Columns,
    rows: &'a Rollouts,
    texts: [&'a str; 4],
    query_tokens: Vec<u32>,
    response_tokens: Vec<u32>,
    logprobs: Vec<f32>,
    ref_logprobs: Vec<f32>,
    values: Vec<f32>,
}

impl<'a> RolloutBatch<'a> {
    pub(crate) fn new(
        context: CallContext,
        asked: Columns,
        rows: &'a Rollouts,
    ) -> Result<Self, Error> {
        Self::checked(context, asked, rows).map_err(Error::Input)
    }

    fn checked(context: CallContext, asked: Columns, rows: &'a Rollouts) -> Result<Self, String> {
        let count = rows.ids.len();
        let batch = Self {
            context,
            asked,
            rows,
            texts: [
                column::checked_text("query-text", &rows.query_text, count)?,
                column::checked_text("response-text", &rows.response_text, count)?,
                column::checked_text("reference-text", &rows.reference_text, count)?,
                column::checked_text("metadata", &rows.metadata, count)?,
            ],
            query_tokens: column::tokens_of(&rows.query_tokens),
            response_tokens: column::tokens_of(&rows.response_tokens),
            logprobs: column::f32s_of(&rows.logprobs),
            ref_logprobs: column::f32s_of(&rows.ref_logprobs),
            values: column::f32s_of(&rows.values),
        };
        column::check(
            "query-tokens",
            &rows.query_tokens.ends,
            count,
            batch.query_tokens.len(),
        )?;
        column::check(
            "response-tokens",
            &rows.response_tokens.ends,
            count,
            batch.response_tokens.len(),
        )?;
        let tokens = batch.response_tokens.len();
        for (name, buffer) in [
            ("logprobs", &batch.logprobs),
            ("ref-logprobs", &batch.ref_logprobs),
            ("values", &batch.values),
        ] {
            // Per-token columns share the ends of the response tokens, which may not have been asked for.
            if !buffer.is_empty() && tokens > 0 && buffer.len() != tokens {
                return Err(format!(
                    "column {name} has {} values for {tokens} tokens",
                    buffer.len()
                ));
            }
        }
        if !rows.score.is_empty() && rows.score.len() != count {
            return Err(format!(
                "column score has {} values for {count} rows",
                rows.score.len()
            ));
        }
        Ok(batch)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.ids.len()
    }

    pub(crate) fn row(&self, row: usize) -> Rollout<'_> {
        Rollout { batch: self, row }
    }
}

/// One response to one query.
#[derive(Clone, Copy)]
pub struct Rollout<'a> {
    batch: &'a RolloutBatch<'a>,
    row: usize,
}

impl<'a> Rollout<'a> {
    /// The sample's stable id.
    pub fn id(&self) -> u64 {
        self.batch.rows.ids[self.row]
    }

    /// Seed, update and split of the call.
    pub fn context(&self) -> &'a CallContext {
        &self.batch.context
    }

    /// This row's randomness: the same whatever the batch.
    pub fn rng(&self) -> Rng {
        Rng::for_row(self.batch.context.seed, self.id())
    }

    /// The query as text.
    pub fn query_text(&self) -> &'a str {
        self.text(Columns::QUERY_TEXT, 0, &self.batch.rows.query_text)
    }

    /// The response as text.
    pub fn response_text(&self) -> &'a str {
        self.text(Columns::RESPONSE_TEXT, 1, &self.batch.rows.response_text)
    }

    /// What a person wrote for the query; empty where nobody did.
    pub fn reference_text(&self) -> &'a str {
        self.text(Columns::REFERENCE_TEXT, 2, &self.batch.rows.reference_text)
    }

    /// The task's metadata for the query, a JSON object or empty.
    pub fn metadata(&self) -> &'a str {
        self.text(Columns::METADATA, 3, &self.batch.rows.metadata)
    }

    /// The query's token ids.
    pub fn query_tokens(&self) -> &'a [u32] {
        column::asked(self.batch.asked, Columns::QUERY_TOKENS);
        &self.batch.query_tokens[column::range(&self.batch.rows.query_tokens.ends, self.row)]
    }

    /// The response's token ids.
    pub fn response_tokens(&self) -> &'a [u32] {
        column::asked(self.batch.asked, Columns::RESPONSE_TOKENS);
        &self.batch.response_tokens[self.token_range()]
    }

    /// The policy's log-probability of each response token; needs `RESPONSE_TOKENS` as well.
    pub fn logprobs(&self) -> &'a [f32] {
        self.per_token(Columns::LOGPROBS, &self.batch.logprobs)
    }

    /// The reference model's log-probability of each response token; needs `RESPONSE_TOKENS` as well.
    pub fn ref_logprobs(&self) -> &'a [f32] {
        self.per_token(Columns::REF_LOGPROBS, &self.batch.ref_logprobs)
    }

    /// The value head's estimate at each response token; needs `RESPONSE_TOKENS` as well.
    pub fn values(&self) -> &'a [f32] {
        self.per_token(Columns::VALUES, &self.batch.values)
    }

    /// The score so far, if there is one.
    pub fn score(&self) -> Option<f32> {
        column::asked(self.batch.asked, Columns::SCORE);
        self.batch
            .rows
            .score
            .get(self.row)
            .copied()
            .filter(|score| !score.is_nan())
    }

    pub(crate) fn token_count(&self) -> usize {
        self.token_range().len()
    }

    fn token_range(&self) -> std::ops::Range<usize> {
        column::range(&self.batch.rows.response_tokens.ends, self.row)
    }

    fn text(&self, column: Columns, text: usize, ends: &TextColumn) -> &'a str {
        column::asked(self.batch.asked, column);
        &self.batch.texts[text][column::range(&ends.ends, self.row)]
    }

    fn per_token(&self, column: Columns, buffer: &'a [f32]) -> &'a [f32] {
        column::asked(self.batch.asked, column | Columns::RESPONSE_TOKENS);
        if buffer.is_empty() {
            &[]
        } else {
            &buffer[self.token_range()]
        }
    }
}

/// One row of the data set, for a task to make a query of.
#[derive(Clone, Copy)]
pub struct DataRow<'a> {
    pub(crate) context: &'a CallContext,
    pub(crate) id: u64,
    pub(crate) json: &'a str,
}

impl<'a> DataRow<'a> {
    /// The row's number in the data.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Seed, update and split of the call.
    pub fn context(&self) -> &'a CallContext {
        self.context
    }

    /// This row's randomness: the same whatever the batch.
    pub fn rng(&self) -> Rng {
        Rng::for_row(self.context.seed, self.id)
    }

    /// The row's JSON text.
    pub fn json(&self) -> &'a str {
        self.json
    }

    /// The text of a row that is a text, or the text in `field` of one that is an object.
    pub fn text(&self, field: &str) -> RowResult<String> {
        match self.parse()? {
            Data::Text(text) => Ok(text),
            Data::Object(fields) => self.field(fields, field),
        }
    }

    /// What stands in `field` of a row that is an object; of a row that is a text, nothing.
    pub fn reference(&self, field: &str) -> RowResult<String> {
        match self.parse()? {
            Data::Text(_) => Ok(String::new()),
            Data::Object(fields) => self.field(fields, field),
        }
    }

    fn field(&self, mut fields: BTreeMap<String, Value>, field: &str) -> RowResult<String> {
        let id = self.id;
        match fields.remove(field) {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Other(_)) => Err(Row::invalid(format!(
                "field {field:?} of data row {id} is not a text"
            ))),
            None => Err(Row::invalid(format!(
                "data row {id} has no field {field:?}"
            ))),
        }
    }

    /// The row as a value of `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> RowResult<T> {
        serde_json::from_str(self.json)
            .map_err(|error| Row::invalid(format!("data row {}: {error}", self.id)))
    }
}

/// A data row: the text itself, or an object with a field for it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    Text(String),
    Object(BTreeMap<String, Value>),
}

/// A field's value; what is no text matters only if it is asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Other(serde::de::IgnoredAny),
}

//! The endless stream of queries: data rows in a fixed shuffled order, pass after pass.
//!
//! The order depends on the shuffle seed alone, as in the original, so the cursor is the whole
//! state.

use std::path::Path;

use anyhow::{Context, Result, bail};
use tch::{Device, Kind, Tensor};

use crate::role::{CallContext, Layout, Outcome, Query, Split, Task};
use crate::seed;

/// How many rows a task sees in one call.
const ROWS_PER_CALL: usize = 512;

/// Reads data rows as JSON texts: `.jsonl` as it is, any other file as one string a line.
pub fn read_rows(path: &Path) -> Result<Vec<(u64, String)>> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read data `{}`\nhint: name a file of UTF-8 text by data.train or data.held_out",
            path.display()
        )
    })?;
    let is_json = path
        .extension()
        .is_some_and(|ending| ending == "jsonl" || ending == "json");
    let mut rows = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let row = if is_json {
            serde_json::from_str::<serde_json::Value>(line).with_context(|| {
                format!(
                    "`{}` line {}: not JSON\nhint: a .jsonl file has one JSON value a line; call a \
                     file of plain texts .txt",
                    path.display(),
                    number + 1
                )
            })?;
            line.to_string()
        } else {
            serde_json::to_string(line)?
        };
        rows.push((number as u64, row));
    }
    if rows.is_empty() {
        bail!(
            "data `{}` has no rows\nhint: put one row a line",
            path.display()
        );
    }
    Ok(rows)
}

/// Has the task make a query of every row that is fit, in the order of the rows.
pub fn make_queries(
    task: &dyn Task,
    rows: &[(u64, String)],
    split: Split,
    root_seed: u64,
) -> Result<Vec<Query>> {
    let layout = task.layout();
    let context = CallContext {
        seed: seed::derive(root_seed, "queries", 0),
        update: 0,
        split,
    };
    let mut queries = Vec::new();
    for chunk in rows.chunks(ROWS_PER_CALL) {
        for (outcome, (id, _)) in task.queries(context, chunk)?.into_iter().zip(chunk) {
            match outcome {
                Outcome::Value(query) if query.tokens.is_empty() => {
                    bail!("{}: the query of row {id} is empty", task.identity().name)
                }
                Outcome::Value(query) if query.tokens.len() > layout.query_len => bail!(
                    "{}: the query of row {id} has {} tokens, more than query_len {}",
                    task.identity().name,
                    query.tokens.len(),
                    layout.query_len
                ),
                Outcome::Value(query) => queries.push(query),
                Outcome::NotApplicable => {}
                Outcome::Invalid(text) | Outcome::Error(text) => {
                    bail!(
                        "task `{}`: data row {id}: {text}\nhint: mend or remove the row, or change \
                         the task's settings",
                        task.identity().name
                    )
                }
            }
        }
    }
    if queries.is_empty() {
        bail!(
            "{}: none of {} rows makes a query\nhint: look at its start_text, end_text and lengths",
            task.identity().name,
            rows.len()
        );
    }
    Ok(queries)
}

/// Queries in a fixed shuffled order, repeated for ever.
pub struct QueryStream {
    queries: Vec<Query>,
    order: Vec<usize>,
}

impl QueryStream {
    /// Shuffles once.
    pub fn new(queries: Vec<Query>, shuffle_seed: u64) -> QueryStream {
        let order =
            seed::Stream::new(seed::derive(shuffle_seed, "shuffle", 0)).permutation(queries.len());
        QueryStream { queries, order }
    }

    /// The queries at places `start..start + count` of the stream.
    pub fn batch(&self, start: u64, count: usize) -> Vec<Query> {
        let len = self.queries.len() as u64;
        (start..start + count as u64)
            .map(|place| self.queries[self.order[(place % len) as usize]].clone())
            .collect()
    }

    /// How many different queries there are.
    pub fn len(&self) -> usize {
        self.queries.len()
    }

    /// Never: a stream is made of at least one query.
    pub fn is_empty(&self) -> bool {
        self.queries.is_empty()
    }
}

/// Lays queries out as the policy sees them: `prefix ++ right-padded query ++ suffix`.
///
/// Returns `[batch, prefix + query_len + suffix]`, `i64`.
pub fn contexts(queries: &[Query], layout: &Layout, pad_id: i64, device: Device) -> Tensor {
    let context_len = layout.prefix.len() + layout.query_len + layout.suffix.len();
    let mut tokens = Vec::with_capacity(queries.len() * context_len);
    for query in queries {
        tokens.extend(layout.prefix.iter().map(|&token| i64::from(token)));
        tokens.extend(query.tokens.iter().map(|&token| i64::from(token)));
        tokens.extend(std::iter::repeat_n(
            pad_id,
            layout.query_len - query.tokens.len(),
        ));
        tokens.extend(layout.suffix.iter().map(|&token| i64::from(token)));
    }
    Tensor::from_slice(&tokens)
        .view([queries.len() as i64, context_len as i64])
        .to_device(device)
        .to_kind(Kind::Int64)
}

/// Splits what is held out from what is trained on.
pub fn hold_out(mut queries: Vec<Query>, count: usize) -> Result<(Vec<Query>, Vec<Query>)> {
    if queries.len() <= count {
        bail!(
            "there are {} queries, and [eval] queries holds back {count}\nhint: lower eval.queries, or \
             name a file by data.held_out",
            queries.len()
        );
    }
    let held_out = queries.split_off(queries.len() - count);
    Ok((queries, held_out))
}

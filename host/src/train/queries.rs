//! The endless stream of queries: data rows in a fixed shuffled order, pass after pass.
//!
//! The order depends on the shuffle seed alone, as in the original, so the cursor is the whole
//! state.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use crate::config::{OnError, PluginLimits};
use crate::role::{CallContext, Layout, Outcome, Query, Split, Task};
use crate::rows::Rows;
use crate::seed;
use crate::terminal::Line;

/// How many rows a task sees in one call.
const ROWS_PER_CALL: usize = 512;

/// Most reasons that are told one by one.
const REASONS: usize = 4;

/// What became of the rows of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowCount {
    /// The file.
    pub path: PathBuf,
    /// How it was read.
    pub form: String,
    /// Rows that were read.
    pub read: usize,
    /// Rows that make queries.
    pub queries: usize,
    /// Rows of which the task says that they are none of its business; it gives no reason.
    pub not_applicable: usize,
    /// Rows that break a rule of the task or on which it failed, by what it says of them.
    pub failed: BTreeMap<String, usize>,
    /// What else a person should know.
    pub notes: Vec<String>,
}

impl RowCount {
    fn of(rows: &Rows) -> RowCount {
        RowCount {
            path: rows.path.clone(),
            form: rows.form.to_string(),
            read: rows.rows.len(),
            queries: 0,
            not_applicable: 0,
            failed: BTreeMap::new(),
            notes: rows.notes.clone(),
        }
    }

    /// Rows that broke a rule or that the task failed on.
    fn num_failed(&self) -> usize {
        self.failed.values().sum()
    }
}

impl fmt::Display for RowCount {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RowCount {
            path,
            form,
            read,
            queries,
            not_applicable,
            failed,
            notes,
        } = self;
        let path = Line(path.display());
        write!(to, "{read} in `{path}` ({form}), {queries} make queries")?;
        if *not_applicable > 0 {
            write!(to, ", {not_applicable} do not apply, as the task says")?;
        }
        if !failed.is_empty() {
            write!(to, ", {} left out with an error", self.num_failed())?;
        }
        for (reason, count) in most_frequent(failed) {
            write!(to, "\n           {count} x {}", Line(reason))?;
        }
        for note in notes {
            write!(to, "\n           note: {note}")?;
        }
        Ok(())
    }
}

/// The most frequent reasons, and the rest as one.
fn most_frequent(reasons: &BTreeMap<String, usize>) -> Vec<(&str, usize)> {
    let mut sorted: Vec<(&str, usize)> = reasons.iter().map(|(r, n)| (r.as_str(), *n)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if sorted.len() > REASONS {
        let rest = sorted.split_off(REASONS);
        sorted.push(("other reasons", rest.iter().map(|(_, count)| count).sum()));
    }
    sorted
}

/// Queries, and what became of the rows that make none.
#[derive(Debug)]
pub struct Made {
    /// In the order of the rows.
    pub queries: Vec<Query>,
    /// All rows.
    pub count: RowCount,
}

/// Has the task make a query of every row that is fit, in the order of the rows.
pub fn make_queries(
    task: &dyn Task,
    rows: &Rows,
    split: Split,
    root_seed: u64,
    limits: &PluginLimits,
) -> Result<Made> {
    let context = CallContext {
        seed: seed::derive(root_seed, "queries", 0),
        update: 0,
        split,
    };
    let mut made = Made {
        queries: Vec::new(),
        count: RowCount::of(rows),
    };
    let mut first = None;
    for (number, chunk) in rows.rows.chunks(ROWS_PER_CALL).enumerate() {
        for (at, outcome) in task.queries(context, chunk)?.into_iter().enumerate() {
            let place = || rows.place(number * ROWS_PER_CALL + at);
            match outcome {
                Outcome::Value(query) => {
                    check_query(task, &query).with_context(place)?;
                    made.queries.push(query);
                }
                Outcome::NotApplicable => made.count.not_applicable += 1,
                Outcome::Invalid(text) | Outcome::Error(text) => {
                    first.get_or_insert_with(|| format!("{}: {text}", place()));
                    *made.count.failed.entry(reason(&text)).or_default() += 1;
                }
            }
        }
    }
    made.count.queries = made.queries.len();
    if let Some(first) = first {
        check_failed(task, &made.count, &first, limits)?;
    }
    if made.queries.is_empty() {
        bail!(
            "{}: none of {} rows of `{}` makes a query: {} do not apply\nhint: look at its settings, such as \
             start_text, end_text and lengths, and at what the rows have",
            task.identity().name,
            rows.rows.len(),
            Line(rows.path.display()),
            made.count.not_applicable
        );
    }
    Ok(made)
}

/// Why a row failed, in words that are the same for all rows that fail so: without the row's number.
fn reason(text: &str) -> String {
    const ROW: &str = "row ";
    let mut parts = text.split(ROW);
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
        said.push_str(ROW);
        if rest.len() < part.len() {
            said.push('N');
        }
        said.push_str(rest);
    }
    said
}

fn check_query(task: &dyn Task, query: &Query) -> Result<()> {
    let (name, most) = (&task.identity().name, task.layout().query_len);
    match query.tokens.len() {
        0 => bail!("{name}: the query of this row is empty\nhint: mend or remove the row"),
        len if len > most => bail!(
            "{name}: the query of this row has {len} tokens, more than query_len {most}\nhint: that is a mistake of \
             the task"
        ),
        _ => Ok(()),
    }
}

/// Refuses rows that the task cannot take, unless so few are to be left out.
fn check_failed(
    task: &dyn Task,
    count: &RowCount,
    first: &str,
    limits: &PluginLimits,
) -> Result<()> {
    let (failed, most) = (count.num_failed(), limits.max_error_rate);
    let name = &task.identity().name;
    let more = match failed {
        1 => String::new(),
        failed => format!("; {} more of {} rows fail", failed - 1, count.read),
    };
    if limits.on_error != OnError::Drop {
        bail!(
            "task `{name}`: {first}{more}\nhint: mend or remove the row, change the task's settings, or leave such \
             rows out by plugins.on_error = \"drop\""
        );
    }
    if failed as f64 > most * count.read as f64 {
        bail!(
            "task `{name}`: {first}{more}, more than [plugins] max_error_rate {most}\nhint: mend or remove the rows, \
             or raise plugins.max_error_rate"
        );
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_without_the_numbers_of_rows() {
        assert_eq!(
            reason("data row 17 has no field \"row 3x\""),
            "data row N has no field \"row Nx\""
        );
        assert_eq!(reason("a row of 5 words, row "), "a row of 5 words, row ");
    }
}

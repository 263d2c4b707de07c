//! From rows to queries, and from queries to what a policy sees.

use std::sync::Arc;

use anyhow::{Context, Error, Result, anyhow, bail};
use tch::{Device, Kind, Tensor};

use crate::config::{OnError, PluginLimits};
use crate::role::{CallContext, Layout, Outcome, Query, Split, Task};
use crate::rows::Rows;
use crate::seed;
use crate::terminal::Line;
use crate::train::rowcount::{RowCount, Tally};

/// How many rows a task sees in one call.
pub(super) const ROWS_PER_CALL: usize = 512;

/// Queries, and what became of the rows that make none.
#[derive(Debug)]
pub struct Made {
    /// In the order of the rows.
    pub queries: Vec<Query>,
    /// All rows.
    pub count: RowCount,
}

/// Who makes queries of rows.
#[derive(Clone)]
pub struct Maker {
    /// The task.
    pub task: Arc<dyn Task>,
    /// What the queries are for.
    pub split: Split,
    /// The run's seed.
    pub root_seed: u64,
    /// How many rows may fail.
    pub limits: PluginLimits,
}

impl Maker {
    /// Has the task make a query of every row that is fit, in the order of the rows.
    pub fn all(&self, rows: &Rows) -> Result<Made> {
        let mut tally = Tally::of(rows);
        let mut queries = Vec::new();
        for start in (0..rows.len()).step_by(ROWS_PER_CALL) {
            let chunk: Vec<usize> = (start..rows.len().min(start + ROWS_PER_CALL)).collect();
            queries.extend(self.some(rows, &chunk, &mut tally)?.into_iter().flatten());
        }
        self.check_failed(&tally, rows.len())?;
        if queries.is_empty() {
            bail!(
                "{}: none of {} rows of `{}` makes a query: {}\nhint: look at its settings, such as \
                 start_text, end_text and lengths, and at what the rows have",
                self.task.identity().name,
                rows.len(),
                Line(rows.path.display()),
                tally.count.none_of_its_business()
            );
        }
        let count = tally.count;
        Ok(Made { queries, count })
    }

    /// The same of the rows at some places: the query of each that makes one.
    pub(super) fn some(
        &self,
        rows: &Rows,
        at: &[usize],
        tally: &mut Tally,
    ) -> Result<Vec<Option<Query>>> {
        let context = CallContext {
            seed: seed::derive(self.root_seed, "queries", 0),
            update: 0,
            split: self.split,
        };
        let task = self.task.as_ref();
        let texts: Vec<(u64, String)> = at.iter().map(|at| rows.get(*at)).collect::<Result<_>>()?;
        let mut made = Vec::new();
        for (at, outcome) in at.iter().zip(task.queries(context, &texts)?) {
            tally.count.looked_at += 1;
            made.push(match outcome {
                Outcome::Value(query) => {
                    check_query(task, &query).with_context(|| rows.place(*at))?;
                    tally.count.queries += 1;
                    Some(query)
                }
                Outcome::NotApplicable(why) => {
                    tally.leave_out(why.as_deref());
                    None
                }
                Outcome::Invalid(text) | Outcome::Error(text) => {
                    tally.fail(&text, || rows.place(*at));
                    None
                }
            });
        }
        Ok(made)
    }

    /// Refuses rows that the task cannot take, unless so few are to be left out.
    pub(super) fn check_failed(&self, tally: &Tally, rows: usize) -> Result<()> {
        let Tally { count, first } = tally;
        let Some(first) = first else {
            return Ok(());
        };
        let (failed, most) = (count.num_failed(), self.limits.max_error_rate);
        let name = &self.task.identity().name;
        let more = match failed {
            1 => String::new(),
            failed => format!("; {} more of {} rows fail", failed - 1, count.looked_at),
        };
        if self.limits.on_error != OnError::Drop {
            bail!(
                "task `{name}`: {first}{more}\nhint: mend or remove the row, change the task's settings, or leave such \
                 rows out by plugins.on_error = \"drop\""
            );
        }
        // A share of a few of many rows says little.
        let enough = count.looked_at >= rows.min(ROWS_PER_CALL);
        if enough && failed as f64 > most * count.looked_at as f64 {
            bail!(
                "task `{name}`: {first}{more}, more than [plugins] max_error_rate {most}\nhint: mend or remove the rows, \
                 or raise plugins.max_error_rate"
            );
        }
        Ok(())
    }
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

/// What to say where nothing would be left to train on.
pub(super) fn too_few(queries: usize, count: usize) -> Error {
    anyhow!(
        "there are {queries} queries, and [eval] queries holds back {count}\nhint: lower eval.queries, or name a file by \
         data.held_out"
    )
}

/// Splits what is held out from what is trained on.
pub fn hold_out(mut queries: Vec<Query>, count: usize) -> Result<(Vec<Query>, Vec<Query>)> {
    if queries.len() <= count {
        return Err(too_few(queries.len(), count));
    }
    let held_out = queries.split_off(queries.len() - count);
    Ok((queries, held_out))
}

//! Tasks: data rows in, queries out; and what a finished response is. The author sees one row;
//! the batch is kept here.

use crate::{
    DataRow, Plugin, Problems, Rollout, Row, RowResult,
    bindings::{
        exports::attune::plugin::task_plugin::{
            Baseline, Endings, Evaluation, Guest, QueryBatch, TaskLayout,
        },
        types::{CallContext, Error, Rollouts, TextColumn},
    },
    column,
    outcome::{each_row, expect, outcomes, row_major},
    plugin::Component,
    rollout::RolloutBatch,
};

/// Makes queries and says what a finished response is.
pub trait Task: Plugin {
    /// Names of the simple procedures of [`Task::baselines`].
    const BASELINES: &'static [&'static str] = &[];

    /// The lengths, and what stands around a query for the policy.
    fn layout(&self) -> Result<Layout, Problems>;

    /// The query of a data row; [`Row::skip`] drops it, and it is counted by the reason.
    fn query(&self, row: DataRow<'_>) -> RowResult<Query>;

    /// Where the response ends and whether it obeys the rules; by default all of it, and it does.
    fn finish(&self, row: Rollout<'_>) -> RowResult<Ending> {
        Ok(Ending {
            kept: row.token_count(),
            valid: true,
            penalty: 0.0,
        })
    }

    /// One value for each of `METRICS`.
    fn evaluate(&self, row: Rollout<'_>) -> RowResult<Vec<f32>> {
        let _ = row;
        if Self::METRICS.is_empty() {
            Ok(Vec::new())
        } else {
            Err(Row::NotApplicable)
        }
    }

    /// What each of `BASELINES` would have answered.
    fn baselines(&self, row: Rollout<'_>) -> RowResult<Vec<String>> {
        let _ = row;
        Ok(Vec::new())
    }
}

/// Lengths in tokens. The policy's context is `prefix ++ padded query ++ suffix`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// Queries are padded to this; none may be longer.
    pub query_len: u32,
    /// Every response has so many tokens before it is finished.
    pub response_len: u32,
    /// Tokens before the query.
    pub prefix: Vec<u32>,
    /// Tokens after the query.
    pub suffix: Vec<u32>,
}

/// A query, without padding.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// What a person wrote for it; empty where nobody did.
    pub reference: String,
    /// A JSON object that comes back with every rollout; may be empty.
    pub metadata: String,
}

/// What the scorer sees of a response.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ending {
    /// So many tokens from the start.
    pub kept: usize,
    /// Whether it obeys the rules.
    pub valid: bool,
    /// The score of a response that does not.
    pub penalty: f32,
}

pub(crate) fn queries<T: Task>(
    task: &T,
    context: CallContext,
    ids: &[u64],
    data: &TextColumn,
) -> Result<(QueryBatch, Vec<RowResult<Query>>), Error> {
    let text = column::checked_text("rows", data, ids.len()).map_err(Error::Input)?;
    let rows = each_row(ids.len(), |row| {
        task.query(DataRow {
            context: &context,
            id: ids[row],
            json: &text[column::range(&data.ends, row)],
        })
    });
    let none = Query::default();
    let each = || rows.iter().map(|row| row.as_ref().unwrap_or(&none));
    let packed = QueryBatch {
        tokens: column::token_column(each().map(|query| &query.tokens)),
        reference_text: column::text_column(each().map(|query| &query.reference)),
        metadata: column::text_column(each().map(|query| &query.metadata)),
        outcomes: outcomes(&rows),
    };
    Ok((packed, rows))
}

pub(crate) fn finish<T: Task>(
    task: &T,
    context: CallContext,
    batch: &Rollouts,
) -> Result<(Endings, Vec<RowResult<Ending>>), Error> {
    let batch = RolloutBatch::new(context, T::COLUMNS, batch)?;
    let rows = each_row(batch.len(), |row| task.finish(batch.row(row)));
    let none = Ending {
        kept: 0,
        valid: false,
        penalty: 0.0,
    };
    let each = || rows.iter().map(|row| row.as_ref().unwrap_or(&none));
    let packed = Endings {
        kept: each().map(|ending| ending.kept as u32).collect(),
        valid: each().map(|ending| ending.valid).collect(),
        penalty: each().map(|ending| ending.penalty).collect(),
        outcomes: outcomes(&rows),
    };
    Ok((packed, rows))
}

type Metrics = Vec<RowResult<Vec<f32>>>;

pub(crate) fn evaluate<T: Task>(
    task: &T,
    context: CallContext,
    batch: &Rollouts,
) -> Result<(Evaluation, Metrics), Error> {
    let batch = RolloutBatch::new(context, T::COLUMNS, batch)?;
    let rows = each_row(batch.len(), |row| {
        let metrics = task.evaluate(batch.row(row))?;
        expect("metrics", metrics.len(), T::METRICS.len())?;
        Ok(metrics)
    });
    Ok((
        Evaluation {
            metrics: row_major(&rows, T::METRICS.len(), |row| row),
            outcomes: outcomes(&rows),
        },
        rows,
    ))
}

pub(crate) fn baselines<T: Task>(
    task: &T,
    context: CallContext,
    batch: &Rollouts,
) -> Result<Vec<Baseline>, Error> {
    let batch = RolloutBatch::new(context, T::COLUMNS, batch)?;
    let mut texts = vec![Vec::with_capacity(batch.len()); T::BASELINES.len()];
    for (row, answers) in each_row(batch.len(), |row| task.baselines(batch.row(row)))
        .into_iter()
        .enumerate()
    {
        // Baselines have no statuses in the contract: an answer that is missing is an empty text.
        let answers = match answers {
            Ok(answers) => answers,
            Err(Row::NotApplicable | Row::Skip(_)) => vec![String::new(); T::BASELINES.len()],
            Err(Row::Invalid(message) | Row::Error(message)) => {
                return Err(Error::Internal(format!(
                    "baselines of row {row}: {message}"
                )));
            }
        };
        if answers.len() != texts.len() {
            return Err(Error::Internal(format!(
                "row {row} has {} baselines, not {}",
                answers.len(),
                texts.len()
            )));
        }
        texts
            .iter_mut()
            .zip(answers)
            .for_each(|(column, answer)| column.push(answer));
    }
    let named = T::BASELINES.iter().zip(texts);
    Ok(named
        .map(|(name, texts)| Baseline {
            name: (*name).to_owned(),
            responses: column::text_column(texts),
        })
        .collect())
}

pub(crate) fn layout<T: Task>(task: &T) -> Result<TaskLayout, Error> {
    let Layout {
        query_len,
        response_len,
        prefix,
        suffix,
    } = task.layout().map_err(Problems::into_error)?;
    Ok(TaskLayout {
        query_len,
        response_len,
        prefix,
        suffix,
    })
}

impl<C: Component<Plugin: Task>> Guest for C {
    fn layout() -> Result<TaskLayout, Error> {
        layout(C::instance()?)
    }

    fn queries(context: CallContext, ids: Vec<u64>, rows: TextColumn) -> Result<QueryBatch, Error> {
        queries(C::instance()?, context, &ids, &rows).map(|(packed, _)| packed)
    }

    fn finish(context: CallContext, batch: Rollouts) -> Result<Endings, Error> {
        finish(C::instance()?, context, &batch).map(|(packed, _)| packed)
    }

    fn evaluate(context: CallContext, batch: Rollouts) -> Result<Evaluation, Error> {
        evaluate(C::instance()?, context, &batch).map(|(packed, _)| packed)
    }

    fn baselines(context: CallContext, batch: Rollouts) -> Result<Vec<Baseline>, Error> {
        baselines(C::instance()?, context, &batch)
    }
}

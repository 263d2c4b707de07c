//! Shapers: rollouts in, reward terms out. The author sees one row; the batch is kept here.

use crate::{
    Plugin, Rollout, RowResult,
    bindings::{
        exports::attune::plugin::shaper_plugin::{Guest, Shaped as Packed, Term},
        types::{CallContext, Error, Rollouts},
    },
    column,
    outcome::{each_row, expect, outcomes, row_major},
    plugin::Component,
    rollout::RolloutBatch,
};

/// Turns rollouts into reward terms.
pub trait Shaper: Plugin {
    /// Names of the terms, in the order in which [`Shaped`] holds them.
    const TERMS: &'static [&'static str];
    /// Whether each response token gets a reward of its own.
    const PER_TOKEN: bool = false;

    /// The reward terms of one response.
    fn shape(&self, row: Rollout<'_>) -> RowResult<Shaped>;
}

/// One row's reward terms, per-token rewards and metrics.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shaped {
    /// One value for each of `TERMS`.
    pub terms: Vec<f32>,
    /// One value for each response token if `PER_TOKEN`, else empty.
    pub per_token: Vec<f32>,
    /// One value for each of `METRICS`.
    pub metrics: Vec<f32>,
}

impl Shaped {
    /// A row with the next (or only) term.
    pub fn term(value: f32) -> Self {
        Self {
            terms: vec![value],
            ..Self::default()
        }
    }

    /// Adds the next metric.
    #[must_use]
    pub fn metric(mut self, value: f32) -> Self {
        self.metrics.push(value);
        self
    }
}

pub(crate) fn rows<S: Shaper>(
    shaper: &S,
    context: CallContext,
    batch: &Rollouts,
) -> Result<(Packed, Vec<RowResult<Shaped>>), Error> {
    let batch = RolloutBatch::new(context, S::COLUMNS, batch)?;
    let rows = each_row(batch.len(), |row| {
        let shaped = shaper.shape(batch.row(row))?;
        let tokens = tokens::<S>(&batch, row);
        expect("terms", shaped.terms.len(), S::TERMS.len())?;
        expect("per-token rewards", shaped.per_token.len(), tokens)?;
        expect("metrics", shaped.metrics.len(), S::METRICS.len())?;
        Ok(shaped)
    });
    Ok((pack::<S>(&batch, &rows), rows))
}

/// How many rewards a row's tokens get.
fn tokens<S: Shaper>(batch: &RolloutBatch<'_>, row: usize) -> usize {
    if S::PER_TOKEN {
        batch.row(row).token_count()
    } else {
        0
    }
}

fn pack<S: Shaper>(batch: &RolloutBatch<'_>, rows: &[RowResult<Shaped>]) -> Packed {
    let width = S::TERMS.len();
    let values = row_major(rows, width, |row| &row.terms);
    let terms = S::TERMS.iter().enumerate().map(|(term, name)| Term {
        name: (*name).to_owned(),
        values: values.iter().skip(term).step_by(width).copied().collect(),
    });
    let mut per_token = Vec::new();
    for (row, result) in rows.iter().enumerate() {
        match result {
            Ok(shaped) => per_token.extend_from_slice(&shaped.per_token),
            Err(_) => per_token.extend(std::iter::repeat_n(0.0, tokens::<S>(batch, row))),
        }
    }
    Packed {
        terms: terms.collect(),
        per_token: column::f32_buf(per_token),
        metrics: row_major(rows, S::METRICS.len(), |row| &row.metrics),
        outcomes: outcomes(rows),
    }
}

impl<C: Component<Plugin: Shaper>> Guest for C {
    fn shape(context: CallContext, batch: Rollouts) -> Result<Packed, Error> {
        rows(C::instance()?, context, &batch).map(|(packed, _)| packed)
    }
}

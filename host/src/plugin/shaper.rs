//! A shaper that is a WebAssembly component.
//!
//! Does not know what its terms are added to.

use std::sync::Arc;

use anyhow::Result;

use super::bindings::{self as b, expect_len, finite, settle};
use super::pool::Pool;
use super::wit::attune::plugin::types::Columns;
use super::wit::exports::attune::plugin::shaper_plugin::{self as wit, Guest, GuestIndices};
use super::{Limits, Spec, TokenizerHost, load as file};
use crate::role::{
    CallContext, CallError, Identity, MetricDescription, Outcome, Sample, Shaped, Shaper,
};

const MAX_TERMS: usize = 64;
const MAX_NAME: usize = 100;

struct Plugin {
    pool: Pool<Guest>,
    metrics: Vec<MetricDescription>,
    columns: Columns,
}

/// Loads and configures the shaper.
pub(super) fn load(
    spec: &Spec,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<impl Shaper + 'static> {
    let limits: &Limits = &spec.limits;
    let opened = file::open(&spec.path, limits, tokenizer.clone())?;
    let pool = Pool::new(
        "shaper",
        &opened,
        spec,
        tokenizer,
        |pre, store, instance| GuestIndices::new(pre)?.load(store, instance),
    )?;
    Ok(Plugin {
        pool,
        columns: opened.columns,
        metrics: opened.description.metrics,
    })
}

impl Shaper for Plugin {
    fn identity(&self) -> &Identity {
        &self.pool.identity
    }

    fn metrics(&self) -> &[MetricDescription] {
        &self.metrics
    }

    fn shape(
        &self,
        context: CallContext,
        samples: &[Sample],
    ) -> Result<Vec<Outcome<Shaped>>, CallError> {
        let context = b::context(context);
        let pick = |rows: &[usize]| rows.iter().map(|row| &samples[*row]).collect::<Vec<_>>();
        self.pool.rows(
            "shape",
            samples.len(),
            |guest, store, rows| {
                guest.call_shape(store, context, &b::rollouts(self.columns, &pick(rows)))
            },
            |shaped, rows| read(shaped, &pick(rows), self.metrics.len()),
        )
    }
}

fn read(
    shaped: wit::Shaped,
    samples: &[&Sample],
    metrics: usize,
) -> Result<Vec<Outcome<Shaped>>, String> {
    let rows = samples.len();
    if shaped.terms.len() > MAX_TERMS {
        return Err(format!(
            "returned {} terms, more than {MAX_TERMS}",
            shaped.terms.len()
        ));
    }
    for (place, term) in shaped.terms.iter().enumerate() {
        if term.name.is_empty()
            || term.name.len() > MAX_NAME
            || term.name.chars().any(char::is_control)
        {
            return Err(format!(
                "returned a term whose name is empty, too long or not printable (term {place})"
            ));
        }
        if shaped.terms[..place]
            .iter()
            .any(|other| other.name == term.name)
        {
            return Err(format!("returned the term `{}` twice", term.name));
        }
        expect_len(
            &format!("values of the term `{}`", term.name),
            term.values.len(),
            rows,
        )?;
    }
    let rewards = b::read_floats("rewards for tokens", &shaped.per_token)?;
    if !rewards.is_empty() {
        let tokens = samples.iter().map(|sample| sample.tokens.len()).sum();
        expect_len("rewards for tokens", rewards.len(), tokens)?;
    }
    if !shaped.metrics.is_empty() {
        expect_len("metrics", shaped.metrics.len(), rows * metrics)?;
    }
    let outcomes = b::read_outcomes(shaped.outcomes, rows)?;
    let mut start = 0;
    let mut read = Vec::with_capacity(rows);
    for (row, outcome) in outcomes.into_iter().enumerate() {
        let end = start + samples[row].tokens.len();
        let per_token = rewards.get(start..end).unwrap_or_default();
        let metrics = shaped
            .metrics
            .get(row * metrics..(row + 1) * metrics)
            .unwrap_or_default();
        read.push(settle(outcome, || {
            one(&shaped.terms, row, per_token, metrics)
        }));
        start = end;
    }
    Ok(read)
}

fn one(
    terms: &[wit::Term],
    row: usize,
    per_token: &[f32],
    metrics: &[f32],
) -> Result<Shaped, String> {
    let term = |term: &wit::Term| {
        Ok((
            term.name.clone(),
            finite(&format!("the term `{}`", term.name), term.values[row])?,
        ))
    };
    for value in per_token {
        finite("a token's reward", *value)?;
    }
    if let Some(value) = metrics.iter().find(|value| value.is_infinite()) {
        return Err(format!("returned {value} as a metric"));
    }
    Ok(Shaped {
        terms: terms.iter().map(term).collect::<Result<_, String>>()?,
        per_token: per_token.to_vec(),
        metrics: metrics.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::wit::attune::plugin::types::Outcomes;
    use super::*;

    fn shaped(values: Vec<f32>) -> wit::Shaped {
        wit::Shaped {
            terms: vec![wit::Term {
                name: "a".into(),
                values,
            }],
            per_token: Vec::new(),
            metrics: Vec::new(),
            outcomes: Outcomes {
                status: Vec::new(),
                messages: Vec::new(),
            },
        }
    }

    #[test]
    fn numbers_that_are_none_are_the_row_s_error() {
        let sample = Sample::default();
        let rows = read(shaped(vec![1.0, f32::NAN, f32::INFINITY]), &[&sample; 3], 0).unwrap();
        assert!(matches!(rows[0], Outcome::Value(_)));
        assert!(matches!(rows[1], Outcome::Error(_)));
        assert!(matches!(rows[2], Outcome::Error(_)));
    }

    #[test]
    fn lengths_are_named() {
        let text = read(shaped(vec![1.0]), &[&Sample::default(); 2], 0).unwrap_err();
        assert_eq!(text, "returned 1 values of the term `a`, not 2");
    }
}

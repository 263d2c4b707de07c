//! A shaper that is a plugin.
//!
//! Does not know what its terms are added to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use super::bindings::{self as b, expect_len, finite, settle};
use super::call::{clean, disturbs};
use super::contract;
use super::opened::Opened;
use super::pool::Pool;
use super::wit::attune::plugin::types::Columns;
use super::wit::exports::attune::plugin::shaper_plugin as wit;
use super::{Spec, TokenizerHost, load as file};
use crate::role::{
    CallContext, CallError, Identity, MetricDescription, Outcome, Sample, Shaped, Shaper,
};

/// Terms of an answer, and of all answers: each name is a metric of the run.
const MAX_TERMS: usize = 64;
const MAX_NAME: usize = 100;

struct Plugin {
    pool: Pool<dyn contract::Shaper>,
    metrics: Vec<MetricDescription>,
    columns: Columns,
    /// Names of terms that it has used so far.
    names: Mutex<BTreeSet<String>>,
}

/// Loads and configures the shaper.
pub(super) fn load(
    spec: &Spec,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<impl Shaper + 'static> {
    let opened = file::open(&spec.path, spec.trust, &spec.limits, tokenizer.clone())?;
    configure(opened, spec, tokenizer)
}

/// Configures a shaper that was opened.
pub(super) fn configure(
    opened: Opened,
    spec: &Spec,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<impl Shaper + 'static> {
    let pool = Pool::<dyn contract::Shaper>::new("shaper", &opened, spec, tokenizer)?;
    Ok(Plugin {
        pool,
        columns: opened.columns,
        metrics: opened.description.metrics,
        names: Mutex::default(),
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
                guest.shape(store, context, &b::rollouts(self.columns, &pick(rows)))
            },
            |shaped, rows| {
                expect_terms(&shaped.terms, rows.len())?;
                self.know(&shaped.terms)?;
                read(shaped, &pick(rows), self.metrics.len())
            },
        )
    }
}

impl Plugin {
    /// Refuses new names of terms once there are too many.
    fn know(&self, terms: &[wit::Term]) -> Result<(), String> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for term in terms {
            if names.contains(&term.name) {
                continue;
            }
            if names.len() >= MAX_TERMS {
                return Err(format!(
                    "used more than {MAX_TERMS} names of terms since it was loaded, the last `{}`",
                    clean(&term.name)
                ));
            }
            names.insert(term.name.clone());
        }
        Ok(())
    }
}

pub(super) fn read(
    shaped: wit::Shaped,
    samples: &[&Sample],
    metrics: usize,
) -> Result<Vec<Outcome<Shaped>>, String> {
    let rows = samples.len();
    expect_terms(&shaped.terms, rows)?;
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

/// Refuses terms that cannot be told apart, or have not a value for each row.
fn expect_terms(terms: &[wit::Term], rows: usize) -> Result<(), String> {
    if terms.len() > MAX_TERMS {
        return Err(format!(
            "returned {} terms, more than {MAX_TERMS}",
            terms.len()
        ));
    }
    for (place, term) in terms.iter().enumerate() {
        if term.name.is_empty() || term.name.len() > MAX_NAME || term.name.chars().any(disturbs) {
            return Err(format!(
                "returned a term whose name is empty, too long or not printable (term {place})"
            ));
        }
        if terms[..place].iter().any(|other| other.name == term.name) {
            return Err(format!("returned the term `{}` twice", term.name));
        }
        expect_len(
            &format!("values of the term `{}`", term.name),
            term.values.len(),
            rows,
        )?;
    }
    Ok(())
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

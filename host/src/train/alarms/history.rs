//! The metrics of a run so far, name by name, as far as a rule looks at them.

use std::collections::BTreeMap;

use crate::metrics::Record;

/// Updates whose mean is what a run began with.
pub(super) const BEGINNING: usize = 3;

/// What labelers that are no part of the reward say.
pub(super) const MEASURE: &str = "measure/";

/// Other metrics that rules look at.
const WATCHED: &[&str] = &[
    "objective/kl",
    "objective/score",
    "objective/score_std",
    "objective/score_mode",
    "objective/valid",
    "ppo/first_ratio_error",
    "ppo/loss/value",
    "ppo/policy/approxkl",
    "ppo/policy/clipfrac",
    "ppo/policy/entropy",
    "response/duplicates",
    "response/length",
    "response/repeated",
    "sampling/mismatch_kl",
];

/// Columns of numbers, one for each update; not a number where an update has none.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    columns: BTreeMap<String, Vec<f64>>,
    updates: usize,
}

impl History {
    /// Adds an update.
    pub(super) fn push(&mut self, record: &Record) {
        for (name, value) in record.iter() {
            if !WATCHED.contains(&name) && !name.starts_with(MEASURE) {
                continue;
            }
            let column = self.columns.entry(name.to_owned()).or_default();
            column.resize(self.updates, f64::NAN);
            column.push(value);
        }
        self.updates += 1;
        for column in self.columns.values_mut() {
            column.resize(self.updates, f64::NAN);
        }
    }

    /// How many updates there are.
    pub(super) fn updates(&self) -> usize {
        self.updates
    }

    /// The values of all updates; empty where there are none.
    pub(super) fn column(&self, name: &str) -> &[f64] {
        debug_assert!(
            WATCHED.contains(&name) || name.starts_with(MEASURE),
            "{name}"
        );
        self.columns.get(name).map_or(&[], Vec::as_slice)
    }

    /// The names of measures.
    pub(super) fn measures(&self) -> impl Iterator<Item = &str> {
        let names = self.columns.keys().map(String::as_str);
        names.filter(|name| name.starts_with(MEASURE))
    }

    /// The value of the last update.
    pub(super) fn now(&self, name: &str) -> Option<f64> {
        let last = self.column(name).last().copied();
        last.filter(|value| value.is_finite())
    }

    /// What the run began with; none before that is over.
    pub(super) fn beginning(&self, name: &str) -> Option<f64> {
        let known = self.column(name).iter().filter(|value| value.is_finite());
        let first: Vec<f64> = known.copied().take(BEGINNING + 1).collect();
        let first = first.get(..BEGINNING).filter(|_| first.len() > BEGINNING)?;
        Some(mean(first))
    }
}

/// Not a number of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The middle one of finite values; of two, the smaller.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

//! What a comparison comes to, as `eval.json` has it; `docs/evaluation.md` explains every number.

use std::collections::BTreeMap;

use serde::ser::{Error, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::to_raw_value;

use crate::eval::contest::Contest;
use crate::eval::rating::Rating;
use crate::eval::share::{Mean, Paired, Share};
use crate::eval::spread::Spread;
use crate::role::Identity;
use crate::train::rowcount::RowCount;

/// The form of the file.
pub(super) const VERSION: u32 = 2;

/// All results.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) version: u32,
    /// The version of the program.
    pub(super) attune: &'static str,
    pub(super) seed: u64,
    /// Held-out queries.
    pub(super) queries: usize,
    /// How many of them have a reference.
    pub(super) with_reference: usize,
    /// What became of the rows that the queries are made of.
    pub(super) rows: Vec<RowCount>,
    pub(super) task: Identity,
    /// SHA-256 of the model that divergence and perplexity are measured from.
    pub(super) reference_sha256: String,
    pub(super) sampling: Sampling,
    /// The entry that the others are measured against.
    pub(super) against: String,
    pub(super) entries: Vec<EntryReport>,
    /// Each two of the others, query by query.
    pub(super) pairs: Vec<PairReport>,
    pub(super) judges: Vec<JudgeReport>,
}

/// How models answered.
#[derive(Debug, Serialize)]
pub(super) struct Sampling {
    pub(super) temperature: f64,
    pub(super) top_k: i64,
    pub(super) top_p: f64,
    /// Tokens of a response, before the task ends it.
    pub(super) response_len: usize,
}

/// One of those who are compared.
#[derive(Debug, Serialize)]
pub(super) struct EntryReport {
    pub(super) name: String,
    pub(super) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    /// Labels that its reward was learned from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) labels: Option<u64>,
    /// Queries that it answered.
    pub(super) answers: usize,
    /// Queries that it has no answer to.
    pub(super) missing: usize,
    /// Answers without a model that were longer than the task's responses.
    pub(super) cut: usize,
    /// Answers that break the task's rules.
    pub(super) invalid: Option<Share>,
    /// Why, and how many.
    pub(super) invalid_because: BTreeMap<String, usize>,
    /// Answers without a word.
    pub(super) empty: Option<Share>,
    /// Means with intervals, by name.
    pub(super) measures: BTreeMap<String, Mean>,
    /// How some of them are spread over answers, by name.
    pub(super) quantiles: BTreeMap<String, Spread>,
    /// Answers whose longest copied run begins in each tenth of the query; absent where nothing is copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) copied_from_tenths: Option<[usize; 10]>,
    /// The most that the best of several answers can diverge, in nats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kl_bound: Option<f64>,
    /// This entry less the one that all are measured against, over the queries that both answered, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "lines")]
    pub(super) paired: BTreeMap<String, Paired>,
}

impl EntryReport {
    /// How far it is from the reference, in nats: measured, or at most.
    pub(super) fn divergence(&self) -> Option<f64> {
        let measured = self.measures.get("kl").map(|kl| kl.value);
        measured.or(self.kl_bound)
    }
}

/// Two entries of which neither is the one that all are measured against.
#[derive(Debug, Serialize)]
pub(super) struct PairReport {
    pub(super) first: String,
    pub(super) second: String,
    /// The first less the second, over the queries that both answered, by name.
    #[serde(serialize_with = "lines")]
    pub(super) paired: BTreeMap<String, Paired>,
}

/// Writes each test on a line of its own, as there are some forty for each two entries.
fn lines<S: Serializer>(paired: &BTreeMap<String, Paired>, to: S) -> Result<S::Ok, S::Error> {
    let line = |(name, one)| to_raw_value(one).map(|line| (name, line));
    let lines: Result<Vec<_>, serde_json::Error> = paired.iter().map(line).collect();
    to.collect_map(lines.map_err(S::Error::custom)?)
}

/// One of those who judge.
#[derive(Debug, Serialize)]
pub(super) struct JudgeReport {
    pub(super) name: String,
    pub(super) kind: &'static str,
    /// What its word depends on: hashes, settings.
    pub(super) about: Value,
    /// Comparisons on which it failed, which are left out.
    pub(super) failed: usize,
    /// Answers that it failed to score, which are left out as well.
    pub(super) failed_scores: usize,
    /// How often the answer in the first seat was chosen, of all choices between two; a judge without habits has a half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) first_seat: Option<Share>,
    /// Mean scores of answers by themselves; none where the judge gives none.
    pub(super) scores: Vec<Scored>,
    /// Scores of each two of the others, query by query.
    pub(super) score_pairs: Vec<ScorePair>,
    /// Each two entries.
    pub(super) contests: Vec<ContestReport>,
    /// Of three entries or more; none where comparisons do not decide them.
    pub(super) ratings: Vec<Rated>,
}

/// An entry's scores before a judge.
#[derive(Debug, Serialize)]
pub(super) struct Scored {
    pub(super) entry: String,
    pub(super) score: Mean,
    /// How far the entry is from the reference, in nats; absent where no model answered.
    pub(super) kl: Option<f64>,
    /// Whether no other entry has as good a score for as little divergence.
    pub(super) on_frontier: Option<bool>,
    /// The score less that of the entry that all are measured against.
    pub(super) paired: Option<Paired>,
}

/// The scores of two entries of which neither is the one that all are measured against.
#[derive(Debug, Serialize)]
pub(super) struct ScorePair {
    pub(super) first: String,
    pub(super) second: String,
    /// The first less the second.
    #[serde(flatten)]
    pub(super) paired: Paired,
}

/// Two entries before a judge.
#[derive(Debug, Serialize)]
pub(super) struct ContestReport {
    pub(super) first: String,
    pub(super) second: String,
    #[serde(flatten)]
    pub(super) contest: Contest,
}

/// An entry's strength.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Rated {
    pub(super) entry: String,
    #[serde(flatten)]
    pub(super) rating: Rating,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_a_line_and_the_same_numbers() {
        let one = Paired::of(&[0.1, 0.25, 0.7], &[0.3, 0.0, 0.2], 1);
        let pair = PairReport {
            first: "a".to_owned(),
            second: "b".to_owned(),
            paired: [("kl", one), ("words", one)]
                .map(|(name, one)| (name.to_owned(), one))
                .into(),
        };
        let text = serde_json::to_string_pretty(&pair).unwrap();
        assert_eq!(text.lines().count(), 8, "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["paired"]["words"], serde_json::to_value(one).unwrap());
    }
}

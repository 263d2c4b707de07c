//! From answers to an entry's numbers.

use std::collections::BTreeMap;

use super::bench::Bench;
use super::entrants::Entrant;
use super::report::EntryReport;
use crate::eval::diversity::{distinct, self_bleu};
use crate::eval::measures::{PAIRED, of_text};
use crate::eval::share::{Mean, Paired, Share, quantile};
use crate::seed;
use crate::train::answers::Reply;

/// Measures of which the distribution is kept.
const SPREAD: [&str; 4] = ["words", "tokens", "longest_copied_run", "kl"];
/// Where it is looked at.
const PLACES: [f64; 7] = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0];
/// N-grams of which the different ones are counted, up to this.
const DISTINCT: usize = 3;

/// Each measure of each answer, by name: `[queries]`, none where an answer does not have it.
pub(super) type Columns = BTreeMap<String, Vec<Option<f64>>>;

/// All that is measured of single answers.
pub(super) fn columns(bench: &Bench, entrant: &Entrant) -> Columns {
    let mut columns = Columns::new();
    let count = bench.queries.len();
    for (row, (query, reply)) in bench.queries.iter().zip(&entrant.replies).enumerate() {
        let Some(reply) = reply else {
            continue;
        };
        let mut found = of_text(&reply.text, &query.text, &query.reference);
        found.push(("tokens".to_owned(), reply.tokens.len() as f64));
        found.extend(reply.kl.map(|kl| ("kl".to_owned(), kl)));
        let entropy = reply.entropy;
        found.extend(entropy.map(|entropy| ("entropy".to_owned(), entropy)));
        for (name, value) in found {
            columns.entry(name).or_insert_with(|| vec![None; count])[row] = Some(value);
        }
    }
    columns
}

/// An entry's numbers, and how they differ from those of the one that all are measured against.
pub(super) fn report(
    bench: &Bench,
    entrant: &Entrant,
    own: &Columns,
    against: Option<&Columns>,
) -> EntryReport {
    let replies: Vec<&Reply> = entrant.replies.iter().flatten().collect();
    let invalid: Vec<&String> = replies.iter().filter_map(|r| r.invalid.as_ref()).collect();
    let mut invalid_because = BTreeMap::new();
    for reason in &invalid {
        *invalid_because.entry((*reason).clone()).or_default() += 1;
    }
    let seed = |name: &str| seed_of(bench, name);
    let means = own.iter().map(|(name, column)| {
        let values: Vec<f64> = column.iter().flatten().copied().collect();
        (name.clone(), Mean::of(&values, seed(name)))
    });
    let mut measures: BTreeMap<String, Mean> = means.collect();
    of_all(&replies, seed("self_bleu"), &mut measures);
    let spread = SPREAD.iter().filter_map(|name| {
        let mut sorted: Vec<f64> = own.get(*name)?.iter().flatten().copied().collect();
        sorted.sort_by(f64::total_cmp);
        Some(((*name).to_owned(), PLACES.map(|at| quantile(&sorted, at))))
    });
    let paired = PAIRED.iter().filter_map(|name| {
        let (own, other) = (own.get(*name)?, against?.get(*name)?);
        let paired = differences(own, other, seed(name))?;
        Some(((*name).to_owned(), paired))
    });
    EntryReport {
        name: entrant.name.clone(),
        kind: entrant.kind.clone(),
        sha256: entrant.sha256.clone(),
        labels: entrant.labels,
        answers: replies.len(),
        missing: entrant.replies.len() - replies.len(),
        cut: replies.iter().filter(|reply| reply.cut).count(),
        invalid: (!replies.is_empty()).then(|| Share::of(invalid.len() as f64, replies.len())),
        invalid_because,
        measures,
        quantiles: spread.collect(),
        kl_bound: entrant.kl_bound,
        paired: paired.collect(),
    }
}

/// The seed of an interval: the same for all entries, and another for each measure.
pub(super) fn seed_of(bench: &Bench, name: &str) -> u64 {
    seed::derive(bench.config.run.seed, &format!("interval {name}"), 0)
}

/// Two columns where both have values; none where there is no such place.
pub(super) fn differences(own: &[Option<f64>], other: &[Option<f64>], seed: u64) -> Option<Paired> {
    let both = own
        .iter()
        .zip(other)
        .filter_map(|(a, b)| Some(((*a)?, (*b)?)));
    let (own, other): (Vec<f64>, Vec<f64>) = both.unzip();
    (!own.is_empty()).then(|| Paired::of(&own, &other, seed))
}

/// What is measured of all answers together.
fn of_all(replies: &[&Reply], seed: u64, measures: &mut BTreeMap<String, Mean>) {
    let texts: Vec<&str> = replies.iter().map(|reply| reply.text.as_str()).collect();
    for n in 1..=DISTINCT {
        let found = distinct(&texts, n);
        measures.extend(found.map(|found| (format!("distinct_{n}"), found)));
    }
    let alike = self_bleu(&texts);
    if !alike.is_empty() {
        measures.insert("self_bleu".to_owned(), Mean::of(&alike, seed));
    }
    measures.extend(perplexity(replies).map(|found| ("ref_perplexity".to_owned(), found)));
}

/// `exp` of the mean negative log-likelihood of a token under the reference, with the jackknife's interval over answers.
fn perplexity(replies: &[&Reply]) -> Option<Mean> {
    let said = replies
        .iter()
        .filter_map(|reply| Some((reply.nll?, reply.tokens.len() as f64)));
    let each: Vec<(f64, f64)> = said.collect();
    let sum = |of: fn(&(f64, f64)) -> f64| each.iter().map(of).sum::<f64>();
    let (nll, tokens) = (sum(|one| one.0), sum(|one| one.1));
    if each.len() < 2 {
        return None;
    }
    let without = each
        .iter()
        .map(|(own, len)| ((nll - own) / (tokens - len)).exp());
    let without: Vec<f64> = without.collect();
    Some(Mean::by_jackknife((nll / tokens).exp(), &without))
}

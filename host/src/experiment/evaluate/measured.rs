//! From answers to an entry's numbers.

use std::collections::BTreeMap;

use super::bench::Bench;
use super::entrants::Entrant;
use super::report::{EntryReport, PairReport};
use crate::eval::diversity::{distinct, self_bleu};
use crate::eval::measures::of_text;
use crate::eval::share::{Mean, Paired, Share};
use crate::eval::spread::{Spread, tenths};
use crate::seed;
use crate::train::answers::Reply;

/// Measures of which the distribution is kept.
const SPREAD: [&str; 5] = ["words", "tokens", "longest_copied_run", "copied_from", "kl"];
/// Measures that are yes or no: what they come to is a share, and no mean.
const SHARES: [&str; 2] = ["empty", "invalid"];
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
        let is_invalid = f64::from(u8::from(reply.invalid.is_some()));
        found.push(("invalid".to_owned(), is_invalid));
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
    let mut invalid_because = BTreeMap::new();
    for reason in replies.iter().filter_map(|reply| reply.invalid.clone()) {
        *invalid_because.entry(reason).or_default() += 1;
    }
    let spread = SPREAD.iter().filter_map(|name| {
        let spread = Spread::of(&values(own, name))?;
        Some(((*name).to_owned(), spread))
    });
    EntryReport {
        name: entrant.name.clone(),
        kind: entrant.kind.clone(),
        sha256: entrant.sha256.clone(),
        labels: entrant.labels,
        answers: replies.len(),
        missing: entrant.replies.len() - replies.len(),
        cut: replies.iter().filter(|reply| reply.cut).count(),
        invalid: share(own, "invalid"),
        invalid_because,
        empty: share(own, "empty"),
        measures: means(bench, &replies, own),
        quantiles: spread.collect(),
        copied_from_tenths: tenths(&values(own, "copied_from")),
        kl_bound: entrant.kl_bound,
        paired: against.map_or_else(BTreeMap::new, |other| paired(bench, own, other)),
    }
}

/// How each two entries differ of which neither is the one that all are measured against.
pub(super) fn pairs(bench: &Bench, entrants: &[Entrant], columns: &[Columns]) -> Vec<PairReport> {
    let pair = |[first, second]: [usize; 2]| PairReport {
        first: entrants[first].name.clone(),
        second: entrants[second].name.clone(),
        paired: paired(bench, &columns[first], &columns[second]),
    };
    others(bench).into_iter().map(pair).collect()
}

/// Each two entries of which neither is the one that all are measured against, by their numbers.
pub(super) fn others(bench: &Bench) -> Vec<[usize; 2]> {
    let (count, against) = (bench.compare.entry.len(), bench.compare.baseline());
    let all = (0..count).flat_map(|second| (0..second).map(move |first| [first, second]));
    all.filter(|pair| !pair.contains(&against)).collect()
}

/// The values of a measure, of the answers that have it.
fn values(own: &Columns, name: &str) -> Vec<f64> {
    own.get(name)
        .into_iter()
        .flatten()
        .flatten()
        .copied()
        .collect()
}

/// How often a measure that is yes or no is yes.
fn share(own: &Columns, name: &str) -> Option<Share> {
    let values = values(own, name);
    (!values.is_empty()).then(|| Share::of(values.iter().sum(), values.len()))
}

/// All means, and what is measured of all answers together.
fn means(bench: &Bench, replies: &[&Reply], own: &Columns) -> BTreeMap<String, Mean> {
    let names = own.keys().filter(|name| !SHARES.contains(&name.as_str()));
    let means = names.map(|name| {
        let mean = Mean::of(&values(own, name), seed_of(bench, name));
        (name.clone(), mean)
    });
    let mut measures: BTreeMap<String, Mean> = means.collect();
    of_all(replies, seed_of(bench, "self_bleu"), &mut measures);
    measures
}

/// By each measure that both have how one entry's answers differ from another's, over the queries that both answered.
fn paired(bench: &Bench, own: &Columns, other: &Columns) -> BTreeMap<String, Paired> {
    let each = own.iter().filter_map(|(name, column)| {
        let found = differences(column, other.get(name)?, seed_of(bench, name))?;
        Some((name.clone(), found))
    });
    each.collect()
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

//! What a set of labels is like, before anything is learned from it: who said what, whether judges
//! agree, and whether they look at the place or the length of a response instead of its words.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{Answer, Comparison, Label, Labeler, Passage};
use crate::digest;

/// Counts and measures of labels.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stats {
    /// All labels.
    pub labels: usize,
    /// Different comparisons among them.
    pub comparisons: usize,
    /// Labels of each kind; a choice is named with the number of its responses.
    pub kinds: BTreeMap<String, usize>,
    /// Labels of each judge.
    pub labelers: BTreeMap<String, usize>,
    /// For each number of responses, how often each place was the best.
    pub places: BTreeMap<usize, Vec<usize>>,
    /// Choices in which one response is longer than all others: how often it was the best, and how
    /// many there are.
    pub longest: (usize, usize),
    /// What `longest` would be if judges did not care: the sum of one over the number of responses.
    pub longest_by_chance: f64,
    /// Labels that say once more what the same judge said of the same comparison.
    pub duplicates: usize,
    /// Comparisons of which one judge has said different things.
    pub contradictions: usize,
    /// Comparisons that several judges chose the best of.
    pub shared: usize,
    /// Krippendorff's alpha of those choices: 1 is agreement, 0 is chance; absent when it has no
    /// meaning.
    pub alpha: Option<f64>,
    /// Labels a minute, from the first to the last whose time is known.
    pub per_minute: Option<f64>,
}

impl Stats {
    /// Of all of `labels`.
    pub fn of(labels: &[Label]) -> Stats {
        let mut stats = Stats {
            labels: labels.len(),
            per_minute: rate(labels),
            ..Stats::default()
        };
        let mut judged: HashMap<String, Vec<&Label>> = HashMap::new();
        for label in labels {
            *stats.kinds.entry(kind(label)).or_default() += 1;
            *stats.labelers.entry(name(&label.labeler)).or_default() += 1;
            if let Answer::Best(place) = label.answer {
                stats.choice(&label.comparison, place);
            }
            let key = serde_json::to_vec(&label.comparison).unwrap_or_default();
            judged
                .entry(digest::of_bytes(&key))
                .or_default()
                .push(label);
        }
        stats.comparisons = judged.len();
        let mut units = Vec::new();
        for labels in judged.values() {
            stats.repeated(labels);
            let choices = first_choices(labels);
            if choices.len() > 1 {
                units.push(choices);
            }
        }
        stats.shared = units.len();
        stats.alpha = alpha(&units);
        stats
    }

    fn choice(&mut self, comparison: &Comparison, best: usize) {
        let count = comparison.responses.len();
        let places = self.places.entry(count).or_insert_with(|| vec![0; count]);
        places[best] += 1;
        let lengths: Vec<usize> = comparison.responses.iter().map(length).collect();
        let most = lengths.iter().max();
        if lengths.iter().filter(|len| Some(*len) == most).count() == 1 {
            self.longest.0 += usize::from(Some(&lengths[best]) == most);
            self.longest.1 += 1;
            self.longest_by_chance += 1.0 / count as f64;
        }
    }

    /// `labels` are all of one comparison.
    fn repeated(&mut self, labels: &[&Label]) {
        let mut by_judge: HashMap<&Labeler, Vec<&Answer>> = HashMap::new();
        for label in labels {
            by_judge
                .entry(&label.labeler)
                .or_default()
                .push(&label.answer);
        }
        // Who is not known cannot be told from others who are not known.
        by_judge.remove(&Labeler::Unknown);
        let mut differs = false;
        for answers in by_judge.values() {
            for (at, answer) in answers.iter().enumerate() {
                if answers[..at].contains(answer) {
                    self.duplicates += 1;
                } else {
                    differs |= at > 0;
                }
            }
        }
        self.contradictions += usize::from(differs);
    }
}

fn kind(label: &Label) -> String {
    let count = label.comparison.responses.len();
    match label.answer {
        Answer::Best(_) => format!("best of {count}"),
        Answer::Tie(_) => "tie".to_owned(),
        Answer::Difference(_) => "difference".to_owned(),
        Answer::Rating(_) => "rating".to_owned(),
        Answer::Abstain => "abstain".to_owned(),
        Answer::Skip => "skip".to_owned(),
    }
}

/// How a judge is called.
pub fn name(labeler: &Labeler) -> String {
    match labeler {
        Labeler::Person(name) => name.clone(),
        Labeler::Plugin { name, version, .. } => format!("{name} {version} (plugin)"),
        Labeler::Unknown => "unknown".to_owned(),
    }
}

fn length(passage: &Passage) -> usize {
    match (&passage.text, &passage.tokens) {
        (Some(text), _) => text.chars().count(),
        (None, Some(tokens)) => tokens.len(),
        (None, None) => 0,
    }
}

fn rate(labels: &[Label]) -> Option<f64> {
    let times: Vec<i64> = labels.iter().filter_map(|label| label.time).collect();
    let (first, last) = (times.iter().min()?, times.iter().max()?);
    let minutes = (last - first) as f64 / 60_000.0;
    (minutes > 0.0).then(|| (times.len() - 1) as f64 / minutes)
}

/// The place that each judge, but for the unknown ones, chose first.
fn first_choices(labels: &[&Label]) -> Vec<usize> {
    let mut seen = std::collections::HashSet::new();
    let mut choices = Vec::new();
    for label in labels {
        if let Answer::Best(place) = label.answer
            && label.labeler != Labeler::Unknown
            && seen.insert(&label.labeler)
        {
            choices.push(place);
        }
    }
    choices
}

/// Krippendorff's alpha for nominal values; `units`: the values that two or more judges gave each
/// thing. None when all values are the same, or there are none.
pub fn alpha(units: &[Vec<usize>]) -> Option<f64> {
    let mut totals: BTreeMap<usize, f64> = BTreeMap::new();
    let mut observed = 0.0;
    for unit in units {
        let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
        for value in unit {
            *counts.entry(*value).or_default() += 1.0;
            *totals.entry(*value).or_default() += 1.0;
        }
        let count = unit.len() as f64;
        // Ordered pairs of different values, each unit weighing as many as it has values.
        let pairs: f64 = counts.values().map(|here| here * (count - here)).sum();
        observed += pairs / (count - 1.0);
    }
    let all: f64 = totals.values().sum();
    let expected: f64 = totals.values().map(|here| here * (all - here)).sum();
    (expected > 0.0).then(|| 1.0 - observed * (all - 1.0) / expected)
}

#[cfg(test)]
mod tests;

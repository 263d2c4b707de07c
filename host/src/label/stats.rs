//! What a set of labels is like, before anything is learned from it: who said what, whether judges
//! agree, and whether they look at the place or the length of a response instead of its words.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Answer, Comparison, Label, Labeler, Passage};

mod agreement;
mod chance;
mod unit;

pub use agreement::{Agreement, Shared, alpha};

/// Counts and measures of labels. A choice is a label that puts one response before all others.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stats {
    /// All labels.
    pub labels: usize,
    /// Different comparisons among them: other queries or other responses, in whatever order.
    pub comparisons: usize,
    /// Those of them in which two responses are the same, between which no judge can choose.
    pub identical: usize,
    /// Labels whose judge has changed the answer since, of which only the latest counts.
    pub corrected: usize,
    /// Labels of each kind; the best of several is named with the number of its responses.
    pub kinds: BTreeMap<String, usize>,
    /// Labels of each judge, by kind.
    pub labelers: BTreeMap<String, BTreeMap<String, usize>>,
    /// For each number of responses, which place was the first choice.
    pub places: BTreeMap<usize, Places>,
    /// Whether the longest response is the first choice.
    pub longest: Longest,
    /// Labels that say once more what the same judge said of the same comparison.
    pub duplicates: usize,
    /// Comparisons of which one judge has said different things.
    pub contradictions: usize,
    /// Comparisons of which several judges chose the best.
    pub shared: usize,
    /// [`alpha`] of those choices: 1 is agreement, 0 is chance; absent when there are none.
    pub alpha: Option<f64>,
    /// How often two judges chose the same, for all who share comparisons.
    pub agreement: Vec<Agreement>,
    /// The same, of people with people, people with plugins, and plugins with plugins.
    pub agreement_by_kind: Vec<Agreement>,
    /// Labels a minute, from the first to the last whose time is known.
    pub per_minute: Option<f64>,
}

/// How often each place was the first choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Places {
    /// For each place, how often.
    pub counts: Vec<usize>,
    /// How far that is from all places alike.
    pub chi_square: f64,
    /// How often chance alone would bring as much.
    pub p: f64,
}

/// Choices in which one response is longer than all others.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Longest {
    /// How often it was the first choice.
    pub first: usize,
    /// How many there are.
    pub of: usize,
    /// What `first` would be if judges did not care: the sum of one over the number of responses.
    pub by_chance: f64,
    /// The standard deviation of `first` if judges did not care.
    pub deviation: f64,
}

impl Stats {
    /// Of all of `labels`. Neither their order nor, but for `places`, that of the responses that each judge saw
    /// makes a difference.
    pub fn of(labels: &[Label]) -> Stats {
        let mut stats = Stats {
            labels: labels.len(),
            per_minute: rate(labels),
            ..Stats::default()
        };
        let mut sizes = BTreeMap::new();
        for label in labels {
            let kind = kind(label);
            let of_judge = stats.labelers.entry(name(&label.labeler)).or_default();
            *of_judge.entry(kind.clone()).or_default() += 1;
            *stats.kinds.entry(kind).or_default() += 1;
            if let Some(place) = label.answer.first() {
                stats.choice(&label.comparison, place, &mut sizes);
            }
        }
        for places in stats.places.values_mut() {
            (places.chi_square, places.p) = chance::uniform(&places.counts);
        }
        stats.longest.expect(&sizes);
        let units = unit::units(labels);
        stats.comparisons = units.len();
        for unit in &units {
            let (again, differs) = unit.repeated();
            stats.duplicates += again;
            stats.contradictions += usize::from(differs);
            stats.identical += usize::from(unit.has_twins());
        }
        stats.agree(&units);
        stats
    }

    /// `sizes` counts, by the number of responses, the choices in which one is longer than all others.
    fn choice(
        &mut self,
        comparison: &Comparison,
        first: usize,
        sizes: &mut BTreeMap<usize, usize>,
    ) {
        let count = comparison.responses.len();
        let places = self.places.entry(count).or_default();
        places.counts.resize(count, 0);
        places.counts[first] += 1;
        let lengths: Vec<usize> = comparison.responses.iter().map(length).collect();
        let most = lengths.iter().max();
        if lengths.iter().filter(|len| Some(*len) == most).count() == 1 {
            self.longest.first += usize::from(Some(&lengths[first]) == most);
            self.longest.of += 1;
            *sizes.entry(count).or_default() += 1;
        }
    }

    fn agree(&mut self, units: &[unit::Unit<'_>]) {
        let choices: Vec<_> = units.iter().map(unit::Unit::choices).collect();
        let shared = choices.iter().zip(units).filter(|(all, _)| all.len() > 1);
        let shared: Vec<Shared> = shared
            .map(|(all, unit)| Shared {
                values: all.iter().map(|(_, response)| *response).collect(),
                by_chance: unit.by_chance(),
            })
            .collect();
        self.shared = shared.len();
        self.alpha = alpha(&shared);
        self.agreement = agreement::between(&choices, |judge| judge, name);
        self.agreement_by_kind =
            agreement::between(&choices, std::mem::discriminant, |judge| match judge {
                Labeler::Person(_) => "people".to_owned(),
                Labeler::Plugin { .. } => "plugins".to_owned(),
                Labeler::Unknown => "unknown".to_owned(),
            });
    }
}

impl Longest {
    /// What chance would bring, of so many choices among so many responses.
    fn expect(&mut self, sizes: &BTreeMap<usize, usize>) {
        let mut variance = 0.0;
        for (&count, &choices) in sizes {
            let (share, choices) = (1.0 / count as f64, choices as f64);
            self.by_chance += choices * share;
            variance += choices * share * (1.0 - share);
        }
        self.deviation = variance.sqrt();
    }
}

fn kind(label: &Label) -> String {
    let count = label.comparison.responses.len();
    match label.answer {
        Answer::Best(_) => format!("best of {count}"),
        Answer::Tie(_) => "tie".to_owned(),
        Answer::Ranking(_) => format!("ranking of {count}"),
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

#[cfg(test)]
mod tests;

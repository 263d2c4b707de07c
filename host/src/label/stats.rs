//! What a set of labels is like, before anything is learned from it: who said what, whether judges
//! agree, and whether they look at the place or the length of a response instead of its words.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{Answer, Comparison, Label, Labeler, Passage};
use crate::digest;

mod agreement;
mod chance;

pub use agreement::{Agreement, alpha};

/// Counts and measures of labels. A choice is a label that puts one response before all others.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stats {
    /// All labels.
    pub labels: usize,
    /// Different comparisons among them.
    pub comparisons: usize,
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
    /// Krippendorff's alpha of those choices: 1 is agreement, 0 is chance; absent when it has no
    /// meaning.
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
    /// Of all of `labels`.
    pub fn of(labels: &[Label]) -> Stats {
        let mut stats = Stats {
            labels: labels.len(),
            per_minute: rate(labels),
            ..Stats::default()
        };
        let mut judged: HashMap<String, Vec<&Label>> = HashMap::new();
        for label in labels {
            let kind = kind(label);
            let of_judge = stats.labelers.entry(name(&label.labeler)).or_default();
            *of_judge.entry(kind.clone()).or_default() += 1;
            *stats.kinds.entry(kind).or_default() += 1;
            if let Some(place) = label.answer.first() {
                stats.choice(&label.comparison, place);
            }
            let key = serde_json::to_vec(&label.comparison).unwrap_or_default();
            judged
                .entry(digest::of_bytes(&key))
                .or_default()
                .push(label);
        }
        stats.comparisons = judged.len();
        for labels in judged.values() {
            stats.repeated(labels);
        }
        for places in stats.places.values_mut() {
            (places.chi_square, places.p) = chance::uniform(&places.counts);
        }
        stats.longest.deviation = stats.longest.deviation.sqrt();
        let choices: Vec<_> = judged.values().map(|labels| choices(labels)).collect();
        stats.agree(&choices);
        stats
    }

    fn choice(&mut self, comparison: &Comparison, first: usize) {
        let count = comparison.responses.len();
        let places = self.places.entry(count).or_default();
        places.counts.resize(count, 0);
        places.counts[first] += 1;
        let lengths: Vec<usize> = comparison.responses.iter().map(length).collect();
        let most = lengths.iter().max();
        if lengths.iter().filter(|len| Some(*len) == most).count() == 1 {
            let by_chance = 1.0 / count as f64;
            self.longest.first += usize::from(Some(&lengths[first]) == most);
            self.longest.of += 1;
            self.longest.by_chance += by_chance;
            // The variance, until all are known.
            self.longest.deviation += by_chance * (1.0 - by_chance);
        }
    }

    /// `labels` are all of one comparison.
    fn repeated(&mut self, labels: &[&Label]) {
        let mut by_judge: HashMap<&Labeler, Vec<Answer>> = HashMap::new();
        for label in labels {
            by_judge
                .entry(&label.labeler)
                .or_default()
                .push(sorted(&label.answer));
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

    /// `choices` are those of each comparison.
    fn agree(&mut self, choices: &[Vec<(&Labeler, usize)>]) {
        let shared = choices.iter().filter(|choices| choices.len() > 1);
        let places = |choices: &Vec<(&Labeler, usize)>| choices.iter().map(|(_, p)| *p).collect();
        let units: Vec<Vec<usize>> = shared.map(places).collect();
        self.shared = units.len();
        self.alpha = alpha(&units);
        self.agreement = agreement::between(choices, |judge| judge, name);
        self.agreement_by_kind =
            agreement::between(choices, std::mem::discriminant, |judge| match judge {
                Labeler::Person(_) => "people".to_owned(),
                Labeler::Plugin { .. } => "plugins".to_owned(),
                Labeler::Unknown => "unknown".to_owned(),
            });
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

/// The answer, with places in order where their order says nothing.
fn sorted(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    match &mut answer {
        Answer::Tie(places) => places.sort_unstable(),
        Answer::Ranking(groups) => groups.iter_mut().for_each(|group| group.sort_unstable()),
        Answer::Best(_)
        | Answer::Difference(_)
        | Answer::Rating(_)
        | Answer::Abstain
        | Answer::Skip => {}
    }
    answer
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

/// The place that each judge, but for the unknown ones, chose first; what was said later is a change
/// of mind, which `contradictions` counts.
fn choices<'a>(labels: &[&'a Label]) -> Vec<(&'a Labeler, usize)> {
    let mut seen = std::collections::HashSet::new();
    let mut choices = Vec::new();
    for label in labels {
        if let Some(place) = label.answer.first()
            && label.labeler != Labeler::Unknown
            && seen.insert(&label.labeler)
        {
            choices.push((&label.labeler, place));
        }
    }
    choices
}

#[cfg(test)]
mod tests;

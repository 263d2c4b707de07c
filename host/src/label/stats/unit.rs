//! What was judged, in whatever order a judge saw it. Judges who saw the same responses in different orders saw
//! the same comparison; a place means nothing until it is known which response stood there.

use std::collections::{BTreeMap, HashMap};

use crate::digest;
use crate::label::{Answer, Comparison, Label, Labeler, Passage};

/// All labels of one query with the same responses.
pub(super) struct Unit<'a> {
    /// How often each of the different responses is among them.
    copies: Vec<usize>,
    /// What each judge said of the different responses, by their numbers.
    said: Vec<(&'a Labeler, Answer)>,
}

/// The labels of each comparison; in an order that depends on what is compared alone.
pub(super) fn units(labels: &[Label]) -> Vec<Unit<'_>> {
    let mut units: BTreeMap<String, Unit<'_>> = BTreeMap::new();
    for label in labels {
        let (key, numbers) = seen(&label.comparison);
        let unit = units.entry(key).or_insert_with(|| {
            let different = numbers.iter().max().map_or(0, |most| most + 1);
            let mut copies = vec![0; different];
            numbers.iter().for_each(|number| copies[*number] += 1);
            Unit {
                copies,
                said: Vec::new(),
            }
        });
        let said = of_responses(&label.answer, &numbers);
        unit.said.push((&label.labeler, said));
    }
    units.into_values().collect()
}

/// What is compared, and for each place the number of the response that stands there: different responses are
/// numbered in an order of their own. People see texts, whatever their token ids.
fn seen(comparison: &Comparison) -> (String, Vec<usize>) {
    let texts = comparison.has_texts();
    let seen = |passage: &Passage| {
        let bytes = match texts {
            true => serde_json::to_vec(&passage.text),
            false => serde_json::to_vec(&passage.tokens),
        };
        digest::of_bytes(&bytes.unwrap_or_default())
    };
    let responses: Vec<String> = comparison.responses.iter().map(seen).collect();
    let mut sorted = responses.clone();
    sorted.sort_unstable();
    let key = format!("{} {}", seen(&comparison.query), sorted.join(" "));
    sorted.dedup();
    let number = |response| sorted.partition_point(|other| other < response);
    (key, responses.iter().map(number).collect())
}

/// The answer by the numbers of responses instead of their places, in order where order says nothing.
fn of_responses(answer: &Answer, numbers: &[usize]) -> Answer {
    let group = |places: &[usize]| {
        let mut group: Vec<usize> = places.iter().map(|place| numbers[*place]).collect();
        group.sort_unstable();
        group
    };
    match answer {
        Answer::Best(place) => Answer::Best(numbers[*place]),
        Answer::Tie(places) => Answer::Tie(group(places)),
        Answer::Ranking(groups) => Answer::Ranking(groups.iter().map(|g| group(g)).collect()),
        // Which of two that are the same is worth more says nothing.
        Answer::Difference(value) if numbers[0] == numbers[1] => Answer::Difference(value.abs()),
        Answer::Difference(value) if numbers[0] > numbers[1] => Answer::Difference(-value),
        Answer::Difference(_) | Answer::Rating(_) | Answer::Abstain | Answer::Skip => {
            answer.clone()
        }
    }
}

impl<'a> Unit<'a> {
    /// Labels that say once more what their judge said, and whether a judge said different things. Who is not
    /// known cannot be told from others who are not known.
    pub(super) fn repeated(&self) -> (usize, bool) {
        let mut by_judge: HashMap<&Labeler, Vec<&Answer>> = HashMap::new();
        let known = self.said.iter().filter(|(by, _)| **by != Labeler::Unknown);
        let (mut again, mut differs) = (0, false);
        for (by, answer) in known {
            let before = by_judge.entry(by).or_default();
            if before.contains(&answer) {
                again += 1;
            } else {
                differs |= !before.is_empty();
                before.push(answer);
            }
        }
        (again, differs)
    }

    /// The response that each known judge put first, most often where it was asked several times. Who chose
    /// two as often has chosen none.
    pub(super) fn choices(&self) -> Vec<(&'a Labeler, usize)> {
        let mut by_judge: HashMap<&Labeler, BTreeMap<usize, usize>> = HashMap::new();
        for (by, answer) in &self.said {
            if let Some(first) = answer.first()
                && **by != Labeler::Unknown
            {
                *by_judge.entry(by).or_default().entry(first).or_default() += 1;
            }
        }
        let chosen = by_judge.into_iter().filter_map(|(by, counts)| {
            let most = *counts.values().max()?;
            let mut firsts = counts.into_iter().filter(|(_, count)| *count == most);
            let (first, _) = firsts.next()?;
            firsts.next().is_none().then_some((by, first))
        });
        chosen.collect()
    }

    /// Whether two of the responses are the same.
    pub(super) fn has_twins(&self) -> bool {
        self.copies.iter().any(|count| *count > 1)
    }

    /// How often two who look at nothing choose alike.
    pub(super) fn by_chance(&self) -> f64 {
        let all: usize = self.copies.iter().sum();
        let share = |copies: &usize| (*copies as f64 / all as f64).powi(2);
        self.copies.iter().map(share).sum()
    }
}

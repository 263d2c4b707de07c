//! Whether judges who saw the same chose the same.

use std::collections::BTreeMap;
use std::hash::Hash;

use serde::Serialize;

use crate::label::Labeler;

/// How often two judges, or judges of two kinds, chose the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// What both are called.
    pub labelers: [String; 2],
    /// Comparisons of which both chose the best; of kinds, the pairs of judges who did.
    pub shared: usize,
    /// Those of which they chose the same.
    pub same: usize,
    /// `same` as a share of `shared`.
    pub share: f64,
    /// The standard error of `share`, when comparisons are independent.
    pub standard_error: f64,
}

/// Agreement of all pairs of judges, or of kinds of judges, that `key` tells apart; the pairs that share
/// most come first. `choices` are those of each comparison, of different judges: which response each put first.
pub(super) fn between<'a, K: Eq + Hash + 'a>(
    choices: &[Vec<(&'a Labeler, usize)>],
    key: impl Fn(&'a Labeler) -> K,
    name: impl Fn(&Labeler) -> String,
) -> Vec<Agreement> {
    // Numbered as they come, so that a pair has one order.
    let mut numbers = std::collections::HashMap::new();
    let mut names = Vec::new();
    let mut pairs: BTreeMap<[usize; 2], [usize; 2]> = BTreeMap::new();
    for choices in choices {
        let mut numbered = Vec::new();
        for (judge, place) in choices {
            let number = *numbers.entry(key(judge)).or_insert_with(|| {
                names.push(name(judge));
                names.len() - 1
            });
            for (other, its) in &numbered {
                let pair = [number.min(*other), number.max(*other)];
                let [shared, same] = pairs.entry(pair).or_default();
                *shared += 1;
                *same += usize::from(place == *its);
            }
            numbered.push((number, place));
        }
    }
    let mut all: Vec<Agreement> = pairs
        .into_iter()
        .map(|([one, other], [shared, same])| {
            let mut labelers = [names[one].clone(), names[other].clone()];
            labelers.sort();
            let share = same as f64 / shared as f64;
            Agreement {
                labelers,
                shared,
                same,
                share,
                standard_error: (share * (1.0 - share) / shared as f64).sqrt(),
            }
        })
        .collect();
    all.sort_by(|a, b| {
        let order = (b.shared, &a.labelers).cmp(&(a.shared, &b.labelers));
        order.then(b.same.cmp(&a.same))
    });
    all
}

/// What two or more judges chose of one comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Shared {
    /// The choice of each judge.
    pub values: Vec<usize>,
    /// How often two who look at nothing choose alike: of n different responses, once in n.
    pub by_chance: f64,
}

/// Krippendorff's alpha for nominal values, as if each comparison had been entered in every order of its
/// responses. He counts how often each value is given to know what chance brings; but a place means nothing from
/// one comparison to the next, and after all orders each is as frequent, so that chance is known. None without
/// comparisons that differ in their responses.
pub fn alpha(shared: &[Shared]) -> Option<f64> {
    let (mut observed, mut expected) = (0.0, 0.0);
    for Shared { values, by_chance } in shared {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        values
            .iter()
            .for_each(|value| *counts.entry(*value).or_default() += 1);
        let count = values.len();
        // Ordered pairs of different values, each comparison weighing as many as it has values.
        let pairs: usize = counts.values().map(|here| here * (count - here)).sum();
        observed += pairs as f64 / (count - 1) as f64;
        expected += count as f64 * (1.0 - by_chance);
    }
    (expected > 0.0).then(|| 1.0 - observed / expected)
}

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
/// most come first. `choices` are those of each comparison, of different judges.
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
    all.sort_by(|a, b| (b.shared, &a.labelers).cmp(&(a.shared, &b.labelers)));
    all
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

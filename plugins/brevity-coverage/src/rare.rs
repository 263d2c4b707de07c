//! The rare words of a text: those that common English does not have, heavier the longer they are
//! and the more often the text has them.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use wording::{Word, content, forms, words};

static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common.txt").split_whitespace().collect());

/// A rare word and what it weighs.
#[derive(Debug, PartialEq)]
pub(crate) struct Rare {
    key: String,
    weight: f32,
}

/// The heaviest `most` rare words of `text`; of equal ones those that stand first.
pub(crate) fn heaviest(text: &str, most: usize) -> Vec<Rare> {
    let words = words(text);
    let mut counts = HashMap::new();
    for word in &words {
        *counts.entry(word.key()).or_insert(0_u32) += 1;
    }
    let mut keys = content(&words);
    keys.retain(|key| is_rare(key));
    let weighed = |key: &str| Rare {
        weight: (counts[key] as f32).sqrt() * length(key),
        key: key.to_owned(),
    };
    let mut rare: Vec<Rare> = keys.into_iter().map(weighed).collect();
    rare.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    rare.truncate(most);
    rare
}

/// The share of the weight of `rare` whose words stand in `said`; 0 where there is none.
pub(crate) fn coverage(rare: &[Rare], said: &[Word]) -> f32 {
    let said: HashSet<&str> = said.iter().map(Word::key).collect();
    let (mut covered, mut all) = (0.0, 0.0);
    for word in rare {
        all += word.weight;
        let is_covered = said.contains(word.key.as_str());
        covered += if is_covered { word.weight } else { 0.0 };
    }
    if all > 0.0 { covered / all } else { 0.0 }
}

fn is_rare(key: &str) -> bool {
    key.chars().count() >= 3 && !forms(key).iter().any(|form| COMMON.contains(form.as_str()))
}

/// What its length says of how seldom a word is: common ones are short, and numbers weigh as little.
fn length(key: &str) -> f32 {
    match key.chars().any(char::is_numeric) {
        true => 4.0,
        false => key.chars().count().clamp(4, 12) as f32,
    }
}

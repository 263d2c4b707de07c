//! Human preferences: draws comparisons of four snippets and labels each by what people said of them.
//!
//! Of each snippet in a comparison one rating is held out. The label is the snippet with the highest mean of the
//! ratings that remain; the held-out ones alone make a second answer, by which people themselves are measured.
//! It knows the lines that labels travel in; it knows nothing about files or where ratings come from.

use std::collections::HashSet;
use std::fmt;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::ratings::Rated;
use super::snippets::{Snippet, hash};

/// The files of labels, in the order of [`Preferences::files`].
pub(super) const FILES: [&str; 4] = [
    "human.train.jsonl",
    "human.validation.jsonl",
    "human.test.jsonl",
    "human.test.rater.jsonl",
];

const TRAIN: usize = 4096;
const VALIDATION: usize = 512;
const TEST: usize = 2048;

/// Labels of all splits.
pub(super) struct Preferences {
    /// For each of [`FILES`], its lines.
    pub(super) files: [Vec<String>; 4],
    /// The held-out rater's agreement with the labels of the test split.
    pub(super) agreement: Agreement,
}

/// How often one person says what the mean of the others says, as a share from 0 to 1.
#[derive(Debug, PartialEq)]
pub(super) struct Agreement {
    /// About the best of four; a tie counts as a guess among its places.
    best: f64,
    /// About the better of two, in every pair whose means differ; a tie counts as half.
    pairs: f64,
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "a held-out rater agrees with {:.1} % of the test labels, in {:.1} % of their pairs",
            100.0 * self.best,
            100.0 * self.pairs
        )
    }
}

/// Draws the labels of all splits.
pub(super) fn draw(rated: &[Rated]) -> Result<Preferences> {
    let [test, validation, train] = split(rated);
    let train = comparisons(&train, "human.train", TRAIN)?;
    let validation = comparisons(&validation, "human.validation", VALIDATION)?;
    let test = comparisons(&test, "human.test", TEST)?;
    Ok(Preferences {
        files: [
            lines(&train, |drawn| best(&drawn.means), "raters"),
            lines(&validation, |drawn| best(&drawn.means), "raters"),
            lines(&test, |drawn| best(&drawn.means), "raters"),
            lines(&test, |drawn| ranking(&drawn.held_out), "held-out rater"),
        ],
        agreement: agreement(&test),
    })
}

/// Test, validation and train, which share neither a snippet nor a text: the few texts that the table has twice
/// stay in the first of them alone.
fn split<'r, 's>(rated: &'r [Rated<'s>]) -> [Vec<&'r Rated<'s>>; 3] {
    let is_train = |snippet: &Snippet| !snippet.is_test() && !snippet.is_validation();
    let parts: [&dyn Fn(&Snippet) -> bool; 3] =
        [&Snippet::is_test, &Snippet::is_validation, &is_train];
    let mut texts = HashSet::new();
    parts.map(|is_part| {
        let part = rated.iter().filter(|rated| is_part(rated.snippet));
        part.filter(|rated| texts.insert(rated.snippet.text()))
            .collect()
    })
}

/// One comparison, before anyone has answered it.
struct Drawn<'a> {
    /// In the order in which they are shown.
    responses: [&'a Snippet; 4],
    /// Each one's mean rating without the held-out one. Equal means are equal numbers: a division is rounded
    /// correctly, and different fractions of so few ratings are far apart.
    means: [f64; 4],
    /// Each one's held-out rating.
    held_out: [f64; 4],
}

/// Draws comparisons with a unique best. Each line is drawn for itself, so the first ones are a fair sample of
/// all, and more of them leave the first ones as they are.
fn comparisons<'a>(part: &[&Rated<'a>], stream: &str, count: usize) -> Result<Vec<Drawn<'a>>> {
    ensure!(
        part.len() >= 4,
        "{stream}: {} snippets, four are needed",
        part.len()
    );
    let mut numbers = Numbers::new(stream);
    let draws = std::iter::from_fn(|| Some(comparison(part, &mut numbers)));
    Ok(draws
        .filter(|drawn| highest(&drawn.means).len() == 1)
        .take(count)
        .collect())
}

/// Draws four different snippets, then the rating of each that is held out.
fn comparison<'a>(part: &[&Rated<'a>], numbers: &mut Numbers) -> Drawn<'a> {
    let mut places: Vec<usize> = Vec::new();
    while places.len() < 4 {
        let place = numbers.below(part.len());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let rated = [0, 1, 2, 3].map(|at| part[places[at]]);
    let held_out = rated.map(|rated| f64::from(rated.ratings[numbers.below(rated.ratings.len())]));
    let means = [0, 1, 2, 3].map(|at| {
        let ratings = &rated[at].ratings;
        let sum: f64 = ratings.iter().copied().map(f64::from).sum();
        (sum - held_out[at]) / (ratings.len() - 1) as f64
    });
    Drawn {
        responses: rated.map(|rated| rated.snippet),
        means,
        held_out,
    }
}

/// The places that share the highest value.
fn highest(values: &[f64; 4]) -> Vec<usize> {
    let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (0..4).filter(|&place| values[place] == top).collect()
}

/// One label a line: what `answer` says, by `person`.
fn lines(drawn: &[Drawn], answer: impl Fn(&Drawn) -> Value, person: &str) -> Vec<String> {
    let line = |drawn: &Drawn| {
        let label = json!({
            "comparison": {
                "query": {"text": ""},
                "responses": drawn.responses.map(|snippet| json!({"text": snippet.text()})),
            },
            "answer": answer(drawn),
            "labeler": {"person": person},
        });
        format!("{label}\n")
    };
    drawn.iter().map(line).collect()
}

/// The one place with the highest value.
fn best(values: &[f64; 4]) -> Value {
    json!({"best": highest(values)[0]})
}

/// All places from the highest value to the lowest; equal ones are tied.
fn ranking(values: &[f64; 4]) -> Value {
    let mut left = *values;
    let mut groups = Vec::new();
    while left.iter().any(|value| value.is_finite()) {
        let group = highest(&left);
        group
            .iter()
            .for_each(|&place| left[place] = f64::NEG_INFINITY);
        groups.push(group);
    }
    match groups.as_slice() {
        [all] => json!({"tie": all}),
        _ => json!({"ranking": groups}),
    }
}

fn agreement(drawn: &[Drawn]) -> Agreement {
    let (mut best, mut same, mut pairs) = (0.0, 0.0, 0.0);
    for Drawn {
        means, held_out, ..
    } in drawn
    {
        let (label, said) = (highest(means)[0], highest(held_out));
        if said.contains(&label) {
            best += 1.0 / said.len() as f64;
        }
        for (one, other) in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)] {
            let mean = means[one] - means[other];
            let said = held_out[one] - held_out[other];
            if mean == 0.0 {
                continue;
            }
            pairs += 1.0;
            same += match () {
                () if said == 0.0 => 0.5,
                () if (said > 0.0) == (mean > 0.0) => 1.0,
                () => 0.0,
            };
        }
    }
    Agreement {
        best: best / drawn.len() as f64,
        pairs: same / pairs,
    }
}

/// Random numbers that are the same everywhere: the `n`-th of a stream is the first eight bytes of the SHA-256
/// of its name, a blank and `n` (from 0, in decimal), as a big-endian number.
struct Numbers {
    stream: String,
    next: u64,
}

impl Numbers {
    fn new(stream: &str) -> Self {
        let stream = stream.to_owned();
        Self { stream, next: 0 }
    }

    /// A number from 0 to `bound - 1`, each equally likely: what lies beyond the last whole multiple of `bound`
    /// is skipped.
    fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        loop {
            let number = hash(&format!("{} {}", self.stream, self.next));
            self.next += 1;
            if number < u64::MAX - u64::MAX % bound {
                return (number % bound) as usize;
            }
        }
    }
}

#[cfg(test)]
mod tests;

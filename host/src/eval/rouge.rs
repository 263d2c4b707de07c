//! ROUGE (Lin 2004): how many of a reference's words a text has, by single words, pairs and longest common
//! subsequences. The numbers are those of PyPI's `rouge-score` 0.1.2, which papers quote.

use std::collections::HashMap;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::stem::stem;

/// How a text overlaps with a reference; each from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// Of what the text says, how much the reference says.
    pub precision: f64,
    /// Of what the reference says, how much the text says.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
}

impl Overlap {
    /// `shared` of `said` in the text and of `wanted` in the reference; 0 where one of them says nothing.
    fn of(shared: usize, said: usize, wanted: usize) -> Overlap {
        let share = |of: usize| shared as f64 / of.max(1) as f64;
        let (precision, recall) = (share(said), share(wanted));
        let f1 = match precision + recall > 0.0 {
            true => 2.0 * precision * recall / (precision + recall),
            false => 0.0,
        };
        Overlap {
            precision,
            recall,
            f1,
        }
    }
}

/// All of ROUGE that papers report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Rouge {
    /// Words.
    pub rouge1: Overlap,
    /// Pairs of neighbouring words.
    pub rouge2: Overlap,
    /// The longest common subsequence of the whole texts.
    #[serde(rename = "rougeL")]
    pub rouge_l: Overlap,
    /// For each sentence of the reference, the union of what it has in common with sentences of the text; a sentence is
    /// a line.
    #[serde(rename = "rougeLsum")]
    pub rouge_lsum: Overlap,
}

impl Rouge {
    /// Of `text` against `reference`; with `stemmed`, words of more than three letters count by their stems.
    #[must_use]
    pub fn of(text: &str, reference: &str, stemmed: bool) -> Rouge {
        let [said, wanted] = [text, reference].map(|text| words(text, stemmed));
        let sentences = [text, reference].map(|text| {
            let lines = text.split('\n').filter(|line| !line.is_empty());
            lines.map(|line| words(line, stemmed)).collect::<Vec<_>>()
        });
        Rouge {
            rouge1: ngrams(&said, &wanted, 1),
            rouge2: ngrams(&said, &wanted, 2),
            rouge_l: Overlap::of(common(&wanted, &said).len(), said.len(), wanted.len()),
            rouge_lsum: by_sentences(&sentences[0], &sentences[1]),
        }
    }
}

/// A text's words: runs of `a-z` and `0-9` in lower case, and their stems.
fn words(text: &str, stemmed: bool) -> Vec<String> {
    let lower = text.to_lowercase();
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    lower
        .split(|c| !is_word(c))
        .filter(|word| !word.is_empty())
        .map(|word| match stemmed && word.len() > 3 {
            true => stem(word),
            false => word.to_owned(),
        })
        .collect()
}

/// How often each is there.
pub(super) fn tally<T: Hash + Eq>(all: impl IntoIterator<Item = T>) -> HashMap<T, usize> {
    let mut tally = HashMap::new();
    for one in all {
        *tally.entry(one).or_default() += 1;
    }
    tally
}

fn ngrams(said: &[String], wanted: &[String], n: usize) -> Overlap {
    let [of_said, of_wanted] = [said, wanted].map(|words| tally(words.windows(n)));
    let shared = of_wanted.iter().map(|(gram, count)| {
        let said = of_said.get(gram).copied().unwrap_or_default();
        said.min(*count)
    });
    let count = |words: &[String]| (words.len() + 1).saturating_sub(n);
    Overlap::of(shared.sum(), count(said), count(wanted))
}

/// The places in `wanted` of a longest subsequence that both have.
///
/// Of several it is the one that `rouge-score` takes, which decides the union over sentences.
fn common(wanted: &[String], said: &[String]) -> Vec<usize> {
    let width = said.len() + 1;
    let mut longest = vec![0u32; (wanted.len() + 1) * width];
    for (i, word) in wanted.iter().enumerate() {
        for (j, other) in said.iter().enumerate() {
            let at = (i + 1) * width + j + 1;
            longest[at] = match word == other {
                true => longest[at - width - 1] + 1,
                false => longest[at - width].max(longest[at - 1]),
            };
        }
    }
    let mut places = Vec::new();
    let (mut i, mut j) = (wanted.len(), said.len());
    while i > 0 && j > 0 {
        let at = i * width + j;
        if wanted[i - 1] == said[j - 1] {
            places.push(i - 1);
            (i, j) = (i - 1, j - 1);
        } else if longest[at - 1] > longest[at - width] {
            j -= 1;
        } else {
            i -= 1;
        }
    }
    places.reverse();
    places
}

/// The union of the longest common subsequences of each sentence of the reference with all of the text's; no word counts
/// more often than either text has it.
fn by_sentences(said: &[Vec<String>], wanted: &[Vec<String>]) -> Overlap {
    let [of_said, of_wanted] = [said, wanted].map(|all| all.iter().map(Vec::len).sum::<usize>());
    let [mut left, mut due] = [said, wanted].map(|all| tally(all.iter().flatten()));
    let mut shared = 0;
    for sentence in wanted {
        let mut places: Vec<usize> = said
            .iter()
            .flat_map(|other| common(sentence, other))
            .collect();
        places.sort_unstable();
        places.dedup();
        for place in places {
            let word = &sentence[place];
            let (Some(left), Some(due)) = (left.get_mut(word), due.get_mut(word)) else {
                continue;
            };
            if *left > 0 && *due > 0 {
                (*left, *due) = (*left - 1, *due - 1);
                shared += 1;
            }
        }
    }
    Overlap::of(shared, of_said, of_wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Golden {
        text: String,
        reference: String,
        plain: [[f64; 3]; 4],
        stemmed: [[f64; 3]; 4],
    }

    /// Pairs with the numbers of `rouge-score` 0.1.2, written by `scripts/rouge.py`.
    #[test]
    fn numbers_are_those_of_rouge_score() {
        for line in include_str!("../../../tests/eval/rouge.jsonl").lines() {
            let golden: Golden = serde_json::from_str(line).expect("a golden pair");
            for (stemmed, expected) in [(false, golden.plain), (true, golden.stemmed)] {
                let rouge = Rouge::of(&golden.text, &golden.reference, stemmed);
                let all = [rouge.rouge1, rouge.rouge2, rouge.rouge_l, rouge.rouge_lsum];
                for (overlap, expected) in all.iter().zip(expected) {
                    let got = [overlap.precision, overlap.recall, overlap.f1];
                    let same = got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
                    assert!(same, "{got:?} {expected:?} of {line}");
                }
            }
        }
    }
}

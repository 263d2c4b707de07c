//! How much texts repeat themselves and each other: distinct-n and self-BLEU. Words are what stands between spaces, in
//! lower case.

use std::collections::{HashMap, HashSet};

use super::rouge::tally;
use super::share::Mean;

/// The longest n-grams that BLEU looks at.
const LONGEST: usize = 4;
/// What a precision without a hit has for a numerator (Chen and Cherry 2014, their first method), as in NLTK.
const SMALL: f64 = 0.1;

/// Distinct-n (Li et al. 2016): different n-grams over n-grams, of all texts together; the interval is the jackknife's,
/// which leaves out a text at a time. None where no text has n words.
///
/// It falls with how many texts there are, so that only equal numbers of texts can be compared.
#[must_use]
pub fn distinct(texts: &[&str], n: usize) -> Option<Mean> {
    let words: Vec<Vec<String>> = texts.iter().map(|text| words(text)).collect();
    let grams: Vec<Vec<&[String]>> = words.iter().map(|own| own.windows(n).collect()).collect();
    let all: usize = grams.iter().map(Vec::len).sum();
    if all == 0 {
        return None;
    }
    let counts = tally(grams.iter().flatten());
    let without = grams.iter().map(|own| {
        let gone = tally(own).into_iter();
        let gone = gone.filter(|(gram, count)| counts[gram] == *count).count();
        (counts.len() - gone) as f64 / (all - own.len()).max(1) as f64
    });
    let value = counts.len() as f64 / all as f64;
    Some(Mean::by_jackknife(value, &without.collect::<Vec<_>>()))
}

/// Self-BLEU (Zhu et al. 2018): for each text its BLEU-4 against all others; the more they are alike, the nearer to 1.
/// The numbers are those of NLTK's `sentence_bleu` with its smoothing by the first method.
#[must_use]
pub fn self_bleu(texts: &[&str]) -> Vec<f64> {
    if texts.len() < 2 {
        return Vec::new();
    }
    let words: Vec<Vec<String>> = texts.iter().map(|text| words(text)).collect();
    let most: Vec<Most> = (1..=LONGEST).map(|n| Most::of(&words, n)).collect();
    let lengths: Vec<usize> = words.iter().map(Vec::len).collect();
    let each = words.iter().enumerate();
    each.map(|(at, own)| bleu(own, at, &most, &lengths))
        .collect()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

/// How often each n-gram stands in the text that has it most often, which text that is, and how often in another.
struct Most<'a>(HashMap<&'a [String], (usize, usize, usize)>);

impl<'a> Most<'a> {
    fn of(texts: &'a [Vec<String>], n: usize) -> Most<'a> {
        let mut most: HashMap<&[String], (usize, usize, usize)> = HashMap::new();
        for (at, own) in texts.iter().enumerate() {
            for (gram, count) in tally(own.windows(n)) {
                let entry = most.entry(gram).or_insert((0, at, 0));
                if count > entry.0 {
                    *entry = (count, at, entry.0);
                } else {
                    entry.2 = entry.2.max(count);
                }
            }
        }
        Most(most)
    }

    /// How often an n-gram stands in a text other than that at `at`.
    fn elsewhere(&self, gram: &[String], at: usize) -> usize {
        match self.0.get(gram) {
            Some((_, here, second)) if *here == at => *second,
            Some((first, ..)) => *first,
            None => 0,
        }
    }
}

fn bleu(own: &[String], at: usize, most: &[Most], lengths: &[usize]) -> f64 {
    let mut logarithm = 0.0;
    for (n, most) in (1..).zip(most) {
        let counts = tally(own.windows(n));
        let hits = counts
            .iter()
            .map(|(gram, count)| most.elsewhere(gram, at).min(*count));
        let (hits, all) = (hits.sum::<usize>(), own.windows(n).len().max(1));
        if n == 1 && hits == 0 {
            return 0.0;
        }
        let hits = if hits == 0 { SMALL } else { hits as f64 };
        logarithm += (hits / all as f64).ln() / LONGEST as f64;
    }
    let others = lengths.iter().enumerate().filter(|(other, _)| *other != at);
    let closest = others.map(|(_, len)| (len.abs_diff(own.len()), *len)).min();
    let closest = closest.map_or(0, |(_, len)| len) as f64;
    let brevity = (1.0 - closest / own.len() as f64).min(0.0);
    (brevity + logarithm).exp()
}

/// How many different texts there are.
#[must_use]
pub fn different(texts: &[&str]) -> usize {
    texts.iter().collect::<HashSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Golden {
        texts: Vec<String>,
        self_bleu: Vec<f64>,
        distinct: Vec<f64>,
    }

    /// Texts with the numbers of NLTK, written by `scripts/diversity.py`.
    #[test]
    fn numbers_are_those_of_nltk() {
        let golden: Golden =
            serde_json::from_str(include_str!("../../../tests/eval/diversity.json"))
                .expect("golden numbers");
        let texts: Vec<&str> = golden.texts.iter().map(String::as_str).collect();
        let got = self_bleu(&texts);
        assert_eq!(got.len(), texts.len());
        for (got, expected) in got.iter().zip(&golden.self_bleu) {
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        }
        for (n, expected) in (1..).zip(&golden.distinct) {
            let got = distinct(&texts, n).expect("n-grams").value;
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        }
    }

    #[test]
    fn the_jackknife_leaves_out_a_text_at_a_time() {
        let texts = ["a b a", "a c", "d e f g"];
        let got = distinct(&texts, 1).expect("words");
        // 7 different of 9; without the first 6 of 6, without the second 6 of 7, without the third 3 of 5.
        let without = [1.0, 6.0 / 7.0, 3.0 / 5.0];
        let mean = without.iter().sum::<f64>() / 3.0;
        let squares: f64 = without.iter().map(|w| (w - mean).powi(2)).sum();
        let error = (2.0 / 3.0 * squares).sqrt();
        assert!((got.value - 7.0 / 9.0).abs() < 1e-12);
        assert!((got.high - got.value - 1.959_963_984_540_054 * error).abs() < 1e-12);
        assert!((got.value - got.low - 1.959_963_984_540_054 * error).abs() < 1e-12);
        assert_eq!(distinct(&["a", "b"], 2), None);
        assert_eq!(self_bleu(&["alone"]), Vec::<f64>::new());
        assert_eq!(different(&["a", "b", "a"]), 2);
    }
}

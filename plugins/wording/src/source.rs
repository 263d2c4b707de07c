//! A query as the source of responses: which of their words stand in it, and where they are copied.
//! It compares words as they are written: an inflected word is another word.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use attune_sdk::{Group, Judgement};

use crate::verdict::judgement;
use crate::words::{Word, content, words};

/// A text that others say something of.
#[derive(Debug)]
pub struct Source {
    words: Vec<Word>,
    keys: HashSet<String>,
}

/// How a response is held to its source.
#[derive(Debug, Clone, Copy)]
pub struct Faithfulness {
    /// A response of so many different content words is long enough.
    pub shortest: usize,
    /// Taken off for each that it has fewer.
    pub per_missing: f32,
}

impl Faithfulness {
    /// The share of the response's different content words that stand in the source, less what
    /// shortness costs; a response without any has the share 0.
    pub fn score(&self, source: &Source, response: &[Word]) -> f32 {
        let said = content(response);
        let known = said.iter().filter(|key| source.has(key)).count();
        let share = known as f32 / said.len().max(1) as f32;
        share - self.per_missing * self.shortest.saturating_sub(said.len()) as f32
    }
}

impl Source {
    /// The source of this text.
    pub fn of(text: &str) -> Self {
        let words = words(text);
        let keys = words.iter().map(|word| word.key().to_owned()).collect();
        Self { words, keys }
    }

    /// Whether a word of this key stands in it.
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// What the scores of a group's responses to it say; no opinion where it or all of them have no
    /// content word.
    pub fn judge(
        &self,
        group: Group<'_>,
        tie_margin: f32,
        score: impl Fn(&[Word]) -> f32,
    ) -> Judgement {
        let responses: Vec<Vec<Word>> = group.responses().map(words).collect();
        let says_something = responses.iter().flatten().any(Word::is_content);
        let scores = responses.iter().map(|said| score(said)).collect();
        judgement(scores, tie_margin, self.has_content() && says_something)
    }

    fn has_content(&self) -> bool {
        self.words.iter().any(Word::is_content)
    }

    /// The places in `said` of runs that stand in the source word for word: from the left the
    /// longest at each place, of at least `least` words.
    pub(crate) fn copied(&self, said: &[Word], least: usize) -> Vec<Range<usize>> {
        let longest = self.longest(said);
        let mut found = Vec::new();
        let mut at = 0;
        while at < said.len() {
            if longest[at] >= least.max(1) {
                found.push(at..at + longest[at]);
                at += longest[at];
            } else {
                at += 1;
            }
        }
        found
    }

    /// For each word of `said`: how many words from there on stand in the source in one run.
    fn longest<'a>(&'a self, said: &'a [Word]) -> Vec<usize> {
        // Numbers are compared more quickly than words.
        let mut numbers = HashMap::new();
        let mut number = |word: &'a Word| {
            let next = numbers.len();
            *numbers.entry(word.lower.as_str()).or_insert(next)
        };
        let source: Vec<usize> = self.words.iter().map(&mut number).collect();
        let said: Vec<usize> = said.iter().map(number).collect();
        // runs[i]: words from here on that are those from word i of the source on.
        let mut runs = vec![0; source.len() + 1];
        let mut longest = vec![0; said.len()];
        for (at, word) in said.iter().enumerate().rev() {
            for (i, other) in source.iter().enumerate() {
                // Not yet overwritten: of the next word of `said`.
                let next = runs[i + 1];
                runs[i] = if other == word { 1 + next } else { 0 };
                longest[at] = longest[at].max(runs[i]);
            }
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_counts_different_content_words() {
        let source = Source::of("The mayor of Ghent opened a bridge.");
        let rule = Faithfulness {
            shortest: 2,
            per_missing: 0.25,
        };
        let score = |text: &str| rule.score(&source, &words(text));
        assert_eq!(score("The mayor's bridge, a bridge"), 1.0);
        assert_eq!(score("A mayor closed the bridges of Ghent"), 0.5);
        assert_eq!(score("mayor"), 0.75);
        assert_eq!(score("and the"), -0.5);
        assert!(!Source::of("and the").has_content() && source.has_content());
    }

    #[test]
    fn the_longest_runs_are_found_from_the_left() {
        let source = Source::of("a b c x a b c d, d d");
        let copied = |text: &str, least| -> Vec<(usize, usize)> {
            let runs = source.copied(&words(text), least).into_iter();
            runs.map(|run| (run.start, run.end)).collect()
        };
        assert_eq!(copied("y A. B! c d y a b", 2), [(1, 5), (6, 8)]);
        assert_eq!(copied("y a b c d y a b", 3), [(1, 5)]);
        assert_eq!(copied("d d d d", 2), [(0, 3)]);
        assert_eq!(copied("", 0), []);
        assert_eq!(Source::of("").copied(&words("a"), 0), []);
    }
}

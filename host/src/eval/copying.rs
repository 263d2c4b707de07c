//! How much of a text is copied from what it answers: sentences, n-grams, the longest run of words, and where in the
//! source it comes from.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

/// The longest n-grams that are counted.
pub const LONGEST: usize = 10;

/// How much of a text is copied.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Copying {
    /// Sentences of the text, and how many of them stand in the source word for word.
    pub sentences: [usize; 2],
    /// For n from 1 to [`LONGEST`]: n-grams of words of the text, and how many of them stand in the source.
    pub ngrams: Vec<[usize; 2]>,
    /// Words of the longest run of the text that stands in the source.
    pub longest_run: usize,
    /// Words of the text.
    pub words: usize,
    /// Where in the source that run begins, from 0 to 1; none where no word stands there.
    pub from: Option<f64>,
    /// Whether the text begins as the source does, with the same sentence, or with its first [`BEGIN`] words where the
    /// text's first sentence has as many.
    pub copies_begin: bool,
}

/// As many words at the begin of both are no chance.
pub const BEGIN: usize = 5;

/// A place in a text where a word stands, in bytes.
type Span = (usize, usize);

impl Copying {
    /// Of `text` from `source`. Words are runs of letters and digits, whatever their case.
    #[must_use]
    pub fn of(text: &str, source: &str) -> Copying {
        let said = words(text);
        let there = words(source);
        let (length, begin) = longest_run(&said, &there);
        let sentences = sentences(text).map(words).filter(|words| !words.is_empty());
        let sentences: Vec<Vec<String>> = sentences.collect();
        let copied = sentences
            .iter()
            .filter(|sentence| stands_in(sentence, &there));
        let ngrams = (1..=LONGEST).map(|n| {
            let known: HashSet<&[String]> = there.windows(n).collect();
            let of_text = said.windows(n);
            [
                of_text.len(),
                of_text.filter(|gram| known.contains(gram)).count(),
            ]
        });
        let first = sentences.first().map_or(0, Vec::len).min(BEGIN);
        Copying {
            sentences: [sentences.len(), copied.count()],
            ngrams: ngrams.collect(),
            longest_run: length,
            words: said.len(),
            from: (length > 0).then(|| begin as f64 / there.len() as f64),
            copies_begin: first > 0 && there.get(..first) == Some(&said[..first]),
        }
    }

    /// Share of sentences that stand in the source; none where there is no sentence.
    #[must_use]
    pub fn sentence_share(&self) -> Option<f64> {
        let [all, copied] = self.sentences;
        (all > 0).then(|| copied as f64 / all as f64)
    }

    /// Share of n-grams that stand in the source; none where the text has none.
    #[must_use]
    pub fn ngram_share(&self, n: usize) -> Option<f64> {
        let [all, copied] = *self.ngrams.get(n.checked_sub(1)?)?;
        (all > 0).then(|| copied as f64 / all as f64)
    }
}

/// The places of copied runs in a text: the longest at each place, of at least `least` words, in bytes of `text`.
#[must_use]
pub fn copied_spans(text: &str, source: &str, least: usize) -> Vec<Span> {
    let said = spans(text);
    let there = words(source);
    let word = |span: &Span| text[span.0..span.1].to_lowercase();
    let said_words: Vec<String> = said.iter().map(word).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < said.len() {
        let most = run_from(&said_words[at..], &there);
        if most >= least.max(1) {
            found.push((said[at].0, said[at + most - 1].1));
            at += most;
        } else {
            at += 1;
        }
    }
    found
}

/// How many words of the begin of `said` stand somewhere in `there` in one run.
fn run_from(said: &[String], there: &[String]) -> usize {
    let matching = |begin: usize| {
        let pairs = said.iter().zip(&there[begin..]);
        pairs.take_while(|(a, b)| a == b).count()
    };
    (0..there.len()).map(matching).max().unwrap_or_default()
}

fn spans(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut begin = None;
    for (at, c) in text.char_indices() {
        match (c.is_alphanumeric(), begin) {
            (true, None) => begin = Some(at),
            (false, Some(from)) => {
                found.push((from, at));
                begin = None;
            }
            _ => {}
        }
    }
    found.extend(begin.map(|from| (from, text.len())));
    found
}

fn words(text: &str) -> Vec<String> {
    let spans = spans(text).into_iter();
    spans
        .map(|(from, to)| text[from..to].to_lowercase())
        .collect()
}

/// Parts that end at `.`, `!` or `?` before a space or the end, or at a line's end.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let ends = rest.char_indices().find(|(at, c)| {
            let next = rest[at + c.len_utf8()..].chars().next();
            *c == '\n' || (".!?".contains(*c) && next.is_none_or(char::is_whitespace))
        });
        let end = ends.map_or(rest.len(), |(at, c)| at + c.len_utf8());
        let (sentence, after) = rest.split_at(end);
        rest = after;
        Some(sentence)
    })
}

fn stands_in(sentence: &[String], there: &[String]) -> bool {
    there.windows(sentence.len()).any(|run| run == sentence)
}

/// The length of the longest run of words that both have, and where in `there` it begins first.
fn longest_run(said: &[String], there: &[String]) -> (usize, usize) {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, word) in there.iter().enumerate() {
        places.entry(word).or_default().push(at);
    }
    let (mut longest, mut from) = (0, 0);
    // Of runs that end at the word before: how long they are, by where they end.
    let mut before: HashMap<usize, usize> = HashMap::new();
    for word in said {
        let mut now = HashMap::new();
        for at in places.get(word.as_str()).into_iter().flatten() {
            let run = 1 + at
                .checked_sub(1)
                .and_then(|at| before.get(&at))
                .copied()
                .unwrap_or(0);
            now.insert(*at, run);
            let begin = at + 1 - run;
            if run > longest || (run == longest && begin < from) {
                (longest, from) = (run, begin);
            }
        }
        before = now;
    }
    (longest, from)
}

//! The words of a text, and which of them are content words. It knows English function words and
//! no other language's.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

static FUNCTION: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("function.txt").split_whitespace().collect());

/// What an apostrophe may add to a word without making it another one.
const CLITICS: [&str; 6] = ["'s", "'ll", "'ve", "'re", "'d", "'m"];

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its bytes.
    pub span: Range<usize>,
    /// The word in lower case, with straight apostrophes.
    pub lower: String,
}

impl Word {
    fn of(text: &str, span: Range<usize>) -> Self {
        let mut lower = text[span.clone()].to_lowercase();
        if lower.contains('’') {
            lower = lower.replace('’', "'");
        }
        Self { span, lower }
    }

    /// The form by which words are compared: `obama` for `Obama's`, `they` for `they'll`.
    pub fn key(&self) -> &str {
        let mut key = self.lower.as_str();
        while let Some(rest) = CLITICS.iter().find_map(|clitic| key.strip_suffix(clitic)) {
            key = rest;
        }
        key
    }

    /// Whether it says something by itself: no function word, no single letter of a-z.
    pub fn is_content(&self) -> bool {
        let key = self.key();
        let is_letter = key.len() == 1 && key.bytes().all(|byte| byte.is_ascii_alphabetic());
        !is_letter && !key.ends_with("n't") && !FUNCTION.contains(key)
    }
}

/// The words of `text`, in order: runs of letters and digits, with what joins them.
pub fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut start = None;
    let mut before = ' ';
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let after = rest.peek().map_or(' ', |&(_, after)| after);
        let inside = c.is_alphanumeric() || (start.is_some() && joins(before, c, after));
        match (inside, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(Word::of(text, from..at));
                start = None;
            }
            _ => {}
        }
        before = c;
    }
    found.extend(start.map(|from| Word::of(text, from..text.len())));
    found
}

/// Whether `c`, which is no letter and no digit, goes on with the word that it stands in.
fn joins(before: char, c: char, after: char) -> bool {
    match c {
        '\'' | '’' => after.is_alphanumeric(),
        '.' | ',' => before.is_numeric() && after.is_numeric(),
        // Marks above and below the letter before.
        '\u{300}'..='\u{36f}' => true,
        _ => false,
    }
}

/// The different content words among `words`, each once, in the order in which they first stand.
pub fn content(words: &[Word]) -> Vec<&str> {
    let mut seen = HashSet::new();
    let content = words.iter().filter(|word| word.is_content());
    let keys = content.map(Word::key);
    keys.filter(|key| seen.insert(*key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<String> {
        let words = words(text);
        words.iter().map(|word| word.key().to_owned()).collect()
    }

    #[test]
    fn words_are_runs_with_what_joins_them() {
        assert_eq!(
            keys("Obama's 1,000.5 e-mails."),
            ["obama", "1,000.5", "e", "mails"]
        );
        assert_eq!(
            keys("They’ll say ‘no’, O'Brien"),
            ["they", "say", "no", "o'brien"]
        );
        assert_eq!(
            keys("ÜBER cafe\u{301} 東京"),
            ["über", "cafe\u{301}", "東京"]
        );
        assert_eq!(keys(" '.,\u{301}…— "), [""; 0]);
        let text = "É, 3.";
        let spans: Vec<&str> = words(text)
            .iter()
            .map(|word| &text[word.span.clone()])
            .collect();
        assert_eq!(spans, ["É", "3"]);
    }

    #[test]
    fn content_words_stand_once() {
        let words = words("The cat's cats, and it wasn't the U.S. cat that they'd've seen in 2014");
        assert_eq!(content(&words), ["cat", "cats", "seen", "2014"]);
    }
}

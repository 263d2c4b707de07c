//! How the summarization data of Ziegler et al. (2019) was cleaned: the rules of its two data sets, in their order. They
//! know texts, and no files, fields or settings of a task.
//!
//! Reference: openai/lm-human-preferences, `datasets/cnndm.py` and `datasets/tldr.py`. What is done there by the library
//! ftfy is [`repair`]; it says which part of that library it has.

mod misread;
mod repair;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use repair::repair;

/// What begins each highlight in a story file.
const HIGHLIGHT: &str = "@highlight";
/// How far into an article `(CNN)` still opens it, in characters.
const OPENING: usize = 100;

/// How texts are cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cleaning {
    /// Not at all.
    None,
    /// News articles: by-lines, place and agency go, and what follows the first `@highlight`.
    Cnndm,
    /// Posts: characters are repaired, and runs of empty lines become one.
    Tldr,
}

impl Cleaning {
    /// The text as a task reads it.
    ///
    /// ```
    /// use attune_sdk::cleaning::Cleaning;
    ///
    /// assert_eq!(Cleaning::Cnndm.text("(CNN) -- It\u{2019}s out.\n\n@highlight\n\nOut"), "It's out.");
    /// assert_eq!(Cleaning::Tldr.text("So:\n\n\n\n&quot;no&quot;\n"), "So:\n\n\"no\"");
    /// ```
    #[must_use]
    pub fn text(self, text: &str) -> String {
        match self {
            Cleaning::None => text.to_owned(),
            Cleaning::Cnndm => {
                let repaired = spaced(&repair(&begun(&unix(text))));
                let article = repaired.split(HIGHLIGHT).next();
                article.unwrap_or_default().trim().to_owned()
            }
            Cleaning::Tldr => spaced(&repair(&unix(text))).trim().to_owned(),
        }
    }

    /// What a person wrote for the text: of a story file its highlights, a line each, and else what is there.
    ///
    /// ```
    /// use attune_sdk::cleaning::Cleaning;
    ///
    /// let story = "It rained.\n\n@highlight\n\nRain fell\n\n@highlight\n\nIt was wet";
    /// assert_eq!(Cleaning::Cnndm.reference(story), "Rain fell\nIt was wet");
    /// ```
    #[must_use]
    pub fn reference(self, text: &str) -> String {
        if self != Cleaning::Cnndm || !text.contains(HIGHLIGHT) {
            return text.to_owned();
        }
        let highlights = text.split(HIGHLIGHT).skip(1).map(str::trim);
        let there: Vec<&str> = highlights.filter(|line| !line.is_empty()).collect();
        there.join("\n")
    }
}

/// Line ends as a file has them that is opened as a text.
fn unix(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// At most one empty line between two others.
fn spaced(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut breaks = 0;
    for c in text.chars() {
        breaks = if c == '\n' { breaks + 1 } else { 0 };
        if breaks <= 2 {
            out.push(c);
        }
    }
    out
}

/// An article without what stands before its first sentence, by the original's rules in their order.
fn begun(text: &str) -> String {
    let mut rest = text;
    if rest.starts_with("By") {
        rest = rest.splitn(3, '\n').nth(2).unwrap_or_default();
    }
    rest = after_agency(rest);
    let opening = rest.char_indices().nth(OPENING);
    let (head, tail) = rest.split_at(opening.map_or(rest.len(), |(at, _)| at));
    let head = head.rsplit("(CNN)").next().unwrap_or_default();
    let joined = format!("{head}{tail}");
    let told = after_stamp(after_second_name(&joined));
    told.replace(['\u{2018}', '\u{2019}'], "'")
        .trim()
        .to_owned()
}

/// What follows the last `(CNN) --`, with any number of spaces in it from one on.
fn after_agency(text: &str) -> &str {
    let ends = text.match_indices("(CNN) ").filter_map(|(at, found)| {
        let after = at + found.len();
        let dashes = text[after..].trim_start_matches(' ');
        dashes
            .starts_with("--")
            .then(|| text.len() - dashes.len() + 2)
    });
    &text[ends.last().unwrap_or(0)..]
}

/// Without the second author of a by-line: `and WORD` in a line of its own, where the text begins.
fn after_second_name(text: &str) -> &str {
    let name = text.strip_prefix("and ").and_then(|rest| {
        let (name, rest) = rest.split_once('\n')?;
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        (!name.is_empty() && name.chars().all(is_word)).then_some(rest)
    });
    name.unwrap_or(text)
}

/// What follows the last `UPDATED: hh:mm … year`. The year is a class of characters by a mistake of the original's, so that it ends at
/// the line's last `0` to `5` or `|`.
fn after_stamp(text: &str) -> &str {
    let end_of = |from: usize| {
        let rest = &text[from..];
        let time = rest.trim_start();
        let clock = time.as_bytes().get(..5)?;
        let is_time = time.len() < rest.len()
            && clock[2] == b':'
            && [0, 1, 3, 4].iter().all(|&at| clock[at].is_ascii_digit());
        let line = time.get(5..)?.split('\n').next()?;
        let year = line.rfind(|c| matches!(c, '0'..='5' | '|'))?;
        is_time.then_some(text.len() - time.len() + 5 + year + 1)
    };
    let stamps = text.match_indices("UPDATED:");
    let ends = stamps.filter_map(|(at, found)| end_of(at + found.len()));
    &text[ends.max().unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_begins_where_the_original_has_it_begin() {
        for (text, want) in [
            ("By A Writer\n\nIt began.", "It began."),
            ("By A Writer", ""),
            ("Bygones\nare\nbygones", "bygones"),
            ("LONDON, England (CNN) -- It began.", "It began."),
            ("(CNN)   -- One (CNN) -- two (CNN)-- three", "-- three"),
            ("PARIS (CNN)It began.", "It began."),
            ("and Someone\nIt began.", "It began."),
            ("and some one\nIt began.", "and some one\nIt began."),
            (
                "PUBLISHED:\n. 1 May\nUPDATED:\n12:07 EST, 20 March 2013\n. It began",
                ". It began",
            ),
            (
                "UPDATED: 12:07 EST 7\nIt began",
                "UPDATED: 12:07 EST 7\nIt began",
            ),
            ("UPDATED: 12:07 EST 2016 It", "6 It"),
            ("It\u{2019}s \u{2018}so\u{2019}", "It's 'so'"),
        ] {
            assert_eq!(begun(text), want, "{text}");
        }
        let late = format!("{}(CNN) It", "a".repeat(98));
        assert_eq!(begun(&late), late);
    }

    #[test]
    fn lines_and_highlights_are_cut() {
        let story = "One.\r\n\r\n\r\n\r\nTwo.\n\n@highlight\n\nFirst\n\n@highlight\n\nSecond\n";
        assert_eq!(Cleaning::Cnndm.text(story), "One.\n\nTwo.");
        assert_eq!(Cleaning::Cnndm.reference(story), "First\nSecond");
        assert_eq!(Cleaning::Tldr.reference("as it is\n"), "as it is\n");
        assert_eq!(Cleaning::None.text(" as it\u{2019}s "), " as it\u{2019}s ");
        assert_eq!(Cleaning::Tldr.text(" a\n\n\n b\u{7}\n"), "a\n\n b");
    }
}

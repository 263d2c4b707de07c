//! What a person is shown beside a response: runs that are copied from the query, and names that the
//! query does not have. Names are told by capitals alone.

use std::ops::Range;

use attune_sdk::{Group, Hint};

use crate::source::Source;
use crate::words::{Word, words};

impl Source {
    /// The hints of a group's responses: copied runs of at least `least` words, and names that the
    /// source does not have. No two of them overlap.
    pub fn hints(&self, group: Group<'_>, least: usize) -> Vec<Hint> {
        let texts = group.responses().enumerate();
        texts
            .flat_map(|(response, text)| {
                let marks = self.marks(text, least).into_iter();
                marks.map(move |(span, note)| Hint {
                    response,
                    span,
                    note,
                })
            })
            .collect()
    }

    fn marks(&self, text: &str, least: usize) -> Vec<(Range<usize>, String)> {
        let said = words(text);
        let bytes = |run: &Range<usize>| said[run.start].span.start..said[run.end - 1].span.end;
        let copied = self.copied(&said, least).into_iter().map(|run| {
            let plural = if run.len() == 1 { "" } else { "s" };
            (bytes(&run), format!("{} word{plural} copied", run.len()))
        });
        let names = self.new_names(text, &said).into_iter();
        let names = names.map(|run| (bytes(&run), "not in the query".to_owned()));
        let mut marks: Vec<_> = copied.chain(names).collect();
        marks.sort_by_key(|(span, _)| span.start);
        marks
    }

    /// The places in `said` of names that the source does not have; neighbours are one.
    fn new_names(&self, text: &str, said: &[Word]) -> Vec<Range<usize>> {
        // Capitals say nothing where there is nothing else.
        if !text.chars().any(char::is_lowercase) {
            return Vec::new();
        }
        let mut found: Vec<Range<usize>> = Vec::new();
        for at in 0..said.len() {
            if !self.is_new_name(text, said, at) {
                continue;
            }
            match found.last_mut() {
                Some(last) if last.end == at && is_joint(gap(text, said, at)) => last.end += 1,
                _ => found.push(at..at + 1),
            }
        }
        found
    }

    /// Whether a word that the source does not have is a name by its capital: inside a sentence; or
    /// as its first word with a second capital, or with another such word right behind it.
    fn is_new_name(&self, text: &str, said: &[Word], at: usize) -> bool {
        let is_new = |at: usize| {
            let word = &said[at];
            capitals(&text[word.span.clone()]) > 0 && word.is_content() && !self.has(word.key())
        };
        let is_inside = |gap: &str| gap.chars().all(|c| c == ' ' || ",;-&/".contains(c));
        let goes_on =
            |next: usize| next < said.len() && is_joint(gap(text, said, next)) && is_new(next);
        is_new(at)
            && ((at > 0 && is_inside(gap(text, said, at)))
                || capitals(&text[said[at].span.clone()]) > 1
                || goes_on(at + 1))
    }
}

/// The capitals of a word that begins with one; 0 where it does not.
fn capitals(word: &str) -> usize {
    let is_capital = |c: &char| c.is_uppercase() || c.to_lowercase().ne([*c]);
    match word.starts_with(|c| is_capital(&c)) {
        true => word.chars().filter(is_capital).count(),
        false => 0,
    }
}

/// What stands between a word and the one before it.
fn gap<'a>(text: &'a str, said: &[Word], at: usize) -> &'a str {
    let from = at.checked_sub(1).map_or(0, |before| said[before].span.end);
    &text[from..said[at].span.start]
}

/// Whether words with this between them are parts of one name.
fn is_joint(gap: &str) -> bool {
    gap == " " || gap == "-"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked<'a>(query: &str, text: &'a str, least: usize) -> Vec<(&'a str, String)> {
        let marks = Source::of(query).marks(text, least).into_iter();
        marks.map(|(span, note)| (&text[span], note)).collect()
    }

    #[test]
    fn names_are_told_by_capitals() {
        let names = |text| -> Vec<&str> {
            let marked = marked("Ann met bob's friend in york.", text, 9);
            marked.into_iter().map(|(text, _)| text).collect()
        };
        assert_eq!(
            names("Yesterday Ann met Carl, Bob and Mary-Jane Lee."),
            ["Carl", "Mary-Jane Lee"]
        );
        assert_eq!(
            names("Carl left. NASA said “Go”. Dan Lee left York"),
            ["NASA", "Dan Lee"]
        );
        assert_eq!(names("so I'm told That's it, in Kyiv's É"), ["Kyiv's É"]);
        assert_eq!(names("ALL IN CAPITALS"), [""; 0]);
    }

    #[test]
    fn copied_runs_and_names_stand_in_order() {
        let query = "The old bridge was opened on Monday.";
        assert_eq!(
            marked(
                query,
                "In Ghent the old bridge was shut by Eve Ost; bridge",
                3
            ),
            [
                ("Ghent", "not in the query".to_owned()),
                ("the old bridge was", "4 words copied".to_owned()),
                ("Eve Ost", "not in the query".to_owned())
            ]
        );
        assert_eq!(marked(query, "bridge", 1)[0].1, "1 word copied");
        assert_eq!(marked("", "", 1), []);
    }
}

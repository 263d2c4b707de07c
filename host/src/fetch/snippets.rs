//! Rated movie-review snippets: reads their table, cleans their text, splits them by their ids.
//! It knows this one table's quirks; it knows nothing about where it comes from or goes.

use anyhow::{Context, Result};

use crate::digest;

/// One snippet with the mean of its 15 to 29 people's ratings.
pub(super) struct Snippet {
    id: u32,
    /// From -4 (most negative) to 4 (most positive).
    rating: f64,
    text: String,
}

impl Snippet {
    /// Whether the snippet is in the held-out fifth. By a hash of the id: it depends neither on the order nor
    /// on the number of snippets, and the table's order is not random.
    pub(super) fn is_test(&self) -> bool {
        hash(&self.id.to_string()).is_multiple_of(5)
    }

    /// Whether the snippet is in the tenth that is held out of training on preferences, and that never meets the
    /// held-out fifth: a hash that is 1 modulo 10 is 1 modulo 5.
    pub(super) fn is_validation(&self) -> bool {
        hash(&self.id.to_string()) % 10 == 1
    }

    /// The snippet's number in the table.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// The mean rating, from -4 (most negative) to 4 (most positive).
    pub(super) fn rating(&self) -> f64 {
        self.rating
    }

    /// The cleaned text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The snippet as one line of JSON.
    pub(super) fn to_json_line(&self) -> String {
        let value = serde_json::json!({"id": self.id, "text": self.text, "rating": self.rating});
        format!("{value}\n")
    }
}

/// The first eight bytes of a text's SHA-256, as a big-endian number: the same on every platform.
pub(super) fn hash(text: &str) -> u64 {
    let digits = digest::of_bytes(text.as_bytes());
    u64::from_str_radix(&digits[..16], 16).unwrap_or_default()
}

/// Reads a table of `id TAB mean rating TAB text` lines.
pub(super) fn parse(table: &str) -> Result<Vec<Snippet>> {
    let lines = table
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            parse_line(line).with_context(|| {
                format!(
                    "line {}: expected `id TAB rating TAB text`: {line:?}",
                    index + 1
                )
            })
        })
        .collect()
}

fn parse_line(line: &str) -> Result<Snippet> {
    let mut columns = line.splitn(3, '\t');
    let mut column = |name: &str| columns.next().with_context(|| format!("no {name}"));
    let id = column("id")?
        .trim()
        .parse()
        .context("the id is not a number")?;
    let rating: f64 = column("rating")?
        .trim()
        .parse()
        .context("the rating is not a number")?;
    anyhow::ensure!(
        (-4.0..=4.0).contains(&rating),
        "rating {rating} is not in -4..=4"
    );
    let text = natural_text(column("text")?);
    anyhow::ensure!(!text.is_empty(), "the text is empty");
    Ok(Snippet { id, rating, text })
}

/// Brings a snippet back to the English its author wrote, as a language model has seen it.
///
/// The published table has `''` for `"`, a run of blanks where a dash stood, HTML entities, `?` for an
/// apostrophe inside a word, editors' brackets around single letters, sentences glued to an ellipsis, and a few
/// blanks before punctuation. Hyphens that it lost (`sci fi`) cannot be told from blanks and stay lost.
pub(super) fn natural_text(raw: &str) -> String {
    let text = raw
        .trim()
        .replace("&amp;", "&")
        .replace("''", "\"")
        .replace('`', "'");
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let (piece, used) = next_piece(&chars, at);
        match piece {
            Piece::Text(c) => out.push(c),
            Piece::Dash => out.push_str(" — "),
            Piece::Nothing => {}
        }
        if used == 3 && chars[at..].starts_with(&['.', '.', '.']) {
            out.push_str("..");
            let glued = at > 0 && chars[at - 1].is_alphanumeric();
            if glued && chars.get(at + 3).is_some_and(|c| c.is_alphanumeric()) {
                out.push(' ');
            }
        }
        at += used;
    }
    out.trim().to_owned()
}

enum Piece {
    Text(char),
    Dash,
    Nothing,
}

/// What stands at `at`, and how many characters it takes.
fn next_piece(chars: &[char], at: usize) -> (Piece, usize) {
    let here = chars[at];
    let before = at.checked_sub(1).map(|index| chars[index]);
    let after = |offset: usize| chars.get(at + offset).copied();
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let blanks = chars[at..].iter().take_while(|c| c.is_whitespace()).count();
    if blanks > 0 {
        let rest = &chars[at + blanks..];
        let closes = match rest {
            // An ellipsis, or a number such as .45, keeps its blank.
            ['.', next, ..] => next.is_whitespace(),
            [',' | ';' | ':' | '!' | '?' | ')' | '.', ..] => true,
            _ => false,
        };
        let piece = match () {
            () if closes || before == Some('(') => Piece::Nothing,
            () if blanks >= 3 => Piece::Dash,
            () => Piece::Text(' '),
        };
        return (piece, blanks);
    }
    match here {
        '.' if chars[at..].starts_with(&['.', '.', '.']) => (Piece::Text('.'), 3),
        '?' if is_letter(before) && after(1).is_some_and(char::is_lowercase) => {
            (Piece::Text('\''), 1)
        }
        // `(T)he` and `(A) mess`, but not the plural of `film(s)`.
        '(' if !is_letter(before) && is_letter(after(1)) && after(2) == Some(')') => {
            (Piece::Text(chars[at + 1]), 3)
        }
        _ => (Piece::Text(here), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_natural_english() {
        let cases = [
            (
                "the Century's new ''Conan'' and",
                "the Century's new \"Conan\" and",
            ),
            ("the `vain' hero", "the 'vain' hero"),
            (
                "unrelentingly grim    and equally engrossing.",
                "unrelentingly grim — and equally engrossing.",
            ),
            ("Lovely &amp; Amazing", "Lovely & Amazing"),
            ("S&amp;M", "S&M"),
            (
                "the drama of Cube?s personal",
                "the drama of Cube's personal",
            ),
            ("Is this progress? No.", "Is this progress? No."),
            (
                "to the screen...Tuck is a little",
                "to the screen... Tuck is a little",
            ),
            ("Bow Wow ... tones down", "Bow Wow ... tones down"),
            ("...a good film", "...a good film"),
            ("the end....", "the end...."),
            ("Italian , Chinese , Irish", "Italian, Chinese, Irish"),
            ("devices ( cool visual )", "devices (cool visual)"),
            ("a film .", "a film."),
            ("a .45 gun", "a .45 gun"),
            ("(A) mess.", "A mess."),
            ("(T)he film(s)", "The film(s)"),
            ("tepid  biopic ", "tepid biopic"),
            ("clichés – few", "clichés – few"),
            ("", ""),
        ];
        for (raw, natural) in cases {
            assert_eq!(natural_text(raw), natural, "from {raw:?}");
            assert_eq!(
                natural_text(natural),
                natural,
                "cleaning twice changes {natural:?}"
            );
        }
    }

    #[test]
    fn the_table_is_read_with_its_line_ends() {
        let snippets = parse("1\t2.26666666667\tGood .\r\n7\t-0.6\tBad\r\n").unwrap();
        assert_eq!(snippets.len(), 2);
        assert_eq!(
            snippets[0].to_json_line(),
            "{\"id\":1,\"text\":\"Good.\",\"rating\":2.26666666667}\n"
        );
        assert_eq!((snippets[1].id, snippets[1].rating), (7, -0.6));
    }

    #[test]
    fn a_bad_line_is_named() {
        for bad in ["x\t1\ttext", "1\tx\ttext", "1\t1", "1\t5\ttext", "1\t1\t "] {
            let error = parse(&format!("1\t1\tfine\n{bad}\n")).err().unwrap();
            assert!(
                format!("{error:#}").contains("line 2"),
                "{bad:?}: {error:#}"
            );
        }
    }

    #[test]
    fn a_fifth_is_held_out_and_another_tenth() {
        let snippets: Vec<_> = (1..=10_000)
            .map(|id| Snippet {
                id,
                rating: 0.0,
                text: String::new(),
            })
            .collect();
        let count =
            |is: fn(&Snippet) -> bool| snippets.iter().filter(|snippet| is(snippet)).count();
        let (test, validation) = (count(Snippet::is_test), count(Snippet::is_validation));
        assert!((1900..=2100).contains(&test), "{test} of 10,000");
        assert!((900..=1100).contains(&validation), "{validation} of 10,000");
        assert_eq!(
            count(|snippet| snippet.is_test() && snippet.is_validation()),
            0
        );
    }
}

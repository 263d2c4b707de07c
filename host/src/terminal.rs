//! Words of others as a terminal may show them. Names, texts and files come from anybody; what a terminal
//! would obey instead of showing it is written out. Knows characters, not whose words they are.

use std::fmt::{Display, Formatter, Result, Write};

/// What it holds, on one line: characters that a terminal obeys are written as JSON escapes them, so that a
/// string of JSON stays the same string.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<T>(pub T);

impl<T: Display> Display for Line<T> {
    fn fmt(&self, to: &mut Formatter<'_>) -> Result {
        write!(Escaped(to), "{}", self.0)
    }
}

struct Escaped<'a, 'b>(&'a mut Formatter<'b>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> Result {
        for c in text.chars() {
            match c {
                '\n' => self.0.write_str("\\n")?,
                '\r' => self.0.write_str("\\r")?,
                '\t' => self.0.write_str("\\t")?,
                c if is_obeyed(c) => write!(self.0, "\\u{:04x}", u32::from(c))?,
                c => self.0.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// What it holds, as one word of a shell's line: a command that a message shows can be copied, whatever its paths are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<T>(pub T);

impl<T: Display> Display for Word<T> {
    fn fmt(&self, to: &mut Formatter<'_>) -> Result {
        let text = self.0.to_string();
        let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
        if !text.is_empty() && text.chars().all(is_plain) {
            return to.write_str(&text);
        }
        write!(Escaped(to), "'{}'", text.replace('\'', "'\\''"))
    }
}

/// Control characters, line separators, and what turns the direction of all that follows.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        let line = |text: &str| Line(text).to_string();
        assert_eq!(line("a\u{1b}[31mb\u{7}"), "a\\u001b[31mb\\u0007");
        assert_eq!(line("one\r\n\ttwo"), "one\\r\\n\\ttwo");
        assert_eq!(line("\u{9b}2J\u{7f}"), "\\u009b2J\\u007f");
        assert_eq!(line("\u{202e}gpj.exe"), "\\u202egpj.exe");
        let fine = "Größe 👩‍🔬 שלום \"quoted\" \\ ";
        assert_eq!(line(fine), fine);
    }

    #[test]
    fn a_word_is_one_word_of_a_shell() {
        let word = |text: &str| Word(text).to_string();
        assert_eq!(word("runs/größe-1.0"), "runs/größe-1.0");
        assert_eq!(word("my runs/$a"), "'my runs/$a'");
        assert_eq!(word("it's"), "'it'\\''s'");
        assert_eq!(word(""), "''");
    }

    proptest! {
        #[test]
        fn json_stays_what_it_is(text in any::<String>()) {
            let shown = Line(serde_json::to_string(&text).unwrap()).to_string();
            prop_assert!(!shown.chars().any(is_obeyed));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }
}

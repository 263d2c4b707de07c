//! Text whose UTF-8 was taken for Latin-1 or Windows-1252, read again. A line is judged by the measure of the library ftfy 5:
//! its length, and how much of it looks like what misreading leaves. It knows lines, and no other encodings.

/// What Windows-1252 has for the bytes 0x80 to 0x9f; those that it leaves open stand for themselves.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Symbols that stand in texts by themselves as well: a text with them is not worse for it.
const COMMON: &str = "…—–‘“’”¡¿°™®‹›«»\u{a0}´×ß\u{feff}";
/// What follows `Â` or `Ã` where it is UTF-8 that was misread.
const SECONDS: &str = "€ƒ‚„†‡ˆ‰‹Œ“•˜œŸ¡¢£¤¥¦§¨ª«¬¯°±²³µ¶·¸¹º¼½¾¿ˇ˘˝";

/// The line as it was before UTF-8 was taken for another encoding, once or several times: the best that is met on the way back.
pub(super) fn read_again(line: &str) -> String {
    let mut best = (cost(line), line.to_owned());
    let (mut now, mut steps) = (line.to_owned(), 0);
    while let Some((read, step)) = one_back(&now) {
        steps += step;
        let found = cost(&read) + steps;
        if found < best.0 {
            best = (found, read.clone());
        }
        now = read;
    }
    best.1
}

/// The line before it was read wrongly for the last time, and what that weighs.
fn one_back(line: &str) -> Option<(String, i64)> {
    if line.is_ascii() {
        return None;
    }
    let whole = [false, true].into_iter().find_map(|windows| {
        let bytes: Option<Vec<u8>> = line.chars().map(|c| byte(c, windows)).collect();
        String::from_utf8(bytes?).ok()
    });
    if let Some(read) = whole {
        return read.chars().all(is_expected).then_some((read, 0));
    }
    if has_punctuation(line) {
        return Some((punctuated(line), 1));
    }
    let of_windows = |c: char| match c {
        '\u{80}'..='\u{9f}' => Some(windows_of(c)).filter(|now| *now != c),
        c => (c <= '\u{ff}').then_some(c),
    };
    let read: Option<String> = line.chars().map(of_windows).collect();
    read.filter(|read| read != line).map(|read| (read, 1))
}

/// The byte that `c` was read from, by Latin-1 or by Windows-1252.
fn byte(c: char, windows: bool) -> Option<u8> {
    match c {
        '\0'..='\u{7f}' | '\u{a0}'..='\u{ff}' => u8::try_from(c).ok(),
        '\u{80}'..='\u{9f}' if !windows => u8::try_from(c).ok(),
        c if windows => {
            let place = WINDOWS.iter().position(|known| *known == c)?;
            Some(0x80 + place as u8)
        }
        _ => None,
    }
}

pub(super) fn windows_of(c: char) -> char {
    match c {
        '\u{80}'..='\u{9f}' => WINDOWS[c as usize - 0x80],
        c => c,
    }
}

/// Letters and signs among which those of another script would stand out, and what is left of them where they were misread
/// more than once: a line with others is left as it is.
fn is_expected(c: char) -> bool {
    matches!(c, '\0'..='\u{24f}' | 'ˆ' | '˜' | '\u{2000}'..='\u{20cf}' | '\u{2100}'..='\u{2bff}'
        | '\u{fb00}'..='\u{fb06}' | '\u{feff}' | '\u{ff01}'..='\u{ff5e}' | '\u{fffd}' | '\u{1f000}'..='\u{1faff}')
}

/// How bad a line looks: its length, and what stands in misread text, less what is common.
fn cost(line: &str) -> i64 {
    let chars: Vec<char> = line.chars().collect();
    let of = |at: usize| {
        let control = matches!(chars[at], '\u{80}'..='\u{9f}');
        let common = COMMON.contains(chars[at]);
        1 + 2 * i64::from(control) - i64::from(common) + 2 * i64::from(is_misread(&chars[at..]))
    };
    (0..chars.len()).map(of).sum()
}

/// Whether a text begins as UTF-8 does that was misread.
fn is_misread(chars: &[char]) -> bool {
    let [first, second, rest @ ..] = chars else {
        return false;
    };
    let in_word = |c: &char| c.is_alphanumeric() || *c == '_';
    match first {
        'Â' | 'Ã' | 'Ă' => {
            let control = matches!(second, '\u{80}'..='\u{9f}');
            let cautious = "›»‘”©™".contains(*second) && rest.first().is_some_and(in_word);
            control || SECONDS.contains(*second) || cautious
        }
        'ð' | 'đ' => matches!(second, 'Ÿ' | '\u{9f}'),
        'â' => *second == '€',
        _ => false,
    }
}

/// Whether there is a sign of U+2000 to U+203F that was read as three characters.
fn has_punctuation(line: &str) -> bool {
    let chars: Vec<char> = line.chars().collect();
    let mut triples = chars.windows(3);
    triples.any(|three| three[0] == 'â' && sign(windows_of(three[1]), three[2]).is_some())
}

/// The sign that follows an `â`.
fn sign(second: char, third: char) -> Option<char> {
    let last = byte(windows_of(third), true).filter(|last| (0x80..=0xbf).contains(last))?;
    let code = 0x2000 + u32::from(last) - 0x80;
    char::from_u32(code).filter(|_| second == '€')
}

fn punctuated(line: &str) -> String {
    let chars: Vec<char> = line.chars().map(windows_of).collect();
    let mut out = String::with_capacity(line.len());
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let found = match chars[at..] {
            ['â', second, third, ..] => sign(second, third),
            _ => None,
        };
        out.push(found.unwrap_or(c));
        at += if found.is_some() { 3 } else { 1 };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cleaning::repair;

    /// `text` as a program shows it that takes UTF-8 for Windows-1252.
    fn misread(text: &str) -> String {
        let of = |byte: u8| match byte {
            0x80..=0x9f => WINDOWS[byte as usize - 0x80],
            byte => char::from(byte),
        };
        text.bytes().map(of).collect()
    }

    #[test]
    fn misread_text_is_read_again() {
        for text in [
            "It’s “so” — café, £5 … 50 °C",
            "naïve señor 😀",
            "\u{feff}begin",
        ] {
            assert_eq!(repair(&misread(text)), repair(text), "{text}");
        }
        for text in ["El Niño — yes", "It’s “so” good", "‘Ø’ is a letter 😀"] {
            let mut read = text.to_owned();
            for times in 2..4 {
                read = misread(&read);
                assert_eq!(
                    repair(&misread(&read)),
                    repair(text),
                    "{text}, {times} times"
                );
            }
            let latin = |text: &str| text.bytes().map(char::from).collect::<String>();
            assert_eq!(repair(&latin(&latin(text))), repair(text), "{text}");
        }
        // Not the whole line was misread.
        assert_eq!(repair("café itâ€™s"), "café it's");
        assert_eq!(repair("an ellipsis\u{85}"), "an ellipsis…");
    }
}

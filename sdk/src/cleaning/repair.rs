//! Repairs the characters of a text, line by line, as the library ftfy 5 does: the part of it that English text of the web
//! needs. In its order, and again until nothing changes:
//!
//! 1. terminal escapes go;
//! 2. UTF-8 that was read as Latin-1 or Windows-1252 is read again, where the whole line allows it and the result looks better by
//!    that library's measure; else `â€œ` and its like alone, and C1 controls are what Windows-1252 has for them;
//! 3. entities of HTML: numbers, and the names that HTML 4 has; none from the first line on that has `<` and `>`;
//! 4. Latin ligatures, full-width ASCII, curly quotes, line ends of all kinds, control characters.
//!
//! It has no other encodings, no bytes that were lost on the way, no half-width katakana, and composes no accents.

use super::misread::{read_again, windows_of};

/// Names of HTML's entities for the characters from U+00A0 to U+00FF, in their order.
const LATIN: &str = "\
    nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute \
    micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig \
    Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash \
    Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute \
    ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc \
    uuml yacute thorn yuml";

/// Names of others, each before its character.
const OTHERS: &str = "\
    quot \" apos ' amp & lt < gt > \
    OElig Œ oelig œ Scaron Š scaron š Yuml Ÿ fnof ƒ circ ˆ tilde ˜ Alpha Α Beta Β Gamma Γ \
    Delta Δ Epsilon Ε Zeta Ζ Eta Η Theta Θ Iota Ι Kappa Κ Lambda Λ Mu Μ Nu Ν Xi Ξ Omicron Ο Pi Π Rho Ρ Sigma Σ Tau Τ Upsilon Υ Phi Φ Chi Χ \
    Psi Ψ Omega Ω alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ mu μ nu ν xi \
    ξ omicron ο pi π rho ρ sigmaf ς sigma σ tau τ upsilon υ phi φ chi χ psi ψ omega ω thetasym ϑ upsih ϒ piv ϖ ndash \
    – mdash — lsquo ‘ rsquo ’ sbquo ‚ ldquo “ rdquo ” bdquo „ dagger † Dagger ‡ bull • hellip … permil ‰ prime ′ \
    Prime ″ lsaquo ‹ rsaquo › oline ‾ frasl ⁄ euro € image ℑ weierp ℘ real ℜ trade ™ alefsym ℵ larr ← uarr ↑ rarr → \
    darr ↓ harr ↔ crarr ↵ lArr ⇐ uArr ⇑ rArr ⇒ dArr ⇓ hArr ⇔ forall ∀ part ∂ exist ∃ empty ∅ nabla ∇ isin ∈ notin ∉ \
    ni ∋ prod ∏ sum ∑ minus − lowast ∗ radic √ prop ∝ infin ∞ ang ∠ and ∧ or ∨ cap ∩ cup ∪ int ∫ there4 ∴ sim ∼ cong \
    ≅ asymp ≈ ne ≠ equiv ≡ le ≤ ge ≥ sub ⊂ sup ⊃ nsub ⊄ sube ⊆ supe ⊇ oplus ⊕ otimes ⊗ perp ⊥ sdot ⋅ lceil ⌈ rceil ⌉ \
    lfloor ⌊ rfloor ⌋ lang ⟨ rang ⟩ loz ◊ spades ♠ clubs ♣ hearts ♥ diams ♦";

/// Names of spaces and marks that nobody sees.
const UNSEEN: [(&str, char); 7] = [
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("thinsp", '\u{2009}'),
    ("zwnj", '\u{200c}'),
    ("zwj", '\u{200d}'),
    ("lrm", '\u{200e}'),
    ("rlm", '\u{200f}'),
];

/// Ligatures and digraphs, and the letters that they are of.
const LIGATURES: [(char, &str); 22] = [
    ('Ĳ', "IJ"),
    ('ĳ', "ij"),
    ('ŉ', "\u{2bc}n"),
    ('Ǳ', "DZ"),
    ('ǲ', "Dz"),
    ('ǳ', "dz"),
    ('Ǆ', "DŽ"),
    ('ǅ', "Dž"),
    ('ǆ', "dž"),
    ('Ǉ', "LJ"),
    ('ǈ', "Lj"),
    ('ǉ', "lj"),
    ('Ǌ', "NJ"),
    ('ǋ', "Nj"),
    ('ǌ', "nj"),
    ('ﬀ', "ff"),
    ('ﬁ', "fi"),
    ('ﬂ', "fl"),
    ('ﬃ', "ffi"),
    ('ﬄ', "ffl"),
    ('ﬅ', "ſt"),
    ('ﬆ', "st"),
];

/// The text with its characters repaired.
#[must_use]
pub fn repair(text: &str) -> String {
    let mut entities = true;
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        entities &= !(line.contains('<') && line.contains('>'));
        let mut line = line.to_owned();
        loop {
            let next = once(&line, entities);
            if next == line {
                break;
            }
            line = next;
        }
        out.push_str(&line);
    }
    out
}

fn once(line: &str, entities: bool) -> String {
    let line = read_again(&without_escapes(line));
    let line = if entities { unescaped(&line) } else { line };
    let mut out = String::with_capacity(line.len());
    for c in line.replace("\r\n", "\n").chars() {
        match c {
            '\u{3000}' => out.push(' '),
            '\u{ff01}'..='\u{ff5e}' => out.extend(char::from_u32(u32::from(c) - 0xfee0)),
            '\u{2bc}' | '\u{2018}'..='\u{201b}' => out.push('\''),
            '\u{201c}'..='\u{201f}' => out.push('"'),
            '\r' | '\u{2028}' | '\u{2029}' | '\u{85}' => out.push('\n'),
            c if is_control(c) => {}
            c => match LIGATURES.iter().find(|(ligature, _)| *ligature == c) {
                Some((_, letters)) => out.push_str(letters),
                None => out.push(c),
            },
        }
    }
    out
}

fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{206a}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffc}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

fn without_escapes(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        match code.starts_with(|c: char| c.is_ascii_alphabetic()) {
            true => out.push_str(&code[1..]),
            false => out.extend(["\u{1b}[", part]),
        }
    }
    out
}

fn unescaped(line: &str) -> String {
    let mut parts = line.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let entity = part
            .split_once(';')
            .and_then(|(name, rest)| Some((entity(name)?, rest)));
        match entity {
            Some((text, rest)) => out.extend([&text, rest]),
            None => out.extend(["&", part]),
        }
    }
    out
}

/// The character of a named entity.
fn named(name: &str) -> Option<char> {
    let latin = || {
        let place = LATIN.split(' ').position(|known| known == name)?;
        char::from_u32(0xa0 + u32::try_from(place).ok()?)
    };
    let other = || {
        let mut words = OTHERS.split(' ');
        while let (Some(known), Some(text)) = (words.next(), words.next()) {
            if known == name {
                return text.chars().next();
            }
        }
        None
    };
    let unseen = || Some(UNSEEN.iter().find(|(known, _)| *known == name)?.1);
    latin().or_else(other).or_else(unseen)
}

/// What stands between `&` and `;`, as a text.
fn entity(name: &str) -> Option<String> {
    let Some(number) = name.strip_prefix('#') else {
        return named(name).map(String::from);
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let all = digits.chars().all(|c| c.is_digit(radix));
    let code = u32::from_str_radix(digits, radix).ok()?;
    let fits = all && number.len() <= 8 && code <= 0x0010_ffff;
    let c = windows_of(char::from_u32(code).unwrap_or('\u{fffd}'));
    fits.then(|| c.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_meant_stays() {
        for text in [
            "not such a fan of Charlotte Brontë…\"",
            "AHÅ™, the new sofa from IKEA®",
            "Größe Ärger Ö",
            "≤ & <b>&amp;</b> &unknown; &#x110000; &;",
            "漢字 text",
        ] {
            assert_eq!(repair(text), text);
        }
    }

    #[test]
    fn characters_are_what_they_stand_for() {
        for (text, want) in [
            (
                "&amp;amp; &lt;3 &#39;x&#x27; &#150; &nbsp;.",
                "& <3 'x' – \u{a0}.",
            ),
            (
                "caf&eacute; &Ntilde; &yuml;&times;2 &#233; &alpha;&diams;&thinsp;&lang;",
                "café Ñ ÿ×2 é α♦\u{2009}⟨",
            ),
            ("<b>&amp;</b>\n&amp;", "<b>&amp;</b>\n&amp;"),
            ("&amp;\n<b>", "&\n<b>"),
            ("\u{1b}[36;44mblue\u{1b}[0m \u{1b}[", "blue ["),
            ("ﬂuﬃeﬆ ＬＯＵＤ　ok", "fluffiest LOUD ok"),
            ("“a” ‘b’ \u{2bc}", "\"a\" 'b' '"),
            ("a\r\nb\rc\u{2028}d\u{7f}\0\u{feff}", "a\nb\nc\nd"),
            ("tab\tand\u{c}feed", "tab\tand\u{c}feed"),
        ] {
            assert_eq!(repair(text), want, "{text}");
        }
    }
}

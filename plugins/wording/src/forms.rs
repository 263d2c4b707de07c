//! What an inflected English word may be a form of, by its ending alone. It knows no irregular
//! words.

/// `word` itself, and what it may be a regular form of: `hopes`, `hoped` and `hoping` of `hope`,
/// `hopped` of `hop`.
pub fn forms(word: &str) -> Vec<String> {
    let mut found = vec![word.to_owned()];
    if let Some(stem) = word
        .strip_suffix("ies")
        .or_else(|| word.strip_suffix("ied"))
    {
        found.push(format!("{stem}y"));
    }
    if let Some(stem) = word.strip_suffix("es") {
        let hisses = ["s", "x", "z", "ch", "sh", "o"];
        if hisses.iter().any(|end| stem.ends_with(end)) {
            found.push(stem.to_owned());
        }
    }
    if let Some(stem) = word.strip_suffix('s')
        && !stem.ends_with(['s', 'u', 'i'])
    {
        found.push(stem.to_owned());
    }
    if let Some(stem) = word.strip_suffix("ed") {
        found.extend(stems(stem, true));
    }
    if let Some(stem) = word.strip_suffix("ing") {
        // `seeing` is no form of `seee`, nor `being` of `bee`.
        found.extend(stems(stem, !stem.ends_with('e')));
    }
    found.retain(|form| form == word || form.chars().count() >= 3);
    found
}

/// What may stand before `-ed` and `-ing`; with an `e` of its own where `has_e`.
fn stems(stem: &str, has_e: bool) -> Vec<String> {
    let mut found = Vec::new();
    if !stem.contains(is_vowel) {
        return found;
    }
    if !doubles(stem) {
        found.push(stem.to_owned());
    }
    let mut back = stem.chars().rev();
    if let Some(last) = back.next().filter(|last| back.next() == Some(*last)) {
        found.push(stem[..stem.len() - last.len_utf8()].to_owned());
    }
    if has_e {
        found.push(format!("{stem}e"));
    }
    found
}

/// Whether the last letter of `stem` would be doubled before an ending, as in `hopped`: one
/// syllable that ends in a consonant after a single vowel.
fn doubles(stem: &str) -> bool {
    let letters: Vec<char> = stem.chars().collect();
    let [first @ .., before, vowel, last] = letters.as_slice() else {
        return false;
    };
    let one_syllable = !first.iter().copied().any(is_vowel);
    one_syllable
        && is_vowel(*vowel)
        // The u of `quit` is no vowel of its own.
        && (!is_vowel(*before) || first.last() == Some(&'q'))
        && !is_vowel(*last)
        && !"wx".contains(*last)
}

fn is_vowel(c: char) -> bool {
    "aeiouy".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_forms_are_known() {
        for (word, of) in [
            ("eyes", "eye"),
            ("brushes", "brush"),
            ("skies", "sky"),
            ("carried", "carry"),
            ("hissed", "hiss"),
            ("gripped", "grip"),
            ("hoping", "hope"),
            ("rained", "rain"),
            ("glimmering", "glimmer"),
            ("agreed", "agree"),
            ("snowing", "snow"),
            ("echoes", "echo"),
        ] {
            assert!(forms(word).iter().any(|form| form == of), "{word}: {of}");
        }
    }

    #[test]
    fn what_only_looks_like_a_form_is_none() {
        for (word, none) in [
            ("hoped", "hop"),
            ("stared", "star"),
            ("hopes", "hop"),
            ("glass", "glas"),
            ("seed", "se"),
            ("this", "thi"),
            ("thing", "the"),
            ("being", "bee"),
        ] {
            assert!(!forms(word).iter().any(|form| form == none), "{word}");
        }
        assert_eq!(forms(""), [""]);
        assert_eq!(forms("ééing"), ["ééing"]);
    }
}

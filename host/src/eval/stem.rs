//! Porter's stemmer of English words, as NLTK has it: Porter (1980) with the changes that Porter made later and those
//! that NLTK made, which `rouge-score` uses. Knows words of `a-z` and `0-9`, in lower case; nothing of texts.

/// Words whose stems follow no rule.
const IRREGULAR: [(&str, &str); 16] = [
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

/// What an ending becomes where what is before it passes a test.
type Rule<'a> = (&'a str, &'a str, fn(&str) -> bool);

/// The stem of a word in lower case.
pub(super) fn stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(known, _)| *known == word) {
        return (*stem).to_owned();
    }
    if word.len() <= 2 {
        return word.to_owned();
    }
    let steps = [plural, past, final_y, double_suffix, suffix, last_suffix];
    let word = steps.iter().fold(word.to_owned(), |word, step| step(&word));
    final_l(&final_e(&word))
}

/// Whether the letter at `at` is a consonant: `y` is one at the begin and after a vowel.
fn is_consonant(word: &[u8], at: usize) -> bool {
    match word[at] {
        b'a' | b'e' | b'i' | b'o' | b'u' => false,
        b'y' => at == 0 || !is_consonant(word, at - 1),
        _ => true,
    }
}

/// How often a vowel is followed by a consonant.
fn measure(word: &str) -> usize {
    let word = word.as_bytes();
    let kinds = (1..word.len()).map(|at| (is_consonant(word, at - 1), is_consonant(word, at)));
    kinds.filter(|kinds| *kinds == (false, true)).count()
}

fn is_long(word: &str) -> bool {
    measure(word) > 0
}

fn is_longer(word: &str) -> bool {
    measure(word) > 1
}

fn has_vowel(word: &str) -> bool {
    (0..word.len()).any(|at| !is_consonant(word.as_bytes(), at))
}

fn ends_in_double_consonant(word: &str) -> bool {
    let bytes = word.as_bytes();
    let len = bytes.len();
    len >= 2 && bytes[len - 1] == bytes[len - 2] && is_consonant(bytes, len - 1)
}

/// Consonant, vowel, consonant at the end, the last of them not `w`, `x` or `y`; or the two of a word of two letters.
fn ends_in_closed_syllable(word: &str) -> bool {
    let bytes = word.as_bytes();
    let len = bytes.len();
    let is = |at: usize| is_consonant(bytes, at);
    match len {
        0 | 1 => false,
        2 => !is(0) && is(1),
        _ => is(len - 3) && !is(len - 2) && is(len - 1) && !b"wxy".contains(&bytes[len - 1]),
    }
}

/// The first rule whose ending the word has decides.
fn by_rules(word: &str, rules: &[Rule<'_>]) -> String {
    for (ending, becomes, passes) in rules {
        if let Some(stem) = word.strip_suffix(ending) {
            return match passes(stem) {
                true => format!("{stem}{becomes}"),
                false => word.to_owned(),
            };
        }
    }
    word.to_owned()
}

/// Step 1a.
fn plural(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|_| word.len() == 4) {
        return format!("{stem}ie");
    }
    let always = |_: &str| true;
    by_rules(
        word,
        &[
            ("sses", "ss", always),
            ("ies", "i", always),
            ("ss", "ss", always),
            ("s", "", always),
        ],
    )
}

/// Step 1b.
fn past(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ied") {
        return match word.len() {
            4 => format!("{stem}ie"),
            _ => format!("{stem}i"),
        };
    }
    if word.ends_with("eed") {
        return by_rules(word, &[("eed", "ee", is_long)]);
    }
    let without = ["ed", "ing"].map(|ending| word.strip_suffix(ending));
    let Some(stem) = without.into_iter().flatten().find(|stem| has_vowel(stem)) else {
        return word.to_owned();
    };
    if ["at", "bl", "iz"].iter().any(|end| stem.ends_with(end)) {
        return format!("{stem}e");
    }
    if ends_in_double_consonant(stem) {
        let kept = ["l", "s", "z"].iter().any(|end| stem.ends_with(end));
        return stem[..stem.len() - usize::from(!kept)].to_owned();
    }
    match measure(stem) == 1 && ends_in_closed_syllable(stem) {
        true => format!("{stem}e"),
        false => stem.to_owned(),
    }
}

/// Step 1c.
fn final_y(word: &str) -> String {
    let after_consonant =
        |stem: &str| stem.len() > 1 && is_consonant(stem.as_bytes(), stem.len() - 1);
    by_rules(word, &[("y", "i", after_consonant)])
}

/// Step 2.
fn double_suffix(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("alli").filter(|stem| is_long(stem)) {
        return double_suffix(&format!("{stem}al"));
    }
    // Of what is before `logi` with the `l` and the `o`, which are part of it.
    let before_logi = |stem: &str| is_long(&format!("{stem}l"));
    by_rules(
        word,
        &[
            ("ational", "ate", is_long),
            ("tional", "tion", is_long),
            ("enci", "ence", is_long),
            ("anci", "ance", is_long),
            ("izer", "ize", is_long),
            ("bli", "ble", is_long),
            ("alli", "al", is_long),
            ("entli", "ent", is_long),
            ("eli", "e", is_long),
            ("ousli", "ous", is_long),
            ("ization", "ize", is_long),
            ("ation", "ate", is_long),
            ("ator", "ate", is_long),
            ("alism", "al", is_long),
            ("iveness", "ive", is_long),
            ("fulness", "ful", is_long),
            ("ousness", "ous", is_long),
            ("aliti", "al", is_long),
            ("iviti", "ive", is_long),
            ("biliti", "ble", is_long),
            ("fulli", "ful", is_long),
            ("logi", "log", before_logi),
        ],
    )
}

/// Step 3.
fn suffix(word: &str) -> String {
    by_rules(
        word,
        &[
            ("icate", "ic", is_long),
            ("ative", "", is_long),
            ("alize", "al", is_long),
            ("iciti", "ic", is_long),
            ("ical", "ic", is_long),
            ("ful", "", is_long),
            ("ness", "", is_long),
        ],
    )
}

/// Step 4.
fn last_suffix(word: &str) -> String {
    let after_st = |stem: &str| is_longer(stem) && stem.ends_with(['s', 't']);
    by_rules(
        word,
        &[
            ("al", "", is_longer),
            ("ance", "", is_longer),
            ("ence", "", is_longer),
            ("er", "", is_longer),
            ("ic", "", is_longer),
            ("able", "", is_longer),
            ("ible", "", is_longer),
            ("ant", "", is_longer),
            ("ement", "", is_longer),
            ("ment", "", is_longer),
            ("ent", "", is_longer),
            ("ion", "", after_st),
            ("ou", "", is_longer),
            ("ism", "", is_longer),
            ("ate", "", is_longer),
            ("iti", "", is_longer),
            ("ous", "", is_longer),
            ("ive", "", is_longer),
            ("ize", "", is_longer),
        ],
    )
}

/// Step 5a.
fn final_e(word: &str) -> String {
    match word.strip_suffix('e') {
        Some(stem) if is_longer(stem) => stem.to_owned(),
        Some(stem) if measure(stem) == 1 && !ends_in_closed_syllable(stem) => stem.to_owned(),
        _ => word.to_owned(),
    }
}

/// Step 5b.
fn final_l(word: &str) -> String {
    match word.ends_with("ll") && is_longer(&word[..word.len() - 1]) {
        true => word[..word.len() - 1].to_owned(),
        false => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    /// Words and stems of `nltk.stem.porter.PorterStemmer().stem`, NLTK 3.10.4; `scripts/rouge.py` compares more.
    #[test]
    fn stems_are_those_of_nltk() {
        let known = include_str!("../../../tests/eval/stems.txt");
        for line in known.lines() {
            let (word, expected) = line.split_once(' ').expect("two words a line");
            assert_eq!(stem(word), expected, "{word}");
        }
    }
}

//! Which known name somebody may have meant. Knows letters, not what the names are for.

/// The known name that takes the fewest changes, when they are few for a word of that length.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (distance(word, name), name))
        .min()
        .filter(|(far, _)| *far <= 1 + word.chars().count() / 3)
        .map(|(_, name)| name)
}

/// How many letters must change to make `a` of `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["valence", "length", "repetition"];
        assert_eq!(nearest("valance", known), Some("valence"));
        assert_eq!(nearest("lenght", known), Some("length"));
        assert_eq!(nearest("politeness", known), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}

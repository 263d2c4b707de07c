//! Answers that take sentences of the query as they stand: what any summary must be better than.

use super::copying::sentences;
use crate::seed::Stream;

/// The first `count` sentences.
#[must_use]
pub fn lead(text: &str, count: usize) -> String {
    let all = whole(text);
    all[..count.min(all.len())].join(" ")
}

/// `count` sentences drawn without replacement, in the order in which they stand; all of them where there are no more.
#[must_use]
pub fn random(text: &str, count: usize, seed: u64) -> String {
    let all = whole(text);
    let mut drawn = Stream::new(seed).permutation(all.len());
    drawn.truncate(count);
    drawn.sort_unstable();
    let drawn: Vec<&str> = drawn.into_iter().map(|at| all[at]).collect();
    drawn.join(" ")
}

/// The sentences that have a word.
fn whole(text: &str) -> Vec<&str> {
    sentences(text)
        .map(str::trim)
        .filter(|sentence| sentence.contains(char::is_alphanumeric))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_taken_as_they_stand() {
        let text = "It rained. -- \nNobody came, he said!  Did 3.5 people? Yes";
        assert_eq!(lead(text, 1), "It rained.");
        assert_eq!(lead(text, 2), "It rained. Nobody came, he said!");
        assert_eq!(lead(text, 9), lead(text, 4));
        assert_eq!(lead("", 3), "");
        let all = whole(text);
        for seed in 0..20 {
            let drawn = random(text, 2, seed);
            assert_eq!(drawn, random(text, 2, seed));
            let places: Vec<usize> = (0..all.len())
                .filter(|at| drawn.contains(all[*at]))
                .collect();
            assert_eq!(places.len(), 2, "{drawn}");
            assert_eq!(drawn, format!("{} {}", all[places[0]], all[places[1]]));
        }
        assert_eq!(random(text, 9, 1), lead(text, 9));
    }
}

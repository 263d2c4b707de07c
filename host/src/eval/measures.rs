//! What is measured of one answer by its text: words of the reference, copies of the query, length.

use super::copying::Copying;
use super::rouge::{Overlap, Rouge};

/// N-grams up to this are counted as new as well as copied, as papers on abstraction do.
const NOVEL: usize = 4;

/// All that can be said of `text` as an answer to `query`, by name. `docs/evaluation.md` explains each.
#[must_use]
pub fn of_text(text: &str, query: &str, reference: &str) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    if !reference.is_empty() {
        overlap(text, reference, &mut found);
    }
    let copying = Copying::of(text, query);
    let mut add = |name: &str, value: Option<f64>| {
        found.extend(value.map(|value| (name.to_owned(), value)));
    };
    add("copied_sentences", copying.sentence_share());
    for n in 1..=copying.ngrams.len() {
        let share = copying.ngram_share(n);
        add(&format!("copied_{n}grams"), share);
        if n <= NOVEL {
            add(&format!("novel_{n}grams"), share.map(|share| 1.0 - share));
        }
    }
    add("longest_copied_run", Some(copying.longest_run as f64));
    add("copied_from", copying.from);
    let begins = f64::from(u8::from(copying.copies_begin));
    add("copies_begin", (copying.words > 0).then_some(begins));
    add("words", Some(copying.words as f64));
    let is_empty = f64::from(u8::from(copying.words == 0));
    add("empty", Some(is_empty));
    add("characters", Some(text.trim().chars().count() as f64));
    found
}

fn overlap(text: &str, reference: &str, found: &mut Vec<(String, f64)>) {
    let [stemmed, plain] = [true, false].map(|stemmed| Rouge::of(text, reference, stemmed));
    let named = |rouge: &Rouge| {
        [
            ("rouge1", rouge.rouge1),
            ("rouge2", rouge.rouge2),
            ("rougeL", rouge.rouge_l),
            ("rougeLsum", rouge.rouge_lsum),
        ]
    };
    for ((name, stemmed), (_, plain)) in named(&stemmed).into_iter().zip(named(&plain)) {
        let Overlap {
            precision,
            recall,
            f1,
        } = stemmed;
        found.extend([
            (name.to_owned(), f1),
            (format!("{name}_precision"), precision),
            (format!("{name}_recall"), recall),
            (format!("{name}_unstemmed"), plain.f1),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_measures_that_its_query_allows() {
        let query = "It rained all day. Nobody came.";
        let all = of_text("Nobody came.", query, "nobody came today");
        let get = |name: &str| all.iter().find(|(known, _)| known == name).map(|(_, v)| *v);
        assert_eq!(get("rouge1_recall"), Some(2.0 / 3.0));
        assert_eq!(get("rouge1_precision"), Some(1.0));
        assert_eq!(get("copied_sentences"), Some(1.0));
        assert_eq!(get("novel_2grams"), Some(0.0));
        // Two words have no run of three.
        assert_eq!(get("copied_3grams"), None);
        assert_eq!(get("longest_copied_run"), Some(2.0));
        assert_eq!(get("copies_begin"), Some(0.0));
        assert_eq!((get("words"), get("characters")), (Some(2.0), Some(12.0)));
        assert_eq!(get("empty"), Some(0.0));
        // Marks are no words.
        for text in ["", " ...\n"] {
            let silent = of_text(text, query, "");
            assert!(silent.iter().all(|(name, _)| !name.starts_with("rouge")));
            assert!(silent.contains(&("empty".to_owned(), 1.0)), "{silent:?}");
            // Of nothing no share is copied.
            assert_eq!(silent.len(), 4, "{silent:?}");
        }
    }
}

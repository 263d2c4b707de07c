//! Tables and lines of a comparison that is made up.

use std::collections::BTreeMap;

use serde_json::Value;

use super::report::{
    ContestReport, EntryReport, JudgeReport, PairReport, Rated, Report, Sampling, ScorePair,
    Scored, VERSION,
};
use super::{files, numbers, tables};
use crate::eval::contest::{Compared, Contest, Verdict};
use crate::eval::rating::Rating;
use crate::eval::share::{Mean, Paired, Share};
use crate::eval::spread::{Spread, tenths};
use crate::role::Identity;

fn mean(value: f64, count: usize) -> Mean {
    Mean {
        value,
        low: value - 0.25,
        high: value + 0.25,
        count,
    }
}

fn paired(value: f64, count: usize) -> Paired {
    Paired {
        difference: mean(value, count),
        p: 0.5,
    }
}

fn named<T, const N: usize>(all: [(&str, T); N]) -> BTreeMap<String, T> {
    all.map(|(name, one)| (name.to_owned(), one)).into()
}

/// Eight answers to ten queries, of which six have no word.
fn entry(name: &str) -> EntryReport {
    EntryReport {
        name: name.to_owned(),
        kind: "model".to_owned(),
        sha256: None,
        labels: Some(64),
        answers: 8,
        missing: 2,
        cut: 0,
        invalid: Some(Share::of(1.0, 8)),
        invalid_because: named([("no end, penalty -1", 1)]),
        empty: Some(Share::of(6.0, 8)),
        measures: named([
            ("rouge1", mean(0.5, 8)),
            ("copied_2grams", mean(0.5, 2)),
            ("copied_4grams", mean(0.5, 1)),
            ("entropy", mean(1.5, 8)),
        ]),
        quantiles: named([("words", Spread::of(&[1.0, 2.0, 3.5]).unwrap())]),
        copied_from_tenths: tenths(&[0.0, 0.05, 0.25]),
        kl_bound: None,
        paired: named([("rouge1", paired(0.5, 6)), ("novel_2grams", paired(0.5, 2))]),
    }
}

fn judge() -> JudgeReport {
    let compared = |verdict| Compared {
        query: 0,
        verdict,
        lengths: [3.0, 3.0],
    };
    let scored = |name: &str, count| Scored {
        entry: name.to_owned(),
        score: mean(2.0, count),
        kl: None,
        on_frontier: None,
        paired: None,
    };
    JudgeReport {
        name: "letters".to_owned(),
        kind: "labeler",
        about: Value::Null,
        failed: 0,
        failed_scores: 1,
        first_seat: Some(Share::of(2.0, 4)),
        scores: vec![scored("a", 7), scored("b", 8)],
        score_pairs: vec![ScorePair {
            first: "b".to_owned(),
            second: "c".to_owned(),
            paired: paired(1.0, 8),
        }],
        contests: vec![ContestReport {
            first: "a".to_owned(),
            second: "b".to_owned(),
            contest: Contest::of(&[compared(Verdict::Win), compared(Verdict::Loss)], 1).unwrap(),
        }],
        ratings: vec![Rated {
            entry: "a".to_owned(),
            rating: Rating {
                value: 10.0,
                low: None,
                high: None,
                wald_low: -5.0,
                wald_high: 25.0,
                count: 16,
            },
        }],
    }
}

fn report() -> Report {
    Report {
        version: VERSION,
        attune: "0",
        seed: 7,
        queries: 10,
        with_reference: 10,
        rows: Vec::new(),
        task: Identity::of_program("task", "0"),
        reference_sha256: String::new(),
        sampling: Sampling {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            response_len: 8,
        },
        against: "a".to_owned(),
        entries: ["a", "b", "c"].map(entry).into(),
        pairs: vec![PairReport {
            first: "b".to_owned(),
            second: "c".to_owned(),
            paired: named([("novel_2grams", paired(0.5, 2))]),
        }],
        judges: vec![judge()],
    }
}

fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn a_cell_says_of_how_many_answers_it_is_where_that_is_not_all() {
    let report = report();
    let shown = tables::of(&report);
    let text: String = shown.iter().map(|table| table.markdown()).collect();
    holds(
        &text,
        &[
            "| ROUGE-1 | 50.0 (25.0 to 75.0) |",
            "| copied 4-grams, % | 50.0 (25.0 to 75.0; n 1) |",
            "| empty, % | 75.0 (",
            "| score by letters | 2.000 (1.750 to 2.250; n 7) | 2.000 (1.750 to 2.250) | – |",
            "| wins over a by letters, % | – | 50.0 (",
            "; n 2) | – |",
            "| b | rouge1 | 0.500 (0.250 to 0.750) | 0.500 | 6 |",
            "It failed on 1 answers",
            "| a | +10 | 16 |",
        ],
    );
    // Of the many tests a few are shown.
    assert!(!text.contains("novel_2grams"), "{text}");
}

#[test]
fn nothing_is_left_out_of_the_files() {
    let report = report();
    let text = String::from_utf8(files::markdown(&report, &tables::of(&report))).unwrap();
    holds(
        &text,
        &[
            "## more of each entry",
            "| missing | 2 | 2 | 2 |",
            "| invalid: no end, penalty -1 | 1 | 1 | 1 |",
            "| copied_2grams | 0.500 (0.250 to 0.750; n 2) |",
            "| entropy | 1.500 (1.250 to 1.750) |",
            "| a | words | 1 | 1.1 | 1.5 | 2 | 2.75 | 3.35 | 3.5 | 3 |",
            "| a | 2 | 0 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 3 |",
        ],
    );
    let csv = String::from_utf8(numbers::csv(&report)).unwrap();
    holds(
        &csv,
        &[
            "\na,,,labels,64,,,,\n",
            "\na,,,missing,2,,,,\n",
            "\na,,,copied_4grams,0.5,0.25,0.75,1,\n",
            "\na,,,empty,0.75,",
            "\na,,,\"invalid_because no end, penalty -1\",1,,,8,\n",
            "\na,,,words_p25,1.5,,,3,\n",
            "\na,,,copied_from_tenth_1,2,,,3,\n",
            "\na,,,copied_from_tenth_10,0,,,3,\n",
            "\nb,a,,rouge1,0.5,0.25,0.75,6,0.5\n",
            "\nb,c,,novel_2grams,0.5,0.25,0.75,2,0.5\n",
            "\n,,letters,failed_scores,1,,,,\n",
            "\n,,letters,first_seat,0.5,",
            "\nb,c,letters,score,1,0.75,1.25,8,0.5\n",
            "\na,b,letters,wins,1,,,2,\n",
            "\na,,letters,rating,10,,,16,\n",
            "\na,,letters,rating_wald,10,-5,25,16,\n",
        ],
    );
}

//! What is a label and what is none; and labels for other tests.

use super::*;
use proptest::prelude::*;

/// A comparison of texts, of token ids, or of both.
pub(super) fn comparison(count: usize) -> impl Strategy<Value = Comparison> {
    let passage = prop_oneof![
        ".{0,12}".prop_map(Passage::of_text),
        prop::collection::vec(0u32..60_000, 0..6).prop_map(Passage::of_tokens),
        (".{0,12}", prop::collection::vec(0u32..60_000, 0..6)).prop_map(|(text, tokens)| {
            Passage {
                text: Some(text),
                tokens: Some(tokens),
            }
        }),
    ];
    let source = prop::option::of(
        ("[a-z/]{1,8}", "[0-9a-f]{64}")
            .prop_map(|(checkpoint, config)| Source { checkpoint, config }),
    );
    (
        passage.clone(),
        prop::collection::vec(passage, count),
        source,
    )
        .prop_map(|(query, responses, source)| Comparison {
            query,
            responses,
            source,
        })
}

/// Any label that passes its check.
pub(super) fn label() -> impl Strategy<Value = Label> {
    let answered = prop_oneof![
        (2usize..6).prop_flat_map(|n| (comparison(n), (0..n).prop_map(Answer::Best))),
        (2usize..6).prop_flat_map(|n| {
            let tie = prop::sample::subsequence((0..n).collect::<Vec<_>>(), 2..=n);
            (comparison(n), tie.prop_map(Answer::Tie))
        }),
        (comparison(2), (-9.0..9.0).prop_map(Answer::Difference)),
        (comparison(1), (-9.0..9.0).prop_map(Answer::Rating)),
        (comparison(3), Just(Answer::Abstain)),
        (comparison(4), Just(Answer::Skip)),
    ];
    let labeler = prop_oneof![
        ".{1,8}".prop_map(Labeler::Person),
        ("[a-z]{1,8}", "[0-9]\\.[0-9]", "[0-9a-f]{64}").prop_map(|(name, version, sha256)| {
            Labeler::Plugin {
                name,
                version,
                sha256,
            }
        }),
        Just(Labeler::Unknown),
    ];
    (answered, labeler, prop::option::of(0i64..1 << 42)).prop_map(
        |((comparison, answer), labeler, time)| Label {
            comparison,
            answer,
            labeler,
            time,
        },
    )
}

/// A label of texts.
pub(super) fn of_texts(query: &str, responses: &[&str], answer: Answer) -> Label {
    Label {
        comparison: Comparison {
            query: Passage::of_text(query),
            responses: responses.iter().map(|r| Passage::of_text(*r)).collect(),
            source: None,
        },
        answer,
        labeler: Labeler::Unknown,
        time: None,
    }
}

proptest! {
    #[test]
    fn what_is_made_here_is_a_label(label in label()) {
        prop_assert_eq!(label.check(), Ok(()));
    }
}

#[test]
fn what_is_not_there_cannot_be_the_best() {
    for (responses, answer, field, part) in [
        (
            &["a", "b"][..],
            Answer::Best(2),
            "best",
            "is 2, must be 0 to 1",
        ),
        (
            &["a"],
            Answer::Best(0),
            "responses",
            "are 1, must be at least 2",
        ),
        (&["a", "b"], Answer::Rating(1.0), "responses", "exactly 1"),
        (
            &["a", "b", "c"],
            Answer::Difference(1.0),
            "responses",
            "exactly 2",
        ),
        (&["a", "b"], Answer::Difference(f64::NAN), "score", "NaN"),
        (
            &["a", "b"],
            Answer::Tie(vec![0, 2]),
            "tie",
            "names 2, must be 0 to 1",
        ),
        (&["a", "b"], Answer::Tie(vec![0, 0]), "tie", "different"),
        (&["a", "b"], Answer::Tie(vec![1]), "tie", "two or more"),
    ] {
        let problem = of_texts("q", responses, answer).check().unwrap_err();
        assert_eq!(problem.field, field);
        assert!(problem.problem.contains(part), "{problem}");
    }
    let mut silent = of_texts("q", &["a", "b"], Answer::Skip);
    silent.comparison.responses[1] = Passage::default();
    let problem = silent.check().unwrap_err();
    assert!(problem.to_string().contains("1 has neither"), "{problem}");
}

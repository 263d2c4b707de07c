//! What is a label and what is none; and labels for other tests.

use super::*;
use proptest::prelude::*;

/// Passages with text, token ids, or both.
fn passage(text: bool, tokens: bool) -> impl Strategy<Value = Passage> {
    let parts = (".{0,12}", prop::collection::vec(0u32..60_000, 0..6));
    parts.prop_map(move |(words, ids)| Passage {
        text: text.then_some(words),
        tokens: tokens.then_some(ids),
    })
}

/// A comparison of passages with text, token ids, or both.
fn comparison(count: usize, text: bool, tokens: bool) -> impl Strategy<Value = Comparison> {
    let source = prop::option::of(
        ("[a-z/]{1,8}", "[0-9a-f]{64}")
            .prop_map(|(checkpoint, config)| Source { checkpoint, config }),
    );
    (
        passage(text, tokens),
        prop::collection::vec(passage(text, tokens), count),
        source,
    )
        .prop_map(|(query, responses, source)| Comparison {
            query,
            responses,
            source,
        })
}

/// Places in any order, in groups of any size.
pub(super) fn ranking(count: usize) -> impl Strategy<Value = Answer> {
    let places = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
    let cuts = prop::sample::subsequence((1..count).collect::<Vec<_>>(), 1..count);
    (places, cuts).prop_map(move |(places, cuts)| {
        let ends = cuts.iter().copied().chain([count]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let groups = starts.zip(ends).map(|(from, to)| {
            let mut group = places[from..to].to_vec();
            group.sort_unstable();
            group
        });
        Answer::Ranking(groups.collect())
    })
}

/// Any label that passes its check.
pub(super) fn label() -> impl Strategy<Value = Label> {
    prop_oneof![
        label_of(true, false),
        label_of(false, true),
        label_of(true, true)
    ]
}

/// Labels that one file can hold: all have text, or all have token ids, and some may have both.
pub(super) fn labels() -> impl Strategy<Value = Vec<Label>> {
    let with = |text, tokens| {
        let some = prop_oneof![3 => label_of(text, tokens), 1 => label_of(true, true)];
        prop::collection::vec(some, 1..9)
    };
    prop_oneof![
        4 => with(true, false),
        2 => with(false, true),
        2 => with(true, true)
    ]
}

fn label_of(text: bool, tokens: bool) -> impl Strategy<Value = Label> {
    let comparison = move |count| comparison(count, text, tokens);
    let answered = prop_oneof![
        (2usize..6).prop_flat_map(move |n| (comparison(n), (0..n).prop_map(Answer::Best))),
        (2usize..6).prop_flat_map(move |n| {
            let tie = prop::sample::subsequence((0..n).collect::<Vec<_>>(), 2..=n);
            (comparison(n), tie.prop_map(Answer::Tie))
        }),
        (3usize..6).prop_flat_map(move |n| (comparison(n), ranking(n))),
        (comparison(2), (-9.0..9.0).prop_map(Answer::Difference)),
        (comparison(1), (-9.0..9.0).prop_map(Answer::Rating)),
        (
            comparison(1),
            (0..=10).prop_map(|rating| Answer::Rating(f64::from(rating)))
        ),
        (1usize..4).prop_flat_map(move |n| (comparison(n), Just(Answer::Abstain))),
        (1usize..5).prop_flat_map(move |n| (comparison(n), Just(Answer::Skip))),
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
    silent.comparison.responses[1] = Passage::of_tokens(vec![1]);
    let problem = silent.check().unwrap_err().to_string();
    assert!(
        problem.contains("`responses`: 1 is not written as"),
        "{problem}"
    );
}

#[test]
fn a_ranking_names_each_response_once() {
    for (responses, answer, part) in [
        (
            &["a", "b"][..],
            Answer::Ranking(vec![vec![0], vec![1]]),
            "of two responses",
        ),
        (
            &["a", "b", "c"],
            Answer::Ranking(vec![vec![2], vec![0]]),
            "each of 0 to 2 once",
        ),
        (
            &["a", "b", "c"],
            Answer::Ranking(vec![vec![0, 1], vec![2, 1]]),
            "each of 0 to 2 once",
        ),
        (
            &["a", "b", "c"],
            Answer::Ranking(vec![vec![0, 1, 2], vec![]]),
            "each of 0 to 2 once",
        ),
        (
            &["a", "b", "c"],
            Answer::Ranking(vec![vec![0, 1, 2]]),
            "one group",
        ),
    ] {
        let problem = of_texts("q", responses, answer).check().unwrap_err();
        assert_eq!(problem.field, "ranking");
        assert!(problem.problem.contains(part), "{problem}");
    }
}

#[test]
fn a_ranking_says_no_more_than_it_knows() {
    let [last, both, all] = [
        Answer::ranked(vec![vec![1], vec![0]], 2),
        Answer::ranked(vec![vec![0, 1]], 2),
        Answer::ranked(vec![vec![2], vec![0, 1]], 3),
    ];
    assert_eq!(last, Answer::Best(1));
    assert_eq!(both, Answer::Tie(vec![0, 1]));
    assert_eq!(all, Answer::Ranking(vec![vec![2], vec![0, 1]]));
    assert_eq!(all.first(), Some(2));
    assert_eq!(Answer::ranked(vec![vec![0, 1], vec![2]], 3).first(), None);
    // What leaves some out is no choice of the others.
    for part in [vec![vec![1], vec![0]], vec![vec![0, 1]]] {
        assert_eq!(Answer::ranked(part.clone(), 3), Answer::Ranking(part));
    }
    assert_eq!(
        serde_json::to_string(&all).unwrap(),
        r#"{"ranking":[[2],[0,1]]}"#
    );
}

use std::collections::BTreeSet;

use super::*;
use crate::fetch::{ratings, snippets};

/// A table of texts `t1`, `t2`, … and one of their ratings: three each, all of which `rating` says.
fn tables(count: u32, rating: impl Fn(u32) -> [i8; 3]) -> (Vec<Snippet>, String) {
    let (mut texts, mut single) = (String::new(), String::new());
    for id in 1..=count {
        let [a, b, c] = rating(id);
        let mean = f64::from(a + b + c) / 3.0;
        texts += &format!("{id}\t{mean}\tt{id}\n");
        single += &format!("{id}\t{mean}\t0\t[{a}, {b}, {c}]\n");
    }
    (snippets::parse(&texts).unwrap(), single)
}

fn spread(id: u32) -> [i8; 3] {
    [0, 1, 2].map(|rater| (hash(&format!("{id} {rater}")) % 9) as i8 - 4)
}

fn responses(line: &str) -> [String; 4] {
    let label: Value = serde_json::from_str(line).unwrap();
    [0, 1, 2, 3].map(|at| {
        let text = &label["comparison"]["responses"][at]["text"];
        text.as_str().unwrap().to_owned()
    })
}

#[test]
fn numbers_are_the_same_everywhere() {
    let mut numbers = Numbers::new("human.test");
    let drawn: Vec<_> = (0..8).map(|_| numbers.below(1000)).collect();
    assert_eq!(drawn, [303, 939, 217, 879, 500, 762, 503, 950]);
}

#[test]
fn numbers_are_equally_likely() {
    let mut numbers = Numbers::new("dice");
    let mut counts = [0; 6];
    for _ in 0..6000 {
        counts[numbers.below(6)] += 1;
    }
    let fair = |count| (850..=1150).contains(count);
    assert!(counts.iter().all(fair), "{counts:?}");
}

#[test]
fn a_label_is_a_line_that_the_host_reads() {
    let (snippets, single) = tables(4, |id| [id as i8; 3]);
    let rated = ratings::parse(&single, &snippets).unwrap();
    let drawn = Drawn {
        responses: [2, 0, 3, 1].map(|at| rated[at].snippet),
        means: [2.5, 0.0, 3.0, 1.0],
        held_out: [4.0, 1.0, 4.0, 1.0],
    };
    let comparison = r#"{"comparison":{"query":{"text":""},"responses":[{"text":"t3"},{"text":"t1"},{"text":"t4"},{"text":"t2"}]},"#;
    assert_eq!(
        lines(&[drawn], |drawn| best(&drawn.means), "raters"),
        [format!(
            "{comparison}{}\n",
            r#""answer":{"best":2},"labeler":{"person":"raters"}}"#
        )]
    );
    let drawn = Drawn {
        responses: [2, 0, 3, 1].map(|at| rated[at].snippet),
        means: [0.0; 4],
        held_out: [4.0, 1.0, 4.0, 1.0],
    };
    assert_eq!(
        lines(&[drawn], |drawn| ranking(&drawn.held_out), "held-out rater"),
        [format!(
            "{comparison}{}\n",
            r#""answer":{"ranking":[[0,2],[1,3]]},"labeler":{"person":"held-out rater"}}"#
        )]
    );
}

#[test]
fn splits_share_no_snippet_and_no_text() {
    let (snippets, single) = tables(1000, spread);
    let rated = ratings::parse(&single, &snippets).unwrap();
    let drawn = draw(&rated).unwrap();
    assert_eq!(
        drawn.files.each_ref().map(Vec::len),
        [4096, 512, 2048, 2048]
    );
    let texts = drawn.files.map(|lines| -> BTreeSet<String> {
        lines.iter().flat_map(|line| responses(line)).collect()
    });
    assert_eq!(texts[2], texts[3]);
    let parts = [&texts[0], &texts[1], &texts[2]];
    let all: BTreeSet<_> = parts.into_iter().flatten().collect();
    assert_eq!(
        all.len(),
        parts.iter().map(|part| part.len()).sum::<usize>()
    );
    for snippet in snippets.iter().filter(|snippet| snippet.is_test()) {
        assert!(texts[2].contains(snippet.text()), "{}", snippet.text());
    }
}

#[test]
fn a_text_that_stands_twice_stays_in_test() {
    let (test, train) = (1..1000)
        .find_map(|id| {
            let (snippets, _) = tables(id + 1, spread);
            let [.., one, other] = &snippets[..] else {
                return None;
            };
            let train = !other.is_test() && !other.is_validation();
            (one.is_test() && train).then_some((id, id + 1))
        })
        .unwrap();
    let texts = format!("{train}\t1\tsame\n{test}\t1\tsame\n");
    let single = format!("{train}\t1\t0\t[1, 1]\n{test}\t1\t0\t[1, 1]\n");
    let snippets = snippets::parse(&texts).unwrap();
    let rated = ratings::parse(&single, &snippets).unwrap();
    let [in_test, in_validation, in_train] = split(&rated);
    assert_eq!(in_test[0].snippet.id(), test);
    assert_eq!(
        (in_test.len(), in_validation.len(), in_train.len()),
        (1, 0, 0)
    );
}

#[test]
fn a_comparison_has_four_snippets_and_means_without_what_is_held_out() {
    let (snippets, single) = tables(30, spread);
    let rated = ratings::parse(&single, &snippets).unwrap();
    let part: Vec<_> = rated.iter().collect();
    for drawn in comparisons(&part, "some", 200).unwrap() {
        let ids: BTreeSet<_> = drawn.responses.iter().map(|snippet| snippet.id()).collect();
        assert_eq!(ids.len(), 4);
        assert_eq!(highest(&drawn.means).len(), 1);
        for at in 0..4 {
            let said = spread(drawn.responses[at].id());
            let sum: i8 = said.iter().sum();
            assert!(
                said.iter()
                    .any(|rating| f64::from(*rating) == drawn.held_out[at])
            );
            assert_eq!(drawn.means[at], (f64::from(sum) - drawn.held_out[at]) / 2.0);
        }
    }
}

#[test]
fn more_comparisons_leave_the_first_as_they_are() {
    let (snippets, single) = tables(30, spread);
    let rated = ratings::parse(&single, &snippets).unwrap();
    let part: Vec<_> = rated.iter().collect();
    let written = |count| {
        let drawn = comparisons(&part, "some", count).unwrap();
        lines(&drawn, |drawn| ranking(&drawn.held_out), "a")
    };
    assert_eq!(written(20), written(50)[..20]);
    assert!(comparisons(&part[..3], "some", 1).is_err());
}

#[test]
fn a_tie_agrees_in_part() {
    let (snippets, _) = tables(4, spread);
    let drawn = |means, held_out| Drawn {
        responses: [0, 1, 2, 3].map(|at| &snippets[at]),
        means,
        held_out,
    };
    let same = drawn([0.0, 1.0, 2.0, 3.0], [-1.0, 0.0, 1.0, 2.0]);
    assert_eq!(
        agreement(&[same]),
        Agreement {
            best: 1.0,
            pairs: 1.0
        }
    );
    // Of the six pairs, one has equal means; of the other five the rater ties on one and is wrong about one.
    let tied = drawn([0.0, 0.0, 2.0, 3.0], [1.0, -4.0, 0.0, 1.0]);
    assert_eq!(
        agreement(&[tied]),
        Agreement {
            best: 0.5,
            pairs: 3.5 / 5.0
        }
    );
}

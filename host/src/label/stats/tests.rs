//! Numbers that were worked out by hand or are in the literature.

use super::super::Source;
use super::super::tests::{of_texts, ranking};
use super::*;
use proptest::prelude::*;

fn said(by: &str, query: &str, best: usize, time: i64) -> Label {
    Label {
        labeler: Labeler::Person(by.to_owned()),
        time: Some(time),
        ..of_texts(query, &["long one", "short"], Answer::Best(best))
    }
}

/// Krippendorff's alpha for nominal values that mean the same in all units, from their coincidences.
fn krippendorff(units: &[Vec<usize>]) -> f64 {
    let mut totals: BTreeMap<usize, f64> = BTreeMap::new();
    let mut observed = 0.0;
    for unit in units {
        for value in unit {
            *totals.entry(*value).or_default() += 1.0;
            let others = unit.iter().filter(|other| *other != value).count();
            observed += others as f64 / (unit.len() - 1) as f64;
        }
    }
    let all: f64 = totals.values().sum();
    let expected: f64 = totals.values().map(|here| here * (all - here)).sum();
    1.0 - observed * (all - 1.0) / expected
}

#[test]
fn krippendorffs_own_example() {
    // Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example C: nominal 0.743.
    let units = [
        vec![1, 1, 1],
        vec![2, 2, 3, 2],
        vec![3, 3, 3, 3],
        vec![3, 3, 3, 3],
        vec![2, 2, 2, 2],
        vec![1, 2, 3, 4],
        vec![4, 4, 4, 4],
        vec![1, 1, 2, 1],
        vec![2, 2, 2, 2],
        vec![5, 5, 5],
        vec![1, 1],
    ];
    assert!((krippendorff(&units) - 0.743).abs() < 5e-4);
}

/// All orders of so many.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1).into_iter();
    let longer = shorter.flat_map(|order| {
        (0..count).map(move |at| {
            let mut order = order.clone();
            order.insert(at, count - 1);
            order
        })
    });
    longer.collect()
}

proptest! {
    /// But for the share that a value is not paired with itself, which is nothing when there are many.
    #[test]
    fn alpha_is_krippendorffs_over_all_orders(
        (count, units) in (2usize..5).prop_flat_map(|count| {
            let unit = prop::collection::vec(0..count, 2..5);
            (Just(count), prop::collection::vec(unit, 1..6))
        })
    ) {
        let turned = |order: &Vec<usize>| -> Vec<Vec<usize>> {
            let turned = |unit: &Vec<usize>| unit.iter().map(|place| order[*place]).collect();
            units.iter().map(turned).collect()
        };
        let all: Vec<Vec<usize>> = orders(count).iter().flat_map(turned).collect();
        let values = all.concat().len() as f64;
        let shared: Vec<Shared> = units.iter().map(|unit| Shared {
            values: unit.clone(),
            by_chance: 1.0 / count as f64,
        }).collect();
        let (ours, his) = (1.0 - alpha(&shared).unwrap(), 1.0 - krippendorff(&all));
        prop_assert!((ours * (values - 1.0) / values - his).abs() < 1e-9, "{ours} {his}");
    }
}

#[test]
fn alpha_knows_chance() {
    let of = |values: &[usize], count: f64| Shared {
        values: values.to_vec(),
        by_chance: 1.0 / count,
    };
    assert_eq!(alpha(&[]), None);
    assert_eq!(alpha(&[of(&[0, 0], 1.0)]), None);
    // Also where all chose the same place, as files of `chosen` and `rejected` have it.
    assert_eq!(alpha(&[of(&[0, 0], 2.0), of(&[0, 0, 0], 4.0)]), Some(1.0));
    // One of two pairs agrees on one of two: chance.
    assert_eq!(alpha(&[of(&[0, 1], 2.0), of(&[1, 1], 2.0)]), Some(0.0));
    // One of four pairs agrees on one of four: chance.
    let four = [[0, 0], [1, 2], [3, 0], [2, 1]].map(|values| of(&values, 4.0));
    assert_eq!(alpha(&four), Some(0.0));
    // Of three who chose, one pair of three agrees: 3 (2/3) of 3 (1/2).
    let three = alpha(&[of(&[0, 0, 1], 2.0)]).unwrap();
    assert!((three - (1.0 - 2.0 / 1.5)).abs() < 1e-12, "{three}");
}

/// Responses in another order, and the answer that says the same of them.
fn turned(label: &Label, salt: u64) -> Label {
    let responses = &label.comparison.responses;
    let mut order: Vec<usize> = (0..responses.len()).collect();
    order.sort_by_key(|at| salt.rotate_left(11 * *at as u32));
    let place = |old: &usize| order.iter().position(|at| at == old).unwrap();
    let group = |places: &Vec<usize>| places.iter().map(place).collect();
    let mut turned = label.clone();
    turned.comparison.responses = order.iter().map(|at| responses[*at].clone()).collect();
    turned.answer = match &label.answer {
        Answer::Best(old) => Answer::Best(place(old)),
        Answer::Tie(places) => Answer::Tie(group(places)),
        Answer::Ranking(groups) => Answer::Ranking(groups.iter().map(group).collect()),
        Answer::Difference(value) if order[0] == 1 => Answer::Difference(-value),
        other => other.clone(),
    };
    turned
}

/// Labels of few comparisons by few judges, who meet often.
fn meeting() -> impl Strategy<Value = Label> {
    let responses = prop::collection::vec(prop::sample::select(vec!["a", "b", "cc"]), 1..4);
    let judge = prop::sample::select(vec!["ann", "bob", "cem", ""]);
    let query = prop::sample::select(vec!["p", "q"]);
    let answered = responses.prop_flat_map(|responses| {
        let count = responses.len();
        let answers = match count {
            1 => prop_oneof![Just(Answer::Rating(3.0)), Just(Answer::Skip)].boxed(),
            2 => prop_oneof![
                4 => (0..2usize).prop_map(Answer::Best),
                1 => Just(Answer::Tie(vec![0, 1])),
                1 => (-2..3i32).prop_map(|value| Answer::Difference(f64::from(value))),
            ]
            .boxed(),
            _ => prop_oneof![
                4 => (0..count).prop_map(Answer::Best),
                1 => Just(Answer::Tie(vec![0, 2])),
                2 => ranking(count),
                1 => Just(Answer::Abstain),
            ]
            .boxed(),
        };
        (Just(responses), answers)
    });
    (query, answered, judge, prop::option::of(0..9_000_000i64)).prop_map(
        |(query, (responses, answer), judge, time)| Label {
            labeler: match judge {
                "" => Labeler::Unknown,
                name => Labeler::Person(name.to_owned()),
            },
            time,
            ..of_texts(query, &responses, answer)
        },
    )
}

proptest! {
    #[test]
    fn no_order_makes_a_difference(
        salted in prop::collection::vec((meeting(), any::<u64>()), 0..24)
    ) {
        let labels: Vec<Label> = salted.iter().map(|(label, _)| label.clone()).collect();
        let mut other = salted.clone();
        other.sort_by_key(|(_, salt)| *salt);
        let rows: Vec<Label> = other.iter().map(|(label, _)| label.clone()).collect();
        let stats = Stats::of(&labels);
        prop_assert_eq!(&Stats::of(&rows), &stats);
        let both: Vec<Label> = other.iter().map(|(label, salt)| turned(label, *salt)).collect();
        // Who stood where is what the places are about.
        let elsewhere = Stats { places: stats.places.clone(), ..Stats::of(&both) };
        prop_assert_eq!(&elsewhere, &stats);
    }
}

#[test]
fn who_saw_the_same_in_another_order_saw_the_same() {
    let label = |by: &str, responses: &[&str], best: usize| Label {
        labeler: Labeler::Person(by.to_owned()),
        ..of_texts("q", responses, Answer::Best(best))
    };
    let mut with_tokens = label("cem", &["good", "bad"], 0);
    for passage in &mut with_tokens.comparison.responses {
        passage.tokens = Some(vec![1]);
    }
    with_tokens.comparison.source = Some(Source {
        checkpoint: "run/7".to_owned(),
        config: "0".repeat(64),
    });
    let stats = Stats::of(&[
        label("ann", &["good", "bad"], 0),
        label("bob", &["bad", "good"], 1),
        with_tokens,
        label("ann", &["bad", "good"], 1),
    ]);
    assert_eq!((stats.comparisons, stats.shared), (1, 1));
    assert_eq!(stats.alpha, Some(1.0));
    assert_eq!((stats.duplicates, stats.contradictions), (1, 0));
    assert!(stats.agreement.iter().all(|pair| pair.share == 1.0));
    // The same place, but not the same response.
    let stats = Stats::of(&[
        label("ann", &["good", "bad"], 0),
        label("bob", &["bad", "good"], 0),
    ]);
    assert_eq!((stats.alpha, stats.agreement[0].share), (Some(-1.0), 0.0));
}

#[test]
fn counts_what_was_said_by_whom() {
    let labels = [
        said("ann", "q1", 0, 0),
        said("ann", "q1", 0, 30_000),
        said("bob", "q1", 1, 60_000),
        said("bob", "q1", 0, 90_000),
        said("ann", "q2", 1, 120_000),
        of_texts("q3", &["a", "b"], Answer::Tie(vec![0, 1])),
        of_texts("q3", &["a", "b"], Answer::Skip),
    ];
    let stats = Stats::of(&labels);
    assert_eq!((stats.labels, stats.comparisons), (7, 3));
    assert_eq!(stats.kinds["best of 2"], 5);
    assert_eq!(stats.kinds["tie"], 1);
    assert_eq!(stats.labelers["ann"]["best of 2"], 3);
    assert_eq!(stats.labelers["unknown"]["tie"], 1);
    let places = &stats.places[&2];
    assert_eq!(places.counts, [3, 2]);
    assert!((places.chi_square - 0.2).abs() < 1e-12, "{places:?}");
    let longest = &stats.longest;
    assert_eq!((longest.first, longest.of, longest.by_chance), (3, 5, 2.5));
    assert!((longest.deviation - 1.25f64.sqrt()).abs() < 1e-12);
    assert_eq!((stats.duplicates, stats.contradictions), (1, 1));
    // Bob has chosen both as often, and so none.
    assert_eq!(stats.shared, 0);
    assert_eq!(stats.per_minute, Some(2.0));
    assert_eq!(Stats::of(&[]), Stats::default());
}

#[test]
fn agreement_is_of_those_who_saw_the_same() {
    let plugin = Labeler::Plugin {
        name: "valence".to_owned(),
        version: "1.0".to_owned(),
        sha256: "0".repeat(64),
    };
    let mut labels = Vec::new();
    for query in 0..4 {
        let query = format!("q{query}");
        labels.push(said("bob", &query, 0, 0));
        labels.push(said("ann", &query, usize::from(query == "q3"), 0));
        labels.push(Label {
            labeler: plugin.clone(),
            ..said("", &query, 1, 0)
        });
    }
    // Alone with this one, and a judge that is not known.
    labels.push(said("ann", "q4", 0, 0));
    labels.push(of_texts("q4", &["long one", "short"], Answer::Best(0)));
    let stats = Stats::of(&labels);
    assert_eq!(stats.shared, 4);
    let found = |pairs: &[Agreement]| {
        let pairs = pairs.iter();
        let shown = pairs.map(|p| {
            format!(
                "{}, {}: {}/{}",
                p.labelers[0], p.labelers[1], p.same, p.shared
            )
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(
        found(&stats.agreement),
        [
            "ann, bob: 3/4",
            "ann, valence 1.0 (plugin): 1/4",
            "bob, valence 1.0 (plugin): 0/4"
        ]
    );
    assert_eq!(
        found(&stats.agreement_by_kind),
        ["people, plugins: 1/8", "people, people: 3/4"]
    );
    let ann_bob = &stats.agreement[0];
    assert!((ann_bob.share - 0.75).abs() < 1e-12);
    assert!((ann_bob.standard_error - (0.75f64 * 0.25 / 4.0).sqrt()).abs() < 1e-12);
}

#[test]
fn what_was_said_in_another_order_is_no_contradiction() {
    let tie = |places: &[usize]| Label {
        labeler: Labeler::Person("ann".to_owned()),
        ..of_texts("q", &["a", "b", "c"], Answer::Tie(places.to_vec()))
    };
    let stats = Stats::of(&[tie(&[0, 1]), tie(&[1, 0]), tie(&[1, 2])]);
    assert_eq!((stats.duplicates, stats.contradictions), (1, 1));
}

//! Numbers that were worked out by hand or are in the literature.

use super::super::tests::of_texts;
use super::*;

fn said(by: &str, query: &str, best: usize, time: i64) -> Label {
    Label {
        labeler: Labeler::Person(by.to_owned()),
        time: Some(time),
        ..of_texts(query, &["long one", "short"], Answer::Best(best))
    }
}

#[test]
fn alpha_of_krippendorffs_own_example() {
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
    assert!((alpha(&units).unwrap() - 0.743).abs() < 5e-4);
    assert_eq!(alpha(&[vec![1, 1], vec![1, 1]]), None);
    assert_eq!(alpha(&[]), None);
    assert_eq!(alpha(&[vec![0, 0], vec![1, 1]]), Some(1.0));
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
    // Of q1, what ann and bob said first.
    assert_eq!(stats.shared, 1);
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

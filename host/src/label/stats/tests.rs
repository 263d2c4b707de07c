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
    assert_eq!(stats.labelers["ann"], 3);
    assert_eq!(stats.labelers["unknown"], 2);
    assert_eq!(stats.places[&2], [3, 2]);
    assert_eq!((stats.longest, stats.longest_by_chance), ((3, 5), 2.5));
    assert_eq!((stats.duplicates, stats.contradictions), (1, 1));
    // Of q1, what ann and bob said first.
    assert_eq!(stats.shared, 1);
    assert_eq!(stats.per_minute, Some(2.0));
    assert_eq!(Stats::of(&[]), Stats::default());
}

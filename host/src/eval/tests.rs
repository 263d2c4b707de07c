//! Ratings, intervals and tests against choix, statsmodels and scipy (`scripts/ranking.py`), and copying on texts whose
//! copies can be counted by eye.

use serde::Deserialize;

use super::copying::{Copying, copied_spans};
use super::rating::{Duel, ratings, win_rate, win_rate_by_length};
use super::share::{EXACT, Mean, Paired, Share, sign_test};

#[derive(Deserialize)]
struct Golden {
    duels: Vec<Drawn>,
    ratings: Vec<[f64; 3]>,
    two: Vec<Drawn>,
    by_length: [f64; 3],
    wilson: Vec<(f64, usize, f64, f64)>,
    sign: Vec<(usize, usize, f64)>,
    paired: Vec<Exchanged>,
}

#[derive(Deserialize)]
struct Drawn {
    models: [usize; 2],
    outcome: f64,
    lengths: [f64; 2],
}

#[derive(Deserialize)]
struct Exchanged {
    first: Vec<f64>,
    second: Vec<f64>,
    p: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../../tests/eval/ranking.json")).expect("golden numbers")
}

fn duels(drawn: &[Drawn]) -> Vec<Duel> {
    let duel = |(query, drawn): (usize, &Drawn)| Duel {
        models: drawn.models,
        query,
        outcome: drawn.outcome,
        lengths: drawn.lengths,
    };
    drawn.iter().enumerate().map(duel).collect()
}

fn near(got: f64, expected: f64) {
    assert!(
        (got - expected).abs() < 1e-6 * expected.abs().max(1.0),
        "{got} {expected}"
    );
}

#[test]
fn ratings_are_those_of_other_libraries() {
    let golden = golden();
    let rated = ratings(golden.ratings.len(), &duels(&golden.duels), 1).expect("ratings");
    for (rating, [value, low, high]) in rated.iter().zip(golden.ratings) {
        near(rating.value, value);
        near(rating.wald_low, low);
        near(rating.wald_high, high);
        // Where all duels are over queries of their own, drawing queries says about the same.
        let drawn = [rating.low, rating.high].map(|end| end.expect("an end"));
        let wide = (drawn[1] - drawn[0]) / (high - low);
        assert!((0.8..1.25).contains(&wide), "{wide} {rating:?}");
    }
    let two = duels(&golden.two);
    let controlled = win_rate_by_length(&two).expect("a rate");
    let got = [controlled.value, controlled.low, controlled.high];
    got.into_iter()
        .zip(golden.by_length)
        .for_each(|(got, expected)| near(got, expected));
    // Of two models a rating is the win rate in other words.
    let rate = win_rate(&two).value;
    let rated = ratings(2, &two, 1).expect("ratings");
    let odds = 10f64.powf((rated[0].value - rated[1].value) / 400.0);
    near(odds / (1.0 + odds), rate);
}

#[test]
fn what_duels_do_not_decide_has_no_rating() {
    let duel = |a, b, outcome| Duel {
        models: [a, b],
        query: 0,
        outcome,
        lengths: [3.0, 3.0],
    };
    let all_won = [duel(0, 1, 1.0), duel(0, 1, 1.0)];
    assert_eq!(ratings(2, &all_won, 1), None);
    let never_met = [
        duel(0, 1, 1.0),
        duel(0, 1, 0.0),
        duel(2, 3, 1.0),
        duel(2, 3, 0.0),
    ];
    assert_eq!(ratings(4, &never_met, 1), None);
    assert_eq!(ratings(3, &[duel(0, 1, 1.0), duel(0, 1, 0.0)], 1), None);
    assert_eq!(ratings(2, &[], 1), None);
    assert_eq!(win_rate_by_length(&all_won), None);
    assert_eq!(win_rate_by_length(&[]), None);
}

#[test]
fn intervals_and_tests_are_those_of_scipy() {
    let golden = golden();
    for (hits, count, low, high) in golden.wilson {
        let share = Share::of(hits, count);
        near(share.low, low);
        near(share.high, high);
    }
    for (wins, losses, p) in golden.sign {
        near(sign_test(wins, losses), p);
    }
    for Exchanged { first, second, p } in golden.paired {
        let paired = Paired::of(&first, &second, 1);
        assert!(
            first.len() <= EXACT && (paired.p - p).abs() < 1e-12,
            "{} {p}",
            paired.p
        );
    }
}

#[test]
fn shares_stay_within_their_bounds() {
    let share = Share::of(8.0, 10);
    assert!((share.low - 0.490).abs() < 1e-3 && (share.high - 0.943).abs() < 1e-3);
    for count in 1..200 {
        let (none, all) = (Share::of(0.0, count), Share::of(count as f64, count));
        assert!(
            none.low < 1e-12
                && none.low.is_sign_positive()
                && all.high > 0.999_999
                && all.high <= 1.0,
            "{count}"
        );
    }
}

#[test]
fn intervals_of_means_cover_as_often_as_they_say() {
    let mut stream = crate::seed::Stream::new(3);
    let (mut covered, rounds) = (0, 300);
    for round in 0..rounds {
        let values: Vec<f64> = (0..60).map(|_| stream.uniform()).collect();
        let mean = Mean::of(&values, round);
        assert!(mean.low <= mean.value && mean.value <= mean.high && mean.count == 60);
        covered += usize::from(mean.low <= 0.5 && 0.5 <= mean.high);
    }
    // 95 % of 300 are 285, with a standard deviation of 4.
    assert!((270..=297).contains(&covered), "{covered}");
    let values = [0.2, 0.4, 0.9];
    assert_eq!(Mean::of(&values, 5), Mean::of(&values, 5));
    // What was drawn agrees with what is exact.
    let second: Vec<f64> = (0..40).map(|_| stream.uniform()).collect();
    let first: Vec<f64> = second
        .iter()
        .map(|x| x + 0.2 * (stream.uniform() - 0.3))
        .collect();
    let p = Paired::of(&first, &second, 1).p;
    assert!(p < 0.01, "{p}");
    assert!((Paired::of(&second, &second, 1).p - 1.0).abs() < 1e-12);
}

#[test]
fn copies_are_counted() {
    let source = "The quick fox ran. It was late! Nobody saw the fox, or so he said.\nGood night.";
    let text = "It was late! The old fox ran; nobody saw the fox. Good night";
    let copying = Copying::of(text, source);
    assert_eq!(copying.sentences, [3, 2]);
    assert_eq!(copying.sentence_share(), Some(2.0 / 3.0));
    assert_eq!(copying.words, 13);
    // All words but `old`.
    assert_eq!(copying.ngrams[0], [13, 12]);
    // it was, was late, fox ran, nobody saw, saw the, the fox, good night.
    assert_eq!(copying.ngrams[1], [12, 7]);
    assert_eq!(copying.longest_run, 4);
    assert_eq!(copying.from, Some(7.0 / 17.0));
    assert!(!copying.copies_begin);
    assert!(Copying::of("The quick fox ran.", source).copies_begin);
    let spans = copied_spans(text, source, 3);
    let shown: Vec<&str> = spans.iter().map(|(from, to)| &text[*from..*to]).collect();
    assert_eq!(shown, ["It was late", "nobody saw the fox"]);
    let nothing = Copying::of("", source);
    assert_eq!(
        (
            nothing.sentence_share(),
            nothing.ngram_share(1),
            nothing.from
        ),
        (None, None, None)
    );
}

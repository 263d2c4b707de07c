//! One bad row among many, in a plugin of the SDK: the row is named, the others keep their values bit
//! for bit, and the call ends in time.

use super::guest::*;
use super::*;
use crate::role::{Outcome, Sample, Shaped};

/// A busy machine needs half of it for honest rows.
fn limits() -> Limits {
    Limits {
        deadline: Duration::from_millis(800),
        ..Limits::default()
    }
}

/// Rows with text that a plugin may look at.
fn texts(count: u64) -> Vec<Sample> {
    let words = ["good", "bad", "it is", "a plain word", "…", "ä"];
    let mut rows = samples(count);
    for row in &mut rows {
        let word = |place: u64| words[((row.id * 7 + place * place) % 6) as usize];
        row.text = (0..row.id % 40).map(word).collect::<Vec<_>>().join(" ");
        row.tokens = (0..row.id % 50)
            .map(|token| (token * row.id % 97) as u32)
            .collect();
        row.logprobs = row
            .tokens
            .iter()
            .map(|token| -(*token as f32) / 7.0)
            .collect();
    }
    rows
}

/// Of 512 rows, those that are multiples of `every` but 0 fail with `part`.
fn check(mode: &str, every: u64, part: &str) {
    check_within(&limits(), mode, every, part);
}

fn check_within(limits: &Limits, mode: &str, every: u64, part: &str) {
    let rows = texts(512);
    let settings = |mode: &str| json!({"mode": mode, "every": every, "from": 1});
    let honest = shape(hostile(settings("honest"), limits).as_ref(), &rows).unwrap();
    let shaper = hostile(settings(mode), limits);
    for _ in 0..2 {
        let outcomes = in_time(shaper.as_ref(), &rows, limits).unwrap();
        assert_eq!(outcomes.len(), 512);
        for (row, (outcome, honest)) in outcomes.iter().zip(&honest).enumerate() {
            if row > 0 && (row as u64).is_multiple_of(every) {
                let text = error(outcome);
                assert!(text.contains(part), "`{part}` is not in {text}");
            } else {
                assert!(same(outcome, honest), "row {row}: {outcome:?}");
            }
        }
    }
    assert_other_lives();
}

/// Equal bit for bit.
fn same(one: &Outcome<Shaped>, other: &Outcome<Shaped>) -> bool {
    let bits = |outcome: &Outcome<Shaped>| {
        let shaped = outcome.value()?;
        let terms = shaped.terms.iter().map(|(_, value)| value.to_bits());
        let tokens = shaped.per_token.iter().map(|value| value.to_bits());
        Some(terms.chain(tokens).collect::<Vec<u32>>())
    };
    bits(one).is_some() && bits(one) == bits(other)
}

#[test]
fn one_row_in_512_never_ends() {
    check(
        "loop",
        300,
        "longer than its share of the time (limit 0.8 s a call)",
    );
}

#[test]
fn three_rows_in_512_never_end() {
    check("loop", 150, "hostile/src/misdeeds.rs:");
}

#[test]
fn rows_in_512_panic() {
    check("panic", 300, "cannot stand row 300");
    check("panic", 10, "cannot stand row");
    check("panic-in-panic", 300, "lib.rs:");
    check("abort", 300, "unreachable");
}

#[test]
fn rows_in_512_use_too_much() {
    // A machine that is busy gives memory slowly.
    let limits = Limits {
        memory_bytes: 8 << 20,
        ..Limits::default()
    };
    check_within(&limits, "memory", 300, "out of memory (limit 8 MiB)");
    check("recursion", 300, "call itself without end");
}

#[test]
fn rows_in_512_give_no_numbers() {
    check("not-a-number", 100, "returned NaN as the term `tokens`");
    check("error", 100, "does not like this one");
}

#[test]
fn log_lines_do_not_hold_a_call_up() {
    check("log-flood", 1000, "");
}

#[test]
fn a_batch_is_the_same_however_it_is_divided() {
    let rows = texts(513);
    for name in ["length", "repetition", "hostile-shaper"] {
        let load = |threads| {
            let limits = Limits {
                threads,
                deadline: Duration::from_secs(60),
                ..Limits::default()
            };
            let opened = open(
                std::fs::read(built(name)).unwrap(),
                &limits,
                super::super::contract::SPOKEN,
            );
            configured(opened.unwrap(), json!({}), &limits).unwrap()
        };
        let one = shape(load(1).as_ref(), &rows).unwrap();
        let many = load(4);
        let outcomes = shape(many.as_ref(), &rows).unwrap();
        assert!(
            one.iter()
                .zip(&outcomes)
                .all(|(one, other)| same(one, other)),
            "{name}"
        );
        for row in [0, 64, 512] {
            let alone = shape(many.as_ref(), &rows[row..=row]).unwrap();
            assert!(same(&alone[0], &one[row]), "{name}: row {row}");
        }
    }
}

#[test]
fn a_batch_of_no_rows_is_no_call() {
    let shaper = hostile(json!({}), &limits());
    assert_eq!(shape(shaper.as_ref(), &[]).unwrap().len(), 0);
}

//! Searches through rows that are bad in every way, without any plugin.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use proptest::prelude::*;

use super::super::Limits;
use super::*;

fn call(deadline: Duration) -> Call {
    let limits = Limits {
        deadline,
        ..Limits::default()
    };
    Call::new("test", &limits)
}

/// What a row of a test does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Row {
    Good,
    Panics,
    Lies,
}

/// Answers the number of each row; a bad one spoils its piece, and is named if `tells`.
fn answer(rows: &[usize], of: &[Row], tells: bool) -> Result<Vec<Outcome<usize>>, Failure> {
    for (place, row) in rows.iter().enumerate() {
        if of[*row] == Row::Panics {
            return Err(Failure::Lost {
                message: "panics".into(),
                row: tells.then_some(place),
            });
        }
    }
    if rows.iter().any(|row| of[*row] == Row::Lies) {
        return Err(Failure::Refused("lies".into()));
    }
    Ok(rows.iter().map(|row| Outcome::Value(*row)).collect())
}

proptest! {
    #[test]
    fn bad_rows_are_found_and_the_others_keep_their_values(
        of in prop::collection::vec(prop::sample::select(
            vec![Row::Good, Row::Good, Row::Good, Row::Good, Row::Panics, Row::Lies]), 0..300),
        workers in 1usize..4,
        tells: bool,
    ) {
        let call = call(Duration::from_secs(600));
        let found = rows("f", of.len(), workers, &call, &|piece, _| answer(&piece.rows, &of, tells));
        if !of.is_empty() && of.iter().all(|row| *row == Row::Lies) {
            prop_assert_eq!(found, Err("lies".into()));
        } else {
            let found = found.unwrap();
            prop_assert_eq!(found.len(), of.len());
            for (row, (outcome, of)) in found.into_iter().zip(of).enumerate() {
                let expected = match of {
                    Row::Good => Outcome::Value(row),
                    Row::Panics => Outcome::Error("`f`: panics".into()),
                    Row::Lies => Outcome::Error("`f`: lies".into()),
                };
                prop_assert_eq!(outcome, expected);
            }
        }
    }
}

/// A row may break the instance that answers about it: it fails from then on, or refuses.
#[test]
fn rows_that_others_spoilt_keep_their_values() {
    for (spoilers, refuses) in [
        (&[10][..], false),
        (&[63, 64, 200], false),
        (&[5, 9, 300], true),
        (&[0, 1, 30, 31, 50, 63], false),
        (&[0, 1, 30, 31, 50, 63], true),
        (&[0, 511], true),
    ] {
        let broken = Mutex::new(false);
        let ask = |piece: &Piece, _: Pace| {
            let mut broken = lock(&broken);
            *broken &= !piece.again;
            let mut outcomes = Vec::new();
            for row in &piece.rows {
                outcomes.push(match *broken {
                    true => Outcome::Error("is broken".into()),
                    false => Outcome::Value(*row),
                });
                *broken |= spoilers.contains(row);
            }
            let failed = outcomes.iter().any(|outcome| outcome.value().is_none());
            // Whoever calls throws away what failed.
            *broken &= !failed;
            if failed && refuses {
                return Err(Failure::Refused("is broken".into()));
            }
            Ok(outcomes)
        };
        let found = rows("f", 512, 1, &call(Duration::from_secs(600)), &ask).unwrap();
        for (row, outcome) in found.into_iter().enumerate() {
            assert_eq!(outcome, Outcome::Value(row), "{spoilers:?}");
        }
    }
}

#[test]
fn pieces_cover_all_rows_in_order() {
    for count in [0, 1, 63, 64, 65, 512, 1000] {
        let pieces = pieces(count);
        assert_eq!(pieces.len(), count.div_ceil(PIECE));
        assert!(pieces.iter().all(|piece| piece.rows.len() <= PIECE));
        let all: Vec<usize> = pieces.into_iter().flat_map(|piece| piece.rows).collect();
        assert!(all.into_iter().eq(0..count));
    }
}

#[test]
fn small_batches_stay_together_and_large_ones_are_shared() {
    let threads = |count| {
        let seen = Mutex::new(BTreeSet::new());
        let ask = |piece: &Piece, _| {
            let thread = format!("{:?}", std::thread::current().id());
            lock(&seen).insert(thread);
            std::thread::sleep(Duration::from_millis(5));
            answer(&piece.rows, &vec![Row::Good; count], true)
        };
        rows("f", count, 2, &call(Duration::from_secs(600)), &ask).unwrap();
        seen.into_inner().unwrap().len()
    };
    assert_eq!(threads(PIECE), 1);
    assert_eq!(threads(8 * PIECE), 2);
}

#[test]
fn time_that_is_up_is_up_for_all_that_is_left() {
    let call = call(Duration::from_millis(100));
    let begun = Instant::now();
    let found = rows("f", 300, 1, &call, &|piece: &Piece, pace: Pace| {
        let rows = &piece.rows;
        if rows.contains(&0) {
            effort::compute(pace.silence);
            return Err(Failure::Lost {
                message: "hangs".into(),
                row: None,
            });
        }
        Ok(rows.iter().map(|row| Outcome::Value(*row)).collect())
    })
    .unwrap();
    assert!(begun.elapsed() < Duration::from_millis(2000));
    assert!(matches!(&found[0], Outcome::Error(text) if text.contains("hangs")));
    // The other pieces were asked about before the search began.
    for (row, outcome) in found.iter().enumerate().skip(60) {
        assert_eq!(*outcome, Outcome::Value(row));
    }
}

#[test]
fn a_plugin_that_cannot_be_started_is_no_row_s_fault() {
    let ask = |_: &Piece, _| Err::<Vec<Outcome<()>>, _>(Failure::NoInstance("broken".into()));
    let call = call(Duration::from_secs(600));
    assert_eq!(rows("f", 100, 2, &call, &ask), Err("broken".into()));
}

#[test]
fn rows_that_leave_no_time_for_another_instance_are_to_blame() {
    let ask = |piece: &Piece, _| match piece.rows.len() {
        64 => Err(Failure::Lost {
            message: "trap".into(),
            row: None,
        }),
        _ => Err::<Vec<Outcome<()>>, _>(Failure::NoInstance("late".into())),
    };
    let call = call(Duration::from_secs(600));
    let outcomes = rows("f", 64, 1, &call, &ask).unwrap();
    let late = Outcome::Error("`f`: late".to_owned());
    assert!(outcomes.iter().all(|outcome| *outcome == late));
}

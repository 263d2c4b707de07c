//! How long an instance lives: what it keeps from call to call shows which calls it answered.

use super::guest::*;
use super::*;

/// A guest that breaks its word: a row's value is how many rows its instance has seen.
fn counts(row: &'static str) -> Guest {
    Guest {
        fields: "(global $seen (mut i32) (i32.const 0))".into(),
        row: format!(
            "(global.set $seen (i32.add (global.get $seen) (i32.const 1)))
             (local.set $value (f32.convert_i32_u (global.get $seen))) {row}"
        )
        .leak(),
        ..Guest::default()
    }
}

/// The answers to calls of one row each.
fn answers(shaper: &dyn crate::role::Shaper, ids: impl IntoIterator<Item = u64>) -> Vec<f32> {
    let one = |id| {
        let mut rows = samples(1);
        rows[0].id = id;
        let outcomes = shape(shaper, &rows).unwrap();
        outcomes[0].value().map_or(-1.0, |shaped| shaped.terms[0].1)
    };
    ids.into_iter().map(one).collect()
}

#[test]
fn an_instance_is_replaced_after_so_many_calls() {
    let limits = Limits {
        calls_per_instance: 3,
        ..limits()
    };
    let shaper = counts("").load(&limits).unwrap();
    let seen = answers(shaper.as_ref(), 0..8);
    assert_eq!(seen, [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0]);
}

#[test]
fn an_instance_is_replaced_after_a_trap() {
    let trap = "(if (i64.eq (local.get $id) (i64.const 7)) (then unreachable))";
    let shaper = counts(trap).load(&limits()).unwrap();
    let seen = answers(shaper.as_ref(), [0, 0, 7, 0, 0]);
    assert_eq!(seen, [1.0, 2.0, -1.0, 1.0, 2.0]);
}

#[test]
fn memory_of_one_huge_call_is_given_back() {
    let grow =
        "(if (i64.eq (local.get $id) (i64.const 7)) (then (drop (memory.grow (i32.const 500)))))";
    let shaper = counts(grow).load(&limits()).unwrap();
    let seen = answers(shaper.as_ref(), [0, 0, 7, 0, 0]);
    assert_eq!(seen, [1.0, 2.0, 3.0, 1.0, 2.0]);
}

#[test]
fn memory_that_is_leaked_slowly_is_given_back() {
    let leak = "(if (i32.lt_s (memory.grow (i32.const 16)) (i32.const 0)) (then unreachable))";
    let shaper = counts(leak).load(&limits()).unwrap();
    // A mebibyte each, which would be three times the limit.
    let seen = answers(shaper.as_ref(), 0..200);
    assert!(
        seen.iter().all(|seen| (1.0..=17.0).contains(seen)),
        "{seen:?}"
    );
    assert!(seen.contains(&16.0), "{seen:?}");
}

#[test]
fn memory_that_an_earlier_call_leaked_is_not_this_one_s_fault() {
    // 15 MiB for even rows and 50 MiB for odd ones; together too much.
    let grow = "(if (i32.lt_s (memory.grow (select (i32.const 800) (i32.const 240)
        (i32.and (local.get $i) (i32.const 1)))) (i32.const 0)) (then unreachable))";
    let grow = grow.replace("(local.get $i)", "(i32.wrap_i64 (local.get $id))");
    let shaper = counts(grow.leak()).load(&limits()).unwrap();
    assert_eq!(answers(shaper.as_ref(), [0, 1, 1, 0]), [1.0, 1.0, 1.0, 1.0]);
}

#[test]
fn rows_that_leave_no_time_to_start_again_are_errors() {
    // Every row traps, and there is no time for as many instances as it takes to look at each alone.
    let guest = Guest {
        fields: "(global $configured (mut i32) (i32.const 0))".into(),
        row: "unreachable",
        configure: "(local.set 4 (i32.const 30000000)) (loop $l
            (local.set 4 (i32.sub (local.get 4) (i32.const 1))) (br_if $l (local.get 4)))
            (local.set 4 (call $alloc (i32.const 8) (i32.const 64)))
            (memory.fill (local.get 4) (i32.const 0) (i32.const 64))",
        ..Guest::default()
    };
    let shaper = guest.load(&Limits::default()).unwrap();
    let outcomes = in_time(shaper.as_ref(), &samples(64), &Limits::default()).unwrap();
    assert!(outcomes.iter().all(|outcome| !error(outcome).is_empty()));
}

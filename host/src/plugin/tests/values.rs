//! What comes back from a plugin, when it is not what the contract says.

use super::guest::*;
use super::*;

/// The answer to 9 rows is refused as a whole with `part`, in time.
fn refused(answer: &'static str, part: &str) {
    let guest = Guest {
        answer,
        ..Guest::default()
    };
    let shaper = guest.load(&limits()).unwrap();
    for _ in 0..2 {
        let texts = match in_time(shaper.as_ref(), &samples(9), &limits()) {
            Err(error) => vec![error.to_string()],
            Ok(outcomes) => outcomes
                .iter()
                .map(|outcome| error(outcome).into())
                .collect(),
        };
        for text in texts {
            assert!(text.contains(part), "`{part}` is not in {text}");
            assert!(
                !text.replace('\n', "").contains(char::is_control),
                "{text:?}"
            );
        }
    }
    assert_other_lives();
}

#[test]
fn lists_of_a_wrong_length() {
    refused(
        "(i32.store offset=12 (local.get $term) (i32.sub (local.get $rows) (i32.const 1)))",
        "returned 8 values of the term `t`, not 9",
    );
    refused(
        "(i32.store offset=12 (local.get $term) (i32.add (local.get $rows) (i32.const 1)))",
        "returned 10 values of the term `t`, not 9",
    );
    // Rewards for tokens: no whole numbers, then one too many.
    refused(
        "(i32.store offset=16 (local.get $out) (i32.const 7))",
        "of 7 bytes, no multiple of 4",
    );
    refused(
        "(i32.store offset=16 (local.get $out) (i32.const 400))",
        "returned 100 rewards for tokens",
    );
    refused(
        "(i32.store offset=24 (local.get $out) (i32.const 3))",
        "returned 3 metrics, not 0",
    );
    refused(
        "(i32.store offset=28 (local.get $out) (i32.const 100)) (i32.store offset=32 (local.get $out) (i32.const 300))",
        "returned 300 outcomes, not 9",
    );
    // A message for a row that is not there, since memory below 1024 is zero but for a letter at 16.
    refused(
        "(i32.store offset=36 (local.get $out) (i32.const 64)) (i32.store offset=40 (local.get $out) (i32.const 1))
         (i32.store (i32.const 64) (i32.const 77))",
        "returned a message for row 77 of 9",
    );
}

#[test]
fn terms_that_are_none() {
    let name = |len: u32| {
        let code = format!("(i32.store offset=4 (local.get $term) (i32.const {len}))");
        &*code.leak()
    };
    refused(name(0), "a term whose name is empty");
    refused(name(101), "a term whose name is empty, too long");
    refused(name(900), "a term whose name is empty, too long");
    // Escape, in place of the `t`.
    refused(
        "(i32.store8 (i32.const 16) (i32.const 27))",
        "not printable",
    );
    refused(
        "(i32.store offset=4 (local.get $out) (i32.const 0x18000)) (i32.store offset=8 (local.get $out) (i32.const 65))",
        "returned 65 terms, more than 64",
    );
    let twice =
        "(local.set $value (f32.const 0)) (i32.store offset=8 (local.get $out) (i32.const 2))
        (memory.copy (i32.add (local.get $term) (i32.const 16)) (local.get $term) (i32.const 16))
        (i32.store offset=4 (local.get $out) (local.get $term))";
    let twice = format!(
        "(local.set $term (call $alloc (i32.const 4) (i32.const 32)))
         (memory.copy (local.get $term) (i32.load offset=4 (local.get $out)) (i32.const 16)) {twice}"
    );
    refused(twice.leak(), "returned the term `t` twice");
}

#[test]
fn names_of_terms_without_end() {
    // A name of its own for each row: three letters of its id.
    let answer = "(i32.store8 (i32.const 16) (i32.add (i32.const 97) (i32.and (i32.wrap_i64 (local.get $id)) (i32.const 15))))
        (i32.store8 (i32.const 17) (i32.add (i32.const 97) (i32.and (i32.shr_u (i32.wrap_i64 (local.get $id)) (i32.const 4)) (i32.const 15))))
        (i32.store offset=4 (local.get $term) (i32.const 2))";
    let guest = Guest {
        answer,
        ..Guest::default()
    };
    let shaper = guest.load(&limits()).unwrap();
    let one = |id| {
        let sample = crate::role::Sample {
            id,
            ..crate::role::Sample::default()
        };
        shape(shaper.as_ref(), &[sample])
    };
    for id in 0..64 {
        assert!(one(id).unwrap()[0].value().is_some(), "{id}");
    }
    let text = one(64).unwrap_err().to_string();
    assert!(text.contains("more than 64 names of terms"), "{text}");
    // Those that are known still are.
    assert!(one(63).unwrap()[0].value().is_some());
}

#[test]
fn numbers_that_are_none() {
    for (value, part) in [("nan", "NaN"), ("inf", "inf"), ("-inf", "-inf")] {
        let row = format!(
            "(if (i64.eq (local.get $id) (i64.const 5)) (then (local.set $value (f32.const {value}))))"
        );
        let guest = Guest {
            row: row.leak(),
            ..Guest::default()
        };
        let shaper = guest.load(&limits()).unwrap();
        let outcomes = in_time(shaper.as_ref(), &samples(9), &limits()).unwrap();
        assert_eq!(
            error(&outcomes[5]),
            format!("returned {part} as the term `t`")
        );
        let values = outcomes.iter().filter(|outcome| outcome.value().is_some());
        assert_eq!(values.count(), 8);
    }
    // Numbers that are rare are numbers.
    let row = "(local.set $value (f32.const 3e38)) (if (i64.eq (local.get $id) (i64.const 1))
        (then (local.set $value (f32.const -1e-45))))";
    let shaper = Guest {
        row,
        ..Guest::default()
    }
    .load(&limits())
    .unwrap();
    let outcomes = shape(shaper.as_ref(), &samples(2)).unwrap();
    let terms = |row: usize| outcomes[row].value().unwrap().terms[0].1;
    assert_eq!((terms(0), terms(1)), (3e38, -1e-45));
}

#[test]
fn pointers_to_nowhere() {
    let outside = "(i32.store offset=4 (local.get $out) (i32.const 0xfffffff0))";
    refused(outside, "pointer");
    refused(
        "(i32.store offset=8 (local.get $out) (i32.const 0x0fffffff))",
        "pointer",
    );
    refused(
        "(i32.store offset=8 (local.get $out) (i32.const -1))",
        "pointer",
    );
    refused(
        "(i32.store offset=4 (local.get $out) (i32.const 2049))",
        "aligned",
    );
    refused("(local.set $out (i32.const 0xfffffff0))", "pointer");
    refused("(local.set $out (i32.const 2049))", "aligned");
    refused(
        "(i32.store offset=8 (local.get $term) (i32.const 0xfffffffc))",
        "pointer",
    );
    // No such case of the result, of the error.
    refused(
        "(i32.store8 offset=0 (local.get $out) (i32.const 9))",
        "discriminant",
    );
    refused(
        "(i32.store8 offset=0 (local.get $out) (i32.const 1)) (i32.store offset=4 (local.get $out) (i32.const 9))",
        "discriminant",
    );
}

#[test]
fn more_than_a_call_may_return() {
    // 80 MiB of statuses, all at the same place in memory, 81 of 1 MiB each would fit.
    let guest = Guest {
        answer: "(i32.store offset=32 (local.get $out) (i32.const 70000000))",
        pages: 1200,
        ..Guest::default()
    };
    let limits = Limits {
        memory_bytes: 100 << 20,
        ..limits()
    };
    let shaper = guest.load(&limits).unwrap();
    let outcomes = in_time(shaper.as_ref(), &samples(3), &limits).unwrap();
    for outcome in &outcomes {
        let text = error(outcome);
        assert!(
            text.contains("returned more than a call may (64 MiB)"),
            "{text}"
        );
    }
    assert_other_lives();
}

/// Makes the answer an error whose text lies at `place` of the description's data.
const ERROR: &str = "(memory.fill (local.get $out) (i32.const 0) (i32.const 64))
    (i32.store8 offset=0 (local.get $out) (i32.const 1)) (i32.store8 offset=4 (local.get $out) (i32.const 2))
    (i32.store offset=8 (local.get $out) (i32.const 2048)) (i32.store offset=12 (local.get $out) (i32.const 5))";

#[test]
fn texts_that_are_no_texts() {
    refused(ERROR, "failed: guest");
    let spoil = |bytes: u32| {
        // In place of the first letters of `guest`, which is read at load.
        let code = format!("(i32.store (i32.const 2048) (i32.const {bytes})) {ERROR}");
        &*code.leak()
    };
    refused(spoil(0xfeff_00ff), "invalid utf-8");
    refused(spoil(0x6d31_5b1b), "failed:  [1mt");
    let log = "(i32.store (i32.const 2048) (i32.const 0xfeff00ff))
        (call $log (i32.const 3) (i32.const 2048) (i32.const 5))";
    refused(log, "invalid utf-8");
    refused(
        "(call $log (i32.const 3) (i32.const 0xfffffff0) (i32.const 5))",
        "pointer",
    );
    refused(
        "(call $log (i32.const 9) (i32.const 0) (i32.const 5))",
        "discriminant",
    );
    // A panic's text that would paint the terminal.
    let panic = "(i32.store (i32.const 2048) (i32.const 0x6d315b1b))
        (call $log (i32.const 3) (i32.const 2048) (i32.const 5)) unreachable";
    refused(panic, " [1mt");
}

#[test]
fn columns_that_were_not_asked_for_are_empty() {
    let mut sums = Vec::new();
    for columns in [0, 0b11_1111_1111] {
        // The lengths of all lists but the ids, added up.
        let mut code = String::from("(local.set $value (f32.const 0))");
        for offset in (36..160).step_by(8) {
            let add = format!(
                "(local.set $value (f32.add (local.get $value) (f32.convert_i32_u
                    (i32.load offset={offset} (local.get $in)))))"
            );
            code += &add;
        }
        let guest = Guest {
            row: code.leak(),
            columns,
            ..Guest::default()
        };
        let shaper = guest.load(&limits()).unwrap();
        let mut rows = samples(3);
        for row in &mut rows {
            row.query.text = "a query".into();
            row.query.tokens = vec![1, 2, 3];
            row.query.metadata = "{}".into();
            row.query.reference = "r".into();
            row.text = "text".into();
            row.logprobs = vec![0.5; row.tokens.len()];
            row.score = Some(1.0);
        }
        let outcomes = shape(shaper.as_ref(), &rows).unwrap();
        sums.push(outcomes[0].value().unwrap().terms[0].1);
    }
    assert_eq!(sums[0], 0.0);
    assert!(sums[1] > 50.0, "{sums:?}");
}

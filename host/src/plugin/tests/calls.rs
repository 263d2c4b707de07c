//! Misdeeds at every place where a plugin's code runs: a message, an end in time, a host that stands,
//! and other plugins that notice nothing.

use super::guest::*;
use super::*;

/// Loading is refused, in time, with all of `parts`.
fn refused(guest: &Guest, parts: &[&str]) {
    let text = guest.refusal(&limits());
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    assert_other_lives();
}

/// Row 5 of 9 fails, in time, with all of `parts`; the others have their values, now and in the next
/// call.
fn fails_at_row_5(guest: &Guest, parts: &[&str]) {
    // Halving finds a row that hangs in a part of the time, which must leave enough of it.
    let limits = Limits {
        deadline: 3 * DEADLINE,
        ..limits()
    };
    let shaper = guest.load(&limits).unwrap();
    for _ in 0..2 {
        let outcomes = in_time(shaper.as_ref(), &samples(9), &limits).unwrap();
        for (row, outcome) in outcomes.iter().enumerate() {
            if row == 5 {
                let text = error(outcome);
                for part in [&["`shape`"], parts].concat() {
                    assert!(text.contains(part), "`{part}` is not in {text}");
                }
                assert!(!text.replace('\n', "").contains(char::is_control));
            } else {
                assert_eq!(outcome.value().unwrap().terms, [("t".into(), row as f32)]);
            }
        }
        let honest = in_time(shaper.as_ref(), &samples(5), &limits).unwrap();
        assert!(honest.iter().all(|outcome| outcome.value().is_some()));
    }
    assert_other_lives();
}

#[test]
fn endless_loops_before_the_first_call() {
    let late = ["ran out of time (limit 0.4 s a call)", "deadline_ms"];
    let guest = Guest::default;
    refused(
        &Guest {
            start: LOOP,
            ..guest()
        },
        &[&["cannot be started"], &late[..]].concat(),
    );
    refused(
        &Guest {
            describe: LOOP,
            ..guest()
        },
        &[&["`describe`"], &late[..]].concat(),
    );
    refused(
        &Guest {
            configure: LOOP,
            ..guest()
        },
        &[&["`configure`"], &late[..]].concat(),
    );
    // The settings are the first thing that the guest is asked to make room for.
    refused(
        &Guest {
            realloc: LOOP,
            ..guest()
        },
        &[&["`configure`"], &late[..]].concat(),
    );
}

#[test]
fn endless_loops_in_a_row() {
    let row = "(if (i64.eq (local.get $id) (i64.const 5)) (then (loop $ever (br $ever))))";
    let guest = Guest {
        row,
        ..Guest::default()
    };
    fails_at_row_5(
        &guest,
        &["longer than its share", "did not say at which row"],
    );
    // Filling memory is one instruction, however long it takes.
    let row = "(if (i64.eq (local.get $id) (i64.const 5)) (then (drop (memory.grow (i32.const 900)))
        (loop $ever (memory.fill (i32.const 65536) (i32.const 7) (i32.const 58000000)) (br $ever))))";
    let guest = Guest {
        row,
        ..Guest::default()
    };
    fails_at_row_5(&guest, &["longer than its share"]);
}

#[test]
fn endless_loops_around_the_rows() {
    // No row is to blame, so all are, and the call ends in time all the same.
    let code = [
        Guest {
            shape: LOOP,
            ..Guest::default()
        },
        Guest {
            post: LOOP,
            ..Guest::default()
        },
        Guest {
            // Configured in peace.
            realloc: "(if (i32.gt_u (local.get 3) (i32.const 100)) (then (loop $l (br $l))))",
            ..Guest::default()
        },
    ];
    for guest in code {
        let shaper = guest.load(&limits()).unwrap();
        for _ in 0..2 {
            let outcomes = in_time(shaper.as_ref(), &samples(200), &limits()).unwrap();
            let texts: Vec<&str> = outcomes.iter().map(error).collect();
            assert!(texts.iter().all(|text| text.contains("time")), "{texts:?}");
        }
        assert_other_lives();
    }
}

#[test]
fn traps_before_the_first_call() {
    let guest = Guest::default;
    let trap = "unreachable";
    refused(
        &Guest {
            start: trap,
            ..guest()
        },
        &["cannot be started", "without saying why"],
    );
    refused(
        &Guest {
            describe: trap,
            ..guest()
        },
        &["`describe`", "without saying why"],
    );
    refused(
        &Guest {
            configure: trap,
            ..guest()
        },
        &["`configure`", "without saying why"],
    );
    refused(
        &Guest {
            realloc: trap,
            ..guest()
        },
        &["`configure`", "without saying why"],
    );
}

#[test]
fn traps_in_a_row() {
    let at_5 = [
        ("unreachable", "without saying why"),
        (
            "(drop (i32.load (i32.const 0xfffffff0)))",
            "memory that is not there",
        ),
        (
            "(i32.store (i32.const -4) (i32.const 1))",
            "memory that is not there",
        ),
        (
            "(drop (i32.div_u (local.get $i) (i32.const 0)))",
            "divide by zero",
        ),
        ("(drop (i32.trunc_f32_s (f32.const nan)))", "integer"),
        (
            "(call $start (; deeper ;)) (call_indirect (param) (i32.const 9))",
            "table",
        ),
        (
            "(call $log (i32.const 3) (i32.const 2048) (i32.const 5)) unreachable",
            "guest",
        ),
    ];
    for (code, part) in at_5 {
        let row = format!("(if (i64.eq (local.get $id) (i64.const 5)) (then {code}))");
        let guest = Guest {
            row: row.leak(),
            fields: "(table 1 funcref)".into(),
            ..Guest::default()
        };
        fails_at_row_5(&guest, &[part]);
    }
}

#[test]
fn calls_without_end() {
    let guest = Guest {
        row: "(if (i64.eq (local.get $id) (i64.const 5)) (then (call $deep)))",
        fields: "(func $deep (call $deep) (call $deep))".into(),
        ..Guest::default()
    };
    fails_at_row_5(&guest, &["call stack exhausted"]);
}

#[test]
fn memory_without_end() {
    let row = "(if (i64.eq (local.get $id) (i64.const 5)) (then
        (loop $more (br_if $more (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))) unreachable))";
    fails_at_row_5(
        &Guest {
            row,
            ..Guest::default()
        },
        &["out of memory (limit 64 MiB)"],
    );
    let guest = |fields: &str| Guest {
        fields: fields.into(),
        ..Guest::default()
    };
    let pages = Guest {
        pages: 1025,
        ..Guest::default()
    };
    refused(
        &pages,
        &[
            "cannot be started",
            "out of memory (limit 64 MiB)",
            "memory_mib",
        ],
    );
    refused(
        &Guest {
            pages: 65_536,
            ..Guest::default()
        },
        &["out of memory (limit 64 MiB)"],
    );
    // Each is within the limit.
    refused(&guest("(memory 600) (memory 600)"), &["out of memory"]);
    refused(
        &guest("(table 100001 funcref)"),
        &["out of table entries (limit 100000)"],
    );
    refused(
        &guest("(table 60000 funcref) (table 60000 funcref)"),
        &["out of table entries"],
    );
    refused(&guest(&"(table 1 funcref)".repeat(20)), &["table"]);
    refused(&guest(&"(memory 0)".repeat(20)), &["memor"]);
}

#[test]
fn a_plugin_that_hangs_does_not_disturb_another() {
    let row = "(if (i64.eq (local.get $id) (i64.const 5)) (then (loop $ever (br $ever))))";
    let hangs = Guest {
        row,
        ..Guest::default()
    }
    .load(&limits())
    .unwrap();
    let honest = Guest::default().load(&limits()).unwrap();
    let (rows, alone) = (samples(100), shape(honest.as_ref(), &samples(100)).unwrap());
    std::thread::scope(|scope| {
        let hanging = scope.spawn(|| in_time(hangs.as_ref(), &rows, &limits()).unwrap());
        let begun = Instant::now();
        let mut calls = 0;
        while !hanging.is_finished() {
            assert_eq!(shape(honest.as_ref(), &rows).unwrap(), alone);
            calls += 1;
        }
        // One is enough to show it, and there is time for hundreds.
        assert!(calls > 1 || begun.elapsed() < BUSY * SLACK, "{calls} calls");
        let outcomes = hanging.join().unwrap();
        assert!(error(&outcomes[5]).contains("time"));
    });
}

/// A tokenizer that takes for ever over long texts.
struct Slow;

impl TokenizerHost for Slow {
    fn encode(&self, text: &str) -> Vec<u32> {
        if text.len() > 100_000 {
            crate::plugin::effort::compute(Duration::from_secs(3));
        }
        vec![text.len() as u32]
    }

    fn decode(&self, ids: &[u32]) -> String {
        "x".repeat(ids.len())
    }

    fn vocab_size(&self) -> u32 {
        10
    }
}

#[test]
fn time_in_the_tokenizer_is_the_plugin_s() {
    let import = r#"(import "attune:plugin/tokenizer@0.1.0" "encode" (func $encode
        (param i32 i32 i32 i32 i32)))"#;
    // Encodes memory from 0 on as one text; the end of it is written to 40.
    let encode = |len: u32| {
        format!(
            "(i32.store (i32.const 40) (i32.const {len}))
             (call $encode (i32.const 0) (i32.const {len}) (i32.const 40) (i32.const 1) (i32.const 48))"
        )
    };
    let load = |code: String| {
        let row = format!("(if (i64.eq (local.get $id) (i64.const 5)) (then {code}))");
        let guest = Guest {
            fields: import.into(),
            row: row.leak(),
            pages: 400,
            ..Guest::default()
        };
        let opened = guest.open(&limits()).unwrap();
        with_tokenizer(opened, json!({}), &limits(), Arc::new(Slow)).unwrap()
    };
    for (code, part) in [
        (encode(200_000), "longer than its share"),
        (
            format!("(loop $ever {} (br $ever))", encode(1000)),
            "longer than its share",
        ),
        (
            encode(17 << 20),
            "handed the tokenizer 17825792 bytes of text",
        ),
        (encode(100 << 20), "pointer"),
    ] {
        let shaper = load(code);
        let outcomes = in_time(shaper.as_ref(), &samples(9), &limits()).unwrap();
        let text = error(&outcomes[5]);
        assert!(text.contains(part), "`{part}` is not in {text}");
        let answered = outcomes.iter().filter(|outcome| outcome.value().is_some());
        assert_eq!(answered.count(), 8, "{part}: {outcomes:?}");
        assert_other_lives();
    }
    let shaper = load(encode(1000));
    let outcomes = in_time(shaper.as_ref(), &samples(9), &limits()).unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.value().is_some()));
}

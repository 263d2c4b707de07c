//! Plugins in JavaScript: what a row may do, and what is said of a mistake.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use attune::plugin::{self, Limits, Spec};
use attune::role::{CallContext, Outcome, Shaped, Trust};
use serde_json::{Value, json};

use crate::support::attune;
use crate::twins::{CONTEXT, bytes, patient, root, samples, texts};

mod builds;

/// The component of a project of ours.
pub(crate) fn built(project: &Path) -> PathBuf {
    let folder = root().join("target/test-plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let built = attune_build::js::build(project, Some(&folder));
    built.unwrap().path
}

/// The odd plugin's component, built once.
fn component() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built(&root().join("tests/js/odd")))
}

fn spec(settings: Value) -> Spec {
    Spec {
        path: component().to_owned(),
        trust: Trust::Sandboxed,
        settings,
        assets: [].into(),
        limits: patient(),
    }
}

/// What the odd plugin makes of eight rows, of which 0 and 4 are odd.
fn odd(mode: &str, limits: Limits) -> Vec<Outcome<Shaped>> {
    let mut spec = spec(json!({"mode": mode}));
    spec.limits = limits;
    let shaper = plugin::load_shaper(&spec, bytes()).unwrap();
    let texts: Vec<String> = (1..=8).map(|len| "x".repeat(len)).collect();
    let outcomes = shaper.shape(CONTEXT, &samples(&texts)).unwrap();
    for (row, outcome) in outcomes.iter().enumerate().filter(|(row, _)| row % 4 != 0) {
        let Outcome::Value(shaped) = outcome else {
            panic!("{mode}: row {row} lost its value: {outcome:?}");
        };
        let terms = [("length".to_owned(), row as f32 + 1.0)];
        assert_eq!(shaped.terms, terms, "{mode}");
    }
    outcomes
}

fn check(mode: &str, parts: &[&str]) {
    let outcomes = odd(mode, patient());
    for row in [0, 4] {
        let Outcome::Error(message) = &outcomes[row] else {
            panic!("{mode}: row {row} is no error: {:?}", outcomes[row]);
        };
        for part in parts {
            let there = message.contains(part);
            assert!(there, "{mode}: `{part}` is not in: {message}");
        }
    }
}

/// The numbers that the odd plugin gives to odd rows.
fn number(mode: &str) -> f32 {
    match &odd(mode, patient())[0] {
        Outcome::Value(shaped) => shaped.terms[0].1,
        other => panic!("{mode}: {other:?}"),
    }
}

#[test]
fn an_exception_is_its_row_s_error() {
    let places = [
        "RangeError: 0 cannot be divided at lib/divide.js:3 in divide, odd.js:",
        " in raise, odd.js:",
        " in shape",
    ];
    let outcomes = odd("raise", patient());
    for (place, part) in places.iter().enumerate() {
        let Outcome::Error(message) = &outcomes[0] else {
            panic!("{:?}", outcomes[0]);
        };
        assert!(message.contains(part), "{place}: {message}");
    }
    check(
        "cause",
        &["no length at odd.js:", "(because of TypeError: "],
    );
    check("text", &["`a text` was thrown"]);
    check("recurse", &["call stack exhausted"]);
    check("memory", &["out of memory"]);
    check("wait", &["setTimeout is not defined at odd.js:"]);
    for (mode, why) in [
        ("inapplicable", None),
        ("skipped", Some("it is a fourth row".to_owned())),
    ] {
        assert_eq!(odd(mode, patient())[4], Outcome::NotApplicable(why));
    }
    let invalid = Outcome::Invalid("it breaks a rule".into());
    assert_eq!(odd("invalid", patient())[0], invalid);
}

#[test]
fn a_row_that_breaks_what_all_share_is_alone_with_it() {
    check("breaks", &["TypeError"]);
    for (row, outcome) in odd("breaksQuietly", patient()).iter().enumerate() {
        assert!(outcome.value().is_some(), "row {row}: {outcome:?}");
    }
}

#[test]
fn an_answer_that_is_none_is_said() {
    check(
        "nothing",
        &["`shape` returned nothing; write `return { terms: { length: … } }`"],
    );
    check("promise", &["returned a promise", "leave out `async`"]);
    check("missing", &["term `length` is missing, must be a number"]);
    check(
        "misspelt",
        &["`lenght` is not declared", "declared are length"],
    );
    check("number", &["term `length` is \"1.5 points\""]);
    check("nan", &["returned NaN as the term `length`"]);
    check(
        "read",
        &["add \"queryText\" to `static columns` at odd.js:"],
    );
    check("floats", &["add \"responseTokens\""]);
}

#[test]
fn what_a_component_has_not_is_said() {
    for (mode, name) in [
        ("now", "`Date.now`"),
        ("date", "`new Date()`"),
        ("called", "`Date()`"),
        ("performance", "`performance.now`"),
    ] {
        check(mode, &[name, "a plugin has no clock at odd.js:"]);
    }
    assert_eq!(number("bytes"), 6.0);
    assert_eq!(number("tokens"), 257.0);
}

#[test]
fn all_that_the_kinds_are_asked_is_answered() {
    for name in ["marks", "asks", "counts"] {
        let project = root().join("tests/js").join(name);
        let component = built(&project);
        for verb in ["test", "check"] {
            let mut command = attune(&["plugin", verb]);
            command.arg(&component);
            command.arg("--cases").arg(project.join("cases.jsonl"));
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{name}: {said}");
        }
    }
}

#[test]
fn endless_rows_are_named_within_the_deadline() {
    for mode in ["loop", "regex"] {
        let begun = Instant::now();
        let limits = Limits {
            deadline: Duration::from_secs(4),
            ..Limits::default()
        };
        let outcomes = odd(mode, limits);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(60), "{took:?}");
        for row in [0, 4] {
            let stopped = matches!(&outcomes[row], Outcome::Error(text) if text.contains("4 s"));
            assert!(stopped, "{mode}: {:?}", outcomes[row]);
        }
    }
}

#[test]
fn randomness_is_the_row_s_whatever_the_batch() {
    let shaper = plugin::load_shaper(&spec(json!({"mode": "random"})), bytes()).unwrap();
    let samples = samples(&texts()[..32]);
    let whole = shaper.shape(CONTEXT, &samples).unwrap();
    let parts: Vec<_> = samples
        .rchunks(5)
        .rev()
        .flat_map(|part| shaper.shape(CONTEXT, part).unwrap())
        .collect();
    assert_eq!(whole, parts);
    let reseeded = CallContext {
        seed: 12,
        ..CONTEXT
    };
    let other = shaper.shape(reseeded, &samples).unwrap();
    let odd_rows = whole.iter().zip(&other).step_by(4);
    assert!(odd_rows.clone().count() == 8);
    assert!(odd_rows.into_iter().all(|(one, other)| one != other));
}

/// What `attune_sdk::Rng` draws first for a row, below `bound`.
fn drawn(seed: u64, id: u64, bound: u64) -> u64 {
    let next = |state: &mut u64| {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let mut state = next(&mut (seed ^ id));
    ((u128::from(next(&mut state)) * u128::from(bound)) >> 64) as u64
}

#[test]
fn a_row_draws_what_it_would_in_rust() {
    let outcomes = odd("below", patient());
    for row in [0, 4] {
        let Outcome::Value(shaped) = &outcomes[row] else {
            panic!("{:?}", outcomes[row]);
        };
        let drawn = drawn(CONTEXT.seed, row as u64, 1_000_000_007);
        assert_eq!(shaped.terms[0].1, drawn as f32);
    }
}

#[test]
fn what_is_kept_between_rows_is_refused_or_found() {
    check("self", &["TypeError: ", " at odd.js:"]);
    check("settings", &["'count' is read-only at odd.js:"]);
    let folder = tempfile::tempdir().unwrap();
    let rows = vec![json!({"response": "x", "id": 4}); 3];
    let case =
        json!({"name": "keeps", "call": "shape", "settings": {"mode": "keep"}, "rows": rows});
    let cases = folder.path().join("cases.jsonl");
    std::fs::write(&cases, case.to_string()).unwrap();
    let mut check = attune(&["plugin", "check"]);
    check.arg(component()).arg("--cases").arg(&cases);
    let said = String::from_utf8(check.output().unwrap().stdout).unwrap();
    assert!(said.contains("FAIL   purity"), "{said}");
}

#[test]
fn what_a_plugin_logs_is_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let case = json!({"name": "speaks", "call": "shape", "settings": {"mode": "print"},
                      "rows": [{"response": "x"}], "expect": [{"terms": {"length": 0}}]});
    let cases = folder.path().join("cases.jsonl");
    std::fs::write(&cases, case.to_string()).unwrap();
    let mut test = attune(&["plugin", "test"]);
    test.arg(component()).arg("--cases").arg(&cases);
    let output = test.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for line in [
        "info: row 0 {\"a\":[1]}",
        "warn: two",
        "warn: lines",
        "info: half a character: \u{fffd}",
    ] {
        let line = format!("odd-js: {line}\n");
        assert!(said.contains(&line), "`{line}` is not in: {said}");
    }
}

#[test]
fn settings_are_described_and_refused_as_in_rust() {
    for (settings, parts) in [
        (json!({"count": 0}), &["/count", "minimum"][..]),
        (json!({"count": 2.5}), &["/count", "integer"]),
        (json!({"share": 0}), &["/share", "0"]),
        (json!({"unit": "pages"}), &["/unit", "\"tokens\""]),
        (json!({"loud": 1}), &["/loud", "boolean"]),
        (
            json!({"mod": "x"}),
            &["unknown setting `mod`", "did you mean `mode`?"],
        ),
    ] {
        let refused = plugin::load_shaper(&spec(settings), bytes());
        let message = format!("{:#}", refused.err().unwrap());
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
    let about = plugin::describe(component(), Trust::Sandboxed).unwrap();
    let seen = (
        about.name.as_str(),
        about.version.as_str(),
        about.kind.as_str(),
    );
    assert_eq!(seen, ("odd-js", "0.1.0", "shaper"));
    assert!(about.sdk.contains("javascript"), "{}", about.sdk);
    assert_eq!(about.columns, ["response-text", "logprobs"]);
    assert!(about.assets.len() == 1 && !about.assets[0].required);
}

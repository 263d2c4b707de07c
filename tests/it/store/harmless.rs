//! Names and texts that would command a terminal.

use std::process::Output;

use attune::label::store::Store;
use serde_json::{Value, json};

use super::text;
use crate::support::attune;

/// What a terminal would obey: a title, a cleared screen, an overwritten line, an advice of its own, a turned line.
const EVIL: &str = "\u{1b}]0;owned\u{7}\u{9b}2J\rgone\nhint: run evil\n\u{202e}live";

/// Whatever is said holds no control character but the ends of lines, and no line that is not ours.
fn assert_harmless(output: &Output, about: &str) {
    for stream in [&output.stdout, &output.stderr] {
        let said = String::from_utf8(stream.clone()).unwrap();
        let obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(obeyed), "{about}: {said:?}");
        let advised = said.lines().any(|line| line.starts_with("hint: run evil"));
        assert!(!advised, "{about}: {said:?}");
    }
}

#[test]
fn nothing_that_a_file_says_commands_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    // Files may be called so as well.
    let place = folder.path().join(EVIL.replace('/', ""));
    std::fs::create_dir(&place).unwrap();
    let [file, store] = [place.join("file"), place.join("labels.db")];
    let import = |format: &str, content: &[u8]| {
        std::fs::write(&file, content).unwrap();
        let arguments = [
            "label",
            "import",
            text(&file),
            "--store",
            text(&store),
            "--format",
        ];
        let output = attune(&[&arguments[..], &[format]].concat())
            .output()
            .unwrap();
        assert_harmless(
            &output,
            &format!("{format}: {}", String::from_utf8_lossy(content)),
        );
        output.status.success()
    };
    let good = json!({"comparison": {"query": {"text": EVIL}, "responses": [{"text": "a"}, {"text": EVIL}]},
        "answer": {"best": 0}, "labeler": {"person": EVIL}});
    let other = json!({"comparison": good["comparison"], "answer": {"best": 1},
        "labeler": {"plugin": {"name": EVIL, "version": EVIL, "sha256": EVIL}}});
    assert!(import("jsonl", format!("{good}\n{other}\n").as_bytes()));
    let row = json!({"prompt": EVIL, "chosen": "a", "rejected": EVIL, EVIL: 1});
    assert!(import("trl", row.to_string().as_bytes()));
    let quoted = format!("\"{EVIL}\"");
    let header = format!("query,response0,response1,answer,value,labeler,{quoted}\n");
    assert!(import(
        "csv",
        format!("{header}q,a,{quoted},best,1,{quoted},{quoted}\n").as_bytes()
    ));
    for (format, row) in [
        ("jsonl", json!({EVIL: 1})),
        (
            "jsonl",
            json!({"comparison": {"query": {"text": "q"}, "responses": []}, "answer": {EVIL: 1}, "labeler": "unknown"}),
        ),
        (
            "jsonl",
            json!({"comparison": good["comparison"], "answer": EVIL, "labeler": EVIL}),
        ),
        (
            "trl",
            json!({"prompt": {EVIL: EVIL}, "chosen": "a", "rejected": "b"}),
        ),
        ("trl", json!({"chosen": [{EVIL: EVIL}], "rejected": EVIL})),
        (
            "original",
            json!([{"query": [1], "sample0": EVIL, "sample1": [1], "best": 0, EVIL: 1}]),
        ),
        (
            "original",
            json!([{"query": [1], "sample0": [1], "sample1": [1], "best": EVIL}]),
        ),
        (
            "label-studio",
            json!([{"data": {EVIL: 1}, "annotations": [{}]}]),
        ),
        (
            "label-studio",
            json!([{"data": {"prompt": "q", "a1": "", "a2": "", format!("{EVIL}1"): "", format!("{EVIL}2"): ""}, "annotations": [{}]}]),
        ),
        (
            "label-studio",
            json!([{"data": {"prompt": "q", EVIL: [{"id": EVIL}]}, "annotations": [{}]}]),
        ),
        (
            "label-studio",
            json!([{"data": {"prompt": "q", "items": [{"id": EVIL, "body": ""}, {"id": "2", "body": ""}]},
            "annotations": [{"result": [{"type": "ranker", "value": {"ranker": {EVIL: [EVIL]}}}]}]}]),
        ),
        (
            "label-studio",
            json!([{"data": {"prompt": "q", "text1": "", "text2": ""},
            "annotations": [{"result": [{"type": EVIL}]}]}]),
        ),
        ("argilla", json!([{"fields": {EVIL: 1}}])),
        (
            "argilla",
            json!([{"fields": {"prompt": "q", "r1": "", "r2": ""},
            "responses": {EVIL: [{"value": "r1"}], "best": [{"value": "r2"}]}}]),
        ),
        (
            "argilla",
            json!([{"fields": {"prompt": "q", "r1": "", "r2": ""}, "responses": {EVIL: EVIL}}]),
        ),
        (
            "argilla",
            json!([{"fields": {"prompt": "q", "r1": "", "r2": ""},
            "responses": {EVIL: [{"value": EVIL, "user_id": [EVIL], "status": EVIL}]}}]),
        ),
    ] {
        assert!(
            !import(format, row.to_string().as_bytes()),
            "{format}: {row}"
        );
    }
    for table in [
        format!("query,{quoted},{quoted}\n"),
        format!("{quoted}\n{quoted}\n"),
        format!("query,response0,response1,answer,value\nq,a,b,{quoted},1\n"),
        format!("query,response0,response1,answer,value\nq,a,b,best,{quoted}\n"),
    ] {
        assert!(!import("csv", table.as_bytes()), "{table}");
    }
    for format in [
        "jsonl",
        "trl",
        "original",
        "label-studio",
        "argilla",
        "csv",
        "parquet",
    ] {
        assert!(!import(format, EVIL.as_bytes()));
    }
    let asked = serde_json::from_value(good["comparison"].clone()).unwrap();
    let mut asking = Store::open(&store).unwrap();
    asking.ask([(EVIL.to_owned(), &asked)]).unwrap();
    drop(asking);
    let run = |arguments: &[&str]| {
        let all = [&["label"], arguments, &["--store", text(&store)]].concat();
        let output = attune(&all).output().unwrap();
        assert_harmless(&output, &format!("{arguments:?}"));
        output
    };
    for arguments in [
        &["stats"][..],
        &["stats", "--json"],
        &["pending"],
        &["list"],
    ] {
        assert!(run(arguments).status.success());
    }
    // Escaped, they are what they were.
    let pending: Value = serde_json::from_slice(&run(&["pending"]).stdout).unwrap();
    assert_eq!(
        (&pending["key"], &pending["comparison"]),
        (&json!(EVIL), &good["comparison"])
    );
    for format in [
        "jsonl",
        "csv",
        "parquet",
        "trl",
        "label-studio",
        "argilla",
        "original",
    ] {
        run(&["export", text(&place.join(format)), "--format", format]);
    }
    for line in [
        json!({"key": EVIL, "answer": {"best": 9}, "labeler": {"person": EVIL}}),
        json!({"key": format!("{EVIL}x"), "answer": {"best": 0}, "labeler": {"person": EVIL}}),
        json!({"key": EVIL, "answer": EVIL, "labeler": {EVIL: EVIL}, EVIL: 1}),
    ] {
        let answers = place.join("answers");
        std::fs::write(&answers, line.to_string()).unwrap();
        for verb in ["answer", "correct"] {
            assert!(!run(&[verb, text(&answers)]).status.success(), "{line}");
        }
    }
}

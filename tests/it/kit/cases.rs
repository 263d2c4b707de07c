//! Files of golden cases: read, refused, and written by an update.

use super::{done, plugin, root};
use crate::support::failure;

#[test]
fn golden_files_that_are_wrong_say_where() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases.jsonl");
    let good = r#"{"name":"a","call":"shape","rows":[{"response":"b"}],"expect":[{"terms":{}}]}"#;
    for (line, parts) in [
        ("{", &["line 2"][..]),
        (
            r#"{"name":"b","call":"shave","rows":[]}"#,
            &["line 2", "`call`", "shave"],
        ),
        (
            r#"{"name":"b","call":"shape","row":[]}"#,
            &["line 2", "row"],
        ),
        (good, &["line 2", "second case", "`a`"]),
        (
            r#"{"name":"b","call":"shape","rows":[]}"#,
            &["line 2", "`rows` is empty"],
        ),
        (
            r#"{"name":"b","call":"shape","rows":[{}],"expect":[1,2]}"#,
            &["2 answers, not 1"],
        ),
        (
            r#"{"name":"b","call":"shape","rows":[{}],"tolerance":-1}"#,
            &["`tolerance`", "-1"],
        ),
        (
            r#"{"name":"b","call":"shape","rows":[{}]} {}"#,
            &["line 2", "more after the case"],
        ),
    ] {
        std::fs::write(&cases, format!("{good}\n{line}\n")).unwrap();
        let arguments = ["length", "--cases", cases.to_str().unwrap()];
        let message = failure(&mut plugin(folder.path(), "test", &arguments));
        for part in parts.iter().chain(&["cases.jsonl"]) {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
    for (bytes, part) in [
        (&b"[]\n"[..], "no JSON object"),
        (b"\n{\"name\":\"\xe9\"}\n", "line 2 is not UTF-8"),
    ] {
        std::fs::write(&cases, bytes).unwrap();
        let arguments = ["length", "--cases", cases.to_str().unwrap()];
        let message = failure(&mut plugin(folder.path(), "test", &arguments));
        assert!(
            message.contains(part) && message.contains("hint: "),
            "{message}"
        );
    }
    // What is wrong with the rows of one case is that case's failure.
    let bad =
        r#"{"name":"b","call":"shape","rows":[{"tokens":[1,2],"logprobs":[0.5]}],"expect":[{}]}"#;
    let other = r#"{"name":"c","call":"judge","rows":[{"responses":["a"]}],"expect":[{}]}"#;
    std::fs::write(&cases, format!("{bad}\n{other}\n")).unwrap();
    let mut test = plugin(
        folder.path(),
        "test",
        &["length", "--cases", cases.to_str().unwrap()],
    );
    let said = String::from_utf8(test.output().unwrap().stdout).unwrap();
    assert!(
        said.contains("row 0: `logprobs` has 1 numbers for 2 tokens"),
        "{said}"
    );
    assert!(said.contains("a shaper has no `judge`"), "{said}");
}

#[test]
fn an_update_writes_what_changed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let project = root().join("plugins/length");
    let cases = folder.path().join("cases.jsonl");
    let text = std::fs::read_to_string(project.join("cases.jsonl")).unwrap();
    // A byte order mark, spaces, an empty line and numbers beyond 64 bits are the author's.
    let text = format!(
        "\u{feff}{{ \"name\":\"mine\",\"call\":\"shape\", \"rows\": [{{\"response\": \"a\", \"tokens\": [97], \
         \"metadata\": 12345678901234567890123}}] }}\n\n{text}"
    );
    std::fs::write(&cases, &text).unwrap();
    let update = || {
        let arguments = ["length", "--cases", "cases.jsonl", "--update"];
        let said = done(&mut plugin(folder.path(), "test", &arguments));
        (said, std::fs::read_to_string(&cases).unwrap())
    };
    let (said, written) = update();
    assert!(said.contains("now  mine"), "{said}");
    let (first, rest) = text.split_once(" }\n").unwrap();
    let new = written
        .strip_prefix(first)
        .and_then(|new| new.strip_suffix(rest))
        .unwrap();
    assert!(new.starts_with(", \"expect\": [{\"terms\""), "{new}");
    let before = std::fs::metadata(&cases).unwrap().modified().unwrap();
    let (said, again) = update();
    assert!(said.contains("0 of "), "{said}");
    assert_eq!(again, written);
    assert_eq!(
        std::fs::metadata(&cases).unwrap().modified().unwrap(),
        before
    );
}

#[test]
fn an_update_writes_down_no_failure_that_nobody_expected() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases.jsonl");
    let panics = r#"{"name": "a", "call": "shape", "settings": {"mode": "panic"}, "rows": [{"response": "b"}]"#;
    let update = |name: &str, text: &str| {
        std::fs::write(&cases, text).unwrap();
        let arguments = [name, "--cases", "cases.jsonl", "--update"];
        plugin(folder.path(), "test", &arguments)
    };
    for expect in ["", r#", "expect": [{}]"#] {
        let text = format!("{panics}{expect}}}\n");
        let message = failure(&mut update("hostile-shaper", &text));
        assert!(message.contains("row 0 answers with an error"), "{message}");
        assert_eq!(std::fs::read_to_string(&cases).unwrap(), text);
    }
    // That an answer is an error is a difference by itself.
    let arguments = ["hostile-shaper", "--cases", "cases.jsonl"];
    let message = failure(&mut plugin(folder.path(), "test", &arguments));
    assert!(message.contains("1 of 1 golden cases failed"), "{message}");
    done(&mut update(
        "hostile-shaper",
        &format!("{panics}, \"expect\": [{{\"error\": \"something\"}}]}}\n"),
    ));
    // Where the plugin's file lies is no part of what it says of settings.
    let refused = r#"{"name": "a", "call": "configure", "settings": {"target": 5000000000}}"#;
    done(&mut update("length", refused));
    let written = std::fs::read_to_string(&cases).unwrap();
    assert!(
        written.contains("4294967295") && !written.contains("length.wasm"),
        "{written}"
    );
}

//! Files that are broken: each error names the line or row, the field, and what to do about it.

use super::super::stream::{for_lines, for_objects};
use super::*;
use crate::label::Comparison;
use crate::rows::tests::packed;
use serde_json::Map;

mod annotated;
mod tables;

type Object = Map<String, Value>;

fn check(format: &str, file: impl AsRef<[u8]>, parts: &[&str]) {
    let message = format!("{:#}", reread(file.as_ref(), format).unwrap_err());
    assert!(message.contains("cannot read labels from `"), "{message}");
    // Each is told what to do about just that.
    assert!(
        message.contains("\nhint: ") || message.contains(": hint: "),
        "{message}"
    );
    for part in parts {
        assert!(
            message.contains(part),
            "{format}: `{part}` is not in: {message}"
        );
    }
}

#[test]
fn files_that_are_something_else() {
    for format in FORMATS {
        check(format.name, "", &["it is empty"]);
        check(
            format.name,
            "<!DOCTYPE html><html>",
            &["an HTML page", "hint: a server"],
        );
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n";
        check(format.name, pointer, &["Git LFS pointer", "`git lfs pull`"]);
        check(format.name, b"\xff\xfe\x00", &[]);
        check(format.name, "what is this", &[]);
    }
    for (format, empty) in [
        ("original", "[]"),
        ("label-studio", "[]"),
        ("argilla", "[]"),
        ("csv", "query,response0,answer\n"),
    ] {
        check(format, empty, &["it has no labels", "hint: "]);
    }
    for format in ["original", "label-studio", "argilla"] {
        check(format, "{}", &["line 1", "has "]);
        check(format, "[{},", &["row 0"]);
        check(format, "[3]", &["row 0", "no JSON object"]);
        check(format, "{\n\"a\": 3}\n{\n\"b\": 4", &["row 0", "has "]);
    }
    check("jsonl", b"\xff\xfa", &["line 1 is not UTF-8", "hint: save"]);
}

#[test]
fn packed_files_are_unpacked() {
    for format in FORMATS {
        let mut labels = one_of_each();
        labels.truncate(2);
        for label in &mut labels {
            let Comparison {
                query, responses, ..
            } = &mut label.comparison;
            for passage in responses.iter_mut().chain([query]) {
                passage.tokens = Some(vec![1, 2]);
            }
        }
        let plain = write(&labels, format).unwrap().bytes;
        for packed in packed(&plain) {
            let [packed, plain] = [&packed, &plain].map(|file| reread(file, format.name).unwrap());
            assert_eq!(packed.labels, plain.labels);
        }
    }
    // What is in it is said as of what is not packed.
    for page in packed(b"<!DOCTYPE html><html>") {
        check("trl", &page, &["an HTML page"]);
    }
}

#[test]
fn files_of_another_kind_are_recognized() {
    let parquet = write(&one_of_each(), Format::named("parquet").unwrap()).unwrap();
    for (format, file, parts) in [
        (
            "csv",
            parquet.bytes.as_slice(),
            ["a Parquet file", "`--format parquet`"],
        ),
        (
            "jsonl",
            b"\x1f\x8b\x08\0",
            ["packed with gzip and damaged", "pack it again"],
        ),
        (
            "trl",
            b"\x28\xb5\x2f\xfd\0",
            ["packed with Zstandard and damaged", "fetch it"],
        ),
        ("csv", b"PK\x03\x04\0\0", ["a ZIP file", "as CSV"]),
        (
            "jsonl",
            b"SQLite format 3\0",
            ["an SQLite database", "label export"],
        ),
        ("csv", b"\xff\xfeq\0u\0", ["in UTF-16", "iconv"]),
        ("csv", b" [{\"chosen\": 1}]", ["a JSON array", "`trl`"]),
        ("parquet", b"{\"fields\": {}}", ["JSON lines", "`argilla`"]),
        ("trl", b"GGUF\x03\0", ["a GGUF file", "the right file?"]),
    ] {
        check(format, file, &parts);
    }
    let trl = r#"{"prompt":"p","chosen":"a","rejected":"b"}"#;
    let original = r#"{"query":[1],"sample0":[2],"sample1":[3],"best":0}"#;
    let argilla = r#"{"fields":{"prompt":"q","r1":"a","r2":"b"},"responses":{}}"#;
    let studio = r#"{"data":{"prompt":"q","r1":"a","r2":"b"},"annotations":[]}"#;
    let ours = r#"{"comparison":{"query":{"text":"q"},"responses":[{"text":"a"},{"text":"b"}]},"answer":{"best":0},"labeler":"unknown"}"#;
    for (format, row, meant) in [
        ("jsonl", trl, "trl"),
        ("jsonl", studio, "label-studio"),
        ("trl", ours, "jsonl"),
        ("trl", original, "original"),
        ("original", trl, "trl"),
        ("label-studio", argilla, "argilla"),
        ("argilla", studio, "label-studio"),
    ] {
        let file = match format {
            "jsonl" | "trl" => row.to_owned(),
            _ => format!("[{row}]"),
        };
        check(
            format,
            file,
            &[&format!("hint: this looks like `--format {meant}`")],
        );
    }
}

#[test]
fn lines_that_are_no_json() {
    for (line, part) in [
        ("{'prompt': 'p'}", "double quotes"),
        (r#"{"prompt": "p", "chosen": True}"#, "that is Python"),
        (r#"{"prompt": "p", "score": NaN}"#, "no such number"),
        ("{\"prompt\": \"a\tb\"}", "a tab `\\t`"),
        (r#"{"prompt": "p", "chosen": "#, "before it is complete"),
        (r#"{"prompt": "p",}"#, "remove the comma"),
        (r#"{"prompt": "\d"}"#, "is written `\\\\`"),
        (r#"{"prompt": "p"} {"prompt": "q"}"#, "a row is a line"),
        ("prompt: p", "is it another format?"),
    ] {
        check("trl", format!("\n{line}\n"), &["line 2", part]);
    }
    // In an array as well, where it is not known any more what stood there.
    for (row, part) in [
        ("{'query': [1]}", "double quotes"),
        (r#"{"query": [1], "best": None}"#, "that is Python"),
        (r#"{"query": [1], "difference": NaN}"#, "no such number"),
        (r#"{"query": [1], "best": 0,}"#, "remove the comma"),
        (r#"{"query": [1], "best""#, "before it is complete"),
    ] {
        let good = r#"{"query":[1],"sample0":[2],"sample1":[3],"best":0}"#;
        check("original", format!("[{good},\n  {row}"), &["row 1", part]);
        check("original", format!("[{good},{row}"), &["row 1", part]);
    }
    for file in ["3", "\"text\""] {
        check("argilla", file, &["line 1", "no JSON object"]);
    }
}

#[test]
fn fields_that_an_object_has_twice() {
    let trl = r#"{"prompt":"p","chosen":"a","rejected":"b"}"#;
    let original = r#"{"query":[1],"sample0":[2],"sample1":[3],"best":0}"#;
    let studio = r#"{"data":{"prompt":"q","r1":"a","r2":"b"},"annotations":[{"result":[]}]}"#;
    let argilla =
        r#"{"fields":{"prompt":"q","r1":"a","r2":"b"},"responses":{"best":[{"value":"r1"}]}}"#;
    let ours = r#"{"comparison":{"query":{"text":"q"},"responses":[{"text":"a"},{"text":"b"}]},"answer":{"best":0},"labeler":"unknown"}"#;
    for (format, good, field) in [
        ("jsonl", ours, r#""answer":{"best":0}"#),
        ("trl", trl, r#""chosen":"a""#),
        ("original", original, r#""best":0"#),
        ("original", original, r#""sample0":[2]"#),
        ("label-studio", studio, r#""r1":"a""#),
        ("label-studio", studio, r#""result":[]"#),
        ("argilla", argilla, r#""value":"r1""#),
    ] {
        let bad = good.replacen(field, &format!("{field},{field}"), 1);
        let name = field[1..].split('"').next().unwrap();
        let said = format!("duplicate field `{name}`");
        let (file, place) = match format {
            "jsonl" | "trl" => (format!("{good}\n{bad}\n"), "line 2"),
            _ => (format!("[{good},\n{bad}]"), "row 1"),
        };
        check(format, file, &[place, &said, "hint: leave one of them"]);
    }
}

#[test]
fn lines_of_attune() {
    let good = r#"{"comparison":{"query":{"text":"q"},"responses":[{"text":"a"},{"text":"b"}]},"answer":{"best":0},"labeler":"unknown"}"#;
    let tokens = good
        .replace("\"text\"", "\"tokens\"")
        .replace("\"q\"", "[1]")
        .replace("\"a\"", "[2]")
        .replace("\"b\"", "[3]");
    for (line, parts) in [
        (
            good.replace("\"best\":0", "\"best\":5"),
            &["`best`", "0 to 1"][..],
        ),
        (
            good.replace("answer", "anwser"),
            &["anwser", "hint: is `answer` what is meant?"],
        ),
        (
            good.replace("\"best\":0", "\"beast\":0"),
            &["`answer", "beast", "hint: is `best` what is meant?"],
        ),
        (
            good.replace("\"best\":0", "\"best\":\"0\""),
            &["`answer.best`", "expected a whole number from 0"],
        ),
        (
            good.replace("\"labeler\"", "\"source\":1,\"labeler\""),
            &["`source`", "hint: it stands in `comparison`"],
        ),
        (
            good.replace("{\"best\":0}", "1"),
            &["`answer`", "hint: an answer is {\"best\": 0}"],
        ),
        (
            good.replace("\"unknown\"", "\"ann\""),
            &["`labeler", "hint: a judge is {\"person\": \"ann\"}"],
        ),
        (
            good.replace("\"unknown\"", "\"unknown\",\"time\":\"noon\""),
            &["`time`", "hint: a time is in milliseconds"],
        ),
        (
            good.replace("\"answer\":{\"best\":0},", ""),
            &["missing field `answer`", "hint: a line is"],
        ),
        (
            good.replace("\"b\"", "3"),
            &["`comparison.responses[1].text`", "hint: a passage is"],
        ),
        ("{".to_owned(), &["JSON"]),
        (format!("{good}{good}"), &["more than one value"]),
        (
            good.replacen("{\"text\":\"b\"}", "{\"tokens\":[1]}", 1),
            &["`responses`: 1 is not written as the query"],
        ),
        (tokens, &["`query`", "token ids alone", "hint: "]),
    ] {
        let file = format!("{good}\n{line}\n");
        check("jsonl", file, &[&["line 2"], parts].concat());
    }
    let marked = format!("\u{feff}{good}\r\n\r\n");
    assert_eq!(reread(marked.as_bytes(), "jsonl").unwrap().labels.len(), 1);
}

#[test]
fn rows_of_the_original() {
    let row = |rest: &str| {
        let second = match rest.contains("sample1") {
            true => "",
            false => r#""sample1":[3],"#,
        };
        format!(r#"[{{"query":[1],"sample0":[2],{second}{rest}}}]"#)
    };
    for (file, part) in [
        (row(r#""best":2"#), "`best`: is 2, must be 0 to 1"),
        (row(r#""best":-1"#), "`best` is -1"),
        (row(r#""beast":1"#), "none of `best`"),
        (row(r#""sample1":["a"],"best":1"#), "`sample1` is [\"a\"]"),
        (row(r#""sample1":[4294967296],"best":1"#), "`sample1` is"),
        (row(r#""sample1":"text","best":1"#), "`sample1` is \"text\""),
        (row(r#""difference":"much""#), "`difference` is \"much\""),
        (
            r#"[{"sample0":[1],"sample1":[1],"best":0}]"#.to_owned(),
            "no `query`",
        ),
        (
            r#"[{"query":[1],"sample0":[1],"best":0}]"#.to_owned(),
            "not two samples",
        ),
        (
            row(r#""best":0,"score":1.5"#),
            "has `best` and `score`, must have one of them",
        ),
        (
            row(r#""best":0,"sample3":[4]"#),
            "has `sample3` and no `sample2`",
        ),
        (
            row(r#""sample1":[3,4],"best":0"#),
            "`sample1` has 2 token ids, must have 1",
        ),
    ] {
        check("original", file, &["row 0", part]);
    }
    let good = r#"{"query":[1,2],"sample0":[3],"sample1":[4],"best":0}"#;
    for (other, part) in [
        (
            good.replace("[1,2]", "[1]"),
            "`query` has 1 token ids, must have 2",
        ),
        (
            good.replace("[4]", "[4,5]"),
            "`sample1` has 2 token ids, must have 1",
        ),
        (
            r#"{"query":[1,2],"sample":[],"score":0}"#.to_owned(),
            "`sample` has 0 token ids, must have 1",
        ),
    ] {
        let file = format!("[{good},{good},{other}]");
        check("original", file, &["row 2", part, "hint: fill"]);
    }
}

#[test]
fn rows_of_trl() {
    let good = r#"{"prompt":"p","chosen":"a","rejected":"b"}"#;
    for (line, part) in [
        (r#"{"prompt":"p","chosen":"a"}"#.to_owned(), "no `rejected`"),
        (r#"{"prompt":"p","rejected":"a"}"#.to_owned(), "no `chosen`"),
        (
            good.replace("\"a\"", "7"),
            "`chosen` is 7, must be a text or a list",
        ),
        (
            good.replace("\"b\"", "[1, 2]"),
            "`rejected[0].role` is null",
        ),
        (good.replace("\"b\"", "[]"), "`rejected` is []"),
        (
            good.replace("\"b\"", r#"[{"role":"user","content":null}]"#),
            "`rejected[0].content` is null, must be a text",
        ),
        (
            good.replace("\"b\"", r#"[{"role":"user","content":"b"}]"#),
            "`rejected` is a list of messages, must be a text",
        ),
        ("[]".to_owned(), "no JSON object"),
        ("{\"prompt\"".to_owned(), "JSON"),
        (good.replace("\"b\"", "null"), "`rejected` is null"),
        (
            good.replace("\"b\"", "[\"b\"]"),
            "a text stands there alone",
        ),
        (
            good.replace("rejected", "rejected_response"),
            "hint: is `rejected_response` what is meant? call it `rejected`",
        ),
        (
            good.replace("chosen", "choosen"),
            "hint: is `choosen` what is meant? call it `chosen`",
        ),
        (
            r#"{"prompt":"p","completion":"a","label":true}"#.to_owned(),
            "compare nothing",
        ),
        (
            good.replace("\"b\"", r#""\ud83d""#),
            "`rejected` has half of a character, such as `\\ud83d`, up to column",
        ),
        (
            good.replace(
                "\"b\"",
                r#"[{"role":"user","content":[{"type":"image","url":"b"}]}]"#,
            ),
            "leave rows with images",
        ),
        (
            good.replace("\"b\"", r#"[{"role":"assistant","tool_calls":[]}]"#),
            "a call of a tool is no text",
        ),
        (
            good.replace("\"b\"", "\"b\",\"tie\":\"yes\""),
            "`tie` is \"yes\", must be true or false",
        ),
    ] {
        check("trl", format!("{good}\n{line}"), &["line 2", part]);
    }
}

#[test]
fn endless_lines_and_rows_are_not_read_to_their_end() {
    let endless = || std::io::BufReader::new(std::io::repeat(b'x'));
    let message = format!("{:#}", for_lines(endless(), |_, _| Ok(())).unwrap_err());
    assert!(
        message.contains("line 1 is longer than 64 MiB"),
        "{message}"
    );
    for start in ["[{\"query\": \"", "[{}, {\"a\": [1"] {
        let file = std::io::Read::chain(start.as_bytes(), std::io::repeat(b'1'));
        let message = format!(
            "{:#}",
            for_objects(file, "trl", |_: &Object| Ok(())).unwrap_err()
        );
        assert!(message.contains("longer than 64 MiB"), "{message}");
        assert!(message.contains("row "), "{message}");
    }
    // Many short ones are no long one.
    let many = "[{}".to_owned() + &",{\"a\": 123456789}".repeat(6_000_000) + "]";
    let mut rows = 0;
    for_objects(many.as_bytes(), "trl", |_: &Object| {
        rows += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(rows, 6_000_001);
}

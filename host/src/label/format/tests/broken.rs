//! Files that are broken: each error names the line or row, and the field.

use super::super::stream::{for_lines, for_rows};
use super::*;

fn check(format: &str, file: impl AsRef<[u8]>, parts: &[&str]) {
    let message = format!("{:#}", reread(file.as_ref(), format).unwrap_err());
    assert!(message.contains("cannot read labels from `"), "{message}");
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
        check(format.name, "", &[]);
        check(format.name, b"\xff\xfe\x00", &[]);
        check(format.name, "what is this", &[]);
    }
    for (format, empty) in [
        ("jsonl", "\n\n"),
        ("trl", ""),
        ("original", "[]"),
        ("label-studio", "[]"),
        ("argilla", "[]"),
        ("csv", "query,response0,answer\n"),
    ] {
        check(format, empty, &["it has no labels", "hint: "]);
    }
    for format in ["original", "label-studio", "argilla"] {
        check(format, "{}", &["no JSON array"]);
        check(format, "[{},", &["row 0"]);
        check(format, "[3]", &["row 0", "no JSON object"]);
    }
    check("jsonl", b"\xff\xfe", &["line 1 is not UTF-8"]);
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
        (good.replace("answer", "anwser"), &["anwser"]),
        (
            good.replace("\"best\":0", "\"beast\":0"),
            &["`answer", "beast"],
        ),
        (
            good.replace("\"b\"", "3"),
            &["`comparison.responses[1].text`"],
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
    let row = |rest: &str| format!(r#"[{{"query":[1],"sample0":[2],"sample1":[3],{rest}}}]"#);
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
            "at least 2",
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
    ] {
        check("trl", format!("{good}\n{line}"), &["line 2", part]);
    }
}

#[test]
fn tasks_of_label_studio() {
    let task = |data: &str, result: &str| {
        format!(
            r#"[{{"data":{{{data}}},"annotations":[{{"completed_by":1,"result":[{result}]}}]}}]"#
        )
    };
    let two = r#""prompt":"q","text1":"a","text2":"b""#;
    let items = r#""prompt":"q","items":[{"id":"a","body":"a"},{"id":"b","body":"b"},{"id":"c","body":"c"}]"#;
    let left = r#"{"type":"pairwise","value":{"selected":"left"}}"#;
    let ranker = |value: &str| format!(r#"{{"type":"ranker","value":{{"ranker":{value}}}}}"#);
    for (file, part) in [
        (
            r#"[{"text1":"a"}]"#.to_owned(),
            "hint: export as JSON, not as JSON-MIN",
        ),
        (r#"[{"data":{}}]"#.to_owned(), "`annotations`"),
        (
            task(r#""text1":"a","text2":"b""#, left),
            "`data`: has no query",
        ),
        (
            task(r#""prompt":"q","question":"q""#, left),
            "both `prompt` and `question`",
        ),
        (task(r#""prompt":"q""#, left), "`data`: has no responses"),
        (
            task(r#""prompt":"q","a1":"","a2":"","b1":"","b2":"""#, left),
            "both `a1` and `b1`",
        ),
        (
            task(&two.replace("\"b\"", "3"), left),
            "`text2` is 3, must be a text",
        ),
        (
            task(two, &left.replace("left", "middle")),
            "`selected` is \"middle\"",
        ),
        (task(items, left), "two responses, but there are 3"),
        (
            task(items, &ranker(r#"["a","x"]"#)),
            "`ranker` is \"x\", must be one of",
        ),
        (task(items, &ranker(r#"["a","b"]"#)), "`ranking`"),
        (
            task(items, &ranker(r#"{"good":["a"],"bad":["b","c"]}"#)),
            "bucket `good`",
        ),
        (task(items, &ranker("3")), "`ranker` is 3"),
        (
            task(r#""prompt":"q","items":[{"id":"a","title":"a"}]"#, left),
            "`data.items[0].body` is null",
        ),
        (
            task(two, r#"{"type":"choices","value":{}}"#),
            "none of `pairwise`",
        ),
        (task(two, &format!("{left},{left}")), "has 2 answers"),
        (
            task(
                r#""prompt":"q","text":"a""#,
                r#"{"type":"rating","value":{"rating":"good"}}"#,
            ),
            "`rating` is \"good\"",
        ),
        (
            task(two, left).replace(":1,", ":[],"),
            "`completed_by` is []",
        ),
        (
            task(two, left).replace("\"completed_by\":1", "\"created_at\":\"monday\""),
            "`created_at` is \"monday\"",
        ),
    ] {
        check("label-studio", file, &["row 0", part]);
    }
}

#[test]
fn records_of_argilla() {
    let record = |fields: &str, responses: &str| {
        format!(r#"[{{"fields":{{"prompt":"q",{fields}}},"responses":{responses}}}]"#)
    };
    let two = r#""r1":"a","r2":"b""#;
    let ranked = |value: &str| format!(r#"{{"best":[{{"value":{value},"user_id":"1"}}]}}"#);
    for (file, part) in [
        ("[{}]".to_owned(), "`fields`"),
        (record(two, "3"), "`responses` is 3"),
        (record(two, r#"{"best":3}"#), "`responses.best` is 3"),
        (
            record(two, &ranked("\"r9\"")),
            "`responses.best`: `value` is \"r9\", must be one of",
        ),
        (record(two, &ranked("3")), "`value` is 3"),
        (
            record(two, &ranked(r#"[{"value":"r1","rank":1}]"#)),
            "a rank for each of [\"r1\", \"r2\"]",
        ),
        (
            record(two, &ranked(r#"[{"value":"r1","rank":"top"}]"#)),
            "`rank` is \"top\"",
        ),
        (
            record(two, &ranked("\"r1\"").replace("\"1\"", "7")),
            "`user_id` is 7",
        ),
        (
            record(two, &ranked(r#""r1","status":"lost""#)),
            "`status` is \"lost\"",
        ),
        (
            record(
                two,
                r#"{"best":[{"value":"r1"}],"kindest":[{"value":"r2"}]}"#,
            ),
            "several questions about the responses, `best` and `kindest`",
        ),
        (
            record(two, r#"{"best":[{"value":"r1"},{"value":"r3"}]}"#),
            "`responses.best`: `value` is \"r3\"",
        ),
        (record(r#""r1":"a","r2":3"#, &ranked("\"r1\"")), "`r2` is 3"),
        (
            record(two, &ranked("\"r1\"")).replacen('{', r#"{"metadata":{"labeled_at":3},"#, 1),
            "`metadata.labeled_at` is 3, must be a time",
        ),
    ] {
        check("argilla", file, &["row 0", part]);
    }
}

#[test]
fn rows_of_tables() {
    let header = "query,response0,response1,answer,value,time,responses";
    for (row, part) in [
        ("q,a,b,best,2,,", "`best`: is 2, must be 0 to 1"),
        (
            "q,a,b,best,first,,",
            "`value` is \"first\", must be a place",
        ),
        ("q,a,b,best,,,", "`value` is null"),
        ("q,a,b,beast,1,,", "`answer` is \"beast\", must be best"),
        ("q,a,b,,1,,", "no `answer`"),
        (
            "q,a,b,difference,much,,",
            "`value` is \"much\", must be a number",
        ),
        ("q,a,b,ranking,0 > 0,,", "must name each of 0 to 1 once"),
        ("q,a,b,ranking,1 > 7,,", "must name each of 0 to 1 once"),
        ("q,a,b,ranking,0,,", "`ranking`: is [[0]], must name each"),
        ("q,a,b,difference,NaN,,", "`score`: is NaN"),
        ("q,a,b,tie,0 x,,", "`value` is \"0 x\", must be places"),
        ("q,,b,best,1,,", "has a `response1`, but no `response0`"),
        ("q,a,b,best,1,noon,", "`time` is \"noon\""),
        ("q,a,b,best,1,,3", "`responses` is 3, but there are 2"),
        ("q,a,b,best,1,,many", "`responses` is \"many\""),
        ("q,a,b", "found record with 3 fields"),
        ("q,a,\"b,best,1,,", "found record with 3 fields"),
    ] {
        let file = format!("{header}\nq,a,b,skip,,,\n{row}\n");
        check("csv", file, &["line", "3", part]);
    }
    for (header, part) in [
        (
            "query;response0;answer",
            "hint: columns are separated by commas",
        ),
        ("query,response0,query,answer", "has `query` twice"),
        ("response0,answer", "no column `query`"),
    ] {
        check("csv", format!("{header}\n"), &["line 1", part]);
    }
    let tokens = "query_tokens,response0_tokens,response1_tokens,query,response0,response1,answer";
    for (row, part) in [
        ("[1],[2],x,,,,skip", "`response1_tokens` is \"x\""),
        ("[1],[2],[-3],,,,skip", "`response1_tokens` is [-3]"),
        (",,,q,a,b,skip", "`query` and responses are text alone"),
        ("[1],,[3],,a,,skip", "`responses`: 0 is not written as"),
    ] {
        let file = format!("{tokens}\n[1],[2],[3],,,,skip\n{row}\n");
        check("csv", file, &["line 3", part]);
    }
}

/// A file of one label, with one more column.
fn parquet_with(column: &str) -> Vec<u8> {
    use ::parquet::column::writer::ColumnWriter;
    use ::parquet::data_type::ByteArray;
    let names = ["prompt", "response0", "response1", "answer", "value"];
    let texts = names.map(|name| format!("required binary {name} (string);"));
    let schema = format!("message labels {{ {} {column} }}", texts.concat());
    let schema = ::parquet::schema::parser::parse_message_type(&schema).unwrap();
    let mut bytes = Vec::new();
    let mut file = ::parquet::file::writer::SerializedFileWriter::new(
        &mut bytes,
        schema.into(),
        Default::default(),
    )
    .unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut cells = ["q", "a", "b", "best", "1", "other"].into_iter();
    while let Some(mut column) = group.next_column().unwrap() {
        let cell = cells.next().unwrap();
        match column.untyped() {
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                writer.write_batch(&[ByteArray::from(cell)], None, None)
            }
            ColumnWriter::Int64ColumnWriter(writer) => {
                writer.write_batch(&[1_773_094_568_728_353_000], None, None)
            }
            ColumnWriter::Int32ColumnWriter(writer) => writer.write_batch(&[20_000], None, None),
            _ => panic!("no such type"),
        }
        .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

#[test]
fn parquet_of_types_that_labels_do_not_have() {
    let nanoseconds = parquet_with("required int64 time (timestamp(nanos, true));");
    let read = reread(&nanoseconds, "parquet").unwrap();
    assert_eq!(read.labels[0].time, Some(1_773_094_568_728));
    for (column, part) in [
        (
            "required int32 time (date);",
            "column `time` is of type INT32 (DATE)",
        ),
        (
            "required binary labeler;",
            "column `labeler` is of type BYTE_ARRAY",
        ),
    ] {
        check(
            "parquet",
            parquet_with(column),
            &[part, "hint: write it as"],
        );
    }
}

#[test]
fn parquet_that_is_cut_or_changed() {
    let labels = one_of_each();
    let whole = write(&labels, Format::named("parquet").unwrap())
        .unwrap()
        .bytes;
    let packed = include_bytes!("../../../../../tests/labels/gzip.parquet");
    let parts = ["column `chosen` is packed with GZIP", "hint: "];
    check("parquet", packed, &parts);
    for length in [4, 100, whole.len() / 2, whole.len() - 1] {
        check("parquet", &whole[..length], &["no Parquet file"]);
    }
    // Whatever is changed: labels or an error, and no crash.
    let zstd = include_bytes!("../../../../../tests/labels/zstd.parquet");
    for file in [whole.as_slice(), zstd] {
        for at in 0..file.len() {
            let mut changed = file.to_vec();
            changed[at] ^= 0xff;
            let _ = reread(&changed, "parquet");
        }
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
        let message = format!("{:#}", for_rows(file, |_| Ok(())).unwrap_err());
        assert!(message.contains("longer than 64 MiB"), "{message}");
        assert!(message.contains("row "), "{message}");
    }
    // Many short ones are no long one.
    let many = "[{}".to_owned() + &",{\"a\": 123456789}".repeat(6_000_000) + "]";
    let mut rows = 0;
    for_rows(many.as_bytes(), |_| {
        rows += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(rows, 6_000_001);
}

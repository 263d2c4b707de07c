//! What of a message, an answer or a table is read, and what is listed or refused.

use super::foreign::texts;
use super::variants::studio;
use super::*;
use serde_json::json;

fn left(read: &Imported) -> Vec<&str> {
    read.left.keys().map(String::as_str).collect()
}

#[test]
fn parts_of_messages_that_are_not_said() {
    let parts = json!([
        {"type": "reasoning", "text": "Hm."},
        {"type": "thinking", "thinking": "So."},
        {"type": "image_url", "text": "a cat"},
        {"type": "text", "text": "Yes", "citations": [{"url": "x"}], "annotations": []},
        {"type": "output_text", "text": ", it"},
        {"text": " is."}
    ]);
    let row = json!({"prompt": "q", "chosen": [{"role": "assistant", "content": parts}],
                     "rejected": [{"role": "assistant", "content": "No."}]});
    let read = reread(row.to_string().as_bytes(), "trl").unwrap();
    assert_eq!(texts(&read.labels[0]), ["q", "Yes, it is.", "No."]);
    assert_eq!(
        left(&read),
        [
            "`citations` of parts of messages",
            "parts of messages of the type `image_url`",
            "parts of messages of the type `reasoning`",
            "parts of messages of the type `thinking`",
            "who says a message that stands alone"
        ]
    );
    for part in [
        json!({"type": "image", "url": "x"}),
        json!({"type": "reasoning", "text": "Hm."}),
    ] {
        let row = json!({"prompt": "q", "chosen": [{"role": "assistant", "content": [part]}],
                         "rejected": [{"role": "assistant", "content": "No."}]});
        let error = format!(
            "{:#}",
            reread(row.to_string().as_bytes(), "trl").unwrap_err()
        );
        assert!(error.contains("`chosen[0].content"), "{error}");
    }
}

#[test]
fn what_else_an_answer_has_is_listed() {
    let data = json!({"prompt": "Q", "r1": "A", "r2": "B"});
    let result = json!([{"id": "x", "from_name": "pw", "to_name": "r1,r2", "type": "pairwise", "origin": "manual",
                         "score": 0.5, "meta": {"text": ["why"]}, "value": {"selected": "left"}}]);
    let read = studio(data.clone(), result).unwrap();
    assert_eq!(left(&read), ["`meta` of results", "`score` of results"]);
    let answer = json!({"value": "r1", "user_id": "u", "status": "submitted", "note": "why", "inserted_at": "x"});
    let second = json!({"responses": {"best": [answer]}});
    let first = json!({"responses": [{"user_id": "u", "note": "why", "values": {"best": {"value": "r1", "sure": 1}}}]});
    for (mut record, wanted) in [
        (second, vec!["`responses[].note`"]),
        (first, vec!["`responses[].note`", "`responses[].sure`"]),
    ] {
        record["fields"] = data.clone();
        let read = reread(json!([record]).to_string().as_bytes(), "argilla").unwrap();
        assert_eq!(left(&read), wanted);
    }
}

#[test]
fn prompts_of_other_names() {
    for name in ["question", "query", "instruction"] {
        let row = json!({"system": "S", name: "What?", "chosen": "A", "rejected": "B"});
        let table = format!("system,{name},chosen,rejected\nS,What?,A,B\n");
        let lines = reread(row.to_string().as_bytes(), "trl").unwrap();
        let table = reread(table.as_bytes(), "csv").unwrap();
        for (read, listed) in [(&lines, "`system`"), (&table, "the column `system`")] {
            assert_eq!(texts(&read.labels[0]), ["What?", "A", "B"]);
            assert_eq!(left(read), [listed]);
        }
        let parquet = parquet_of(&[
            ("system", "S"),
            (name, "What?"),
            ("chosen", "A"),
            ("rejected", "B"),
        ]);
        let read = reread(&parquet, "parquet").unwrap();
        assert_eq!(texts(&read.labels[0]), ["What?", "A", "B"]);
        assert_eq!(left(&read), ["the column `system`"]);
        let both = json!({"prompt": "P", name: "What?", "chosen": "A", "rejected": "B"});
        let read = reread(both.to_string().as_bytes(), "trl").unwrap();
        assert_eq!(texts(&read.labels[0])[0], "P");
        assert_eq!(left(&read), [format!("`{name}`")]);
    }
    let two = json!({"question": "a", "query": "b", "chosen": "A", "rejected": "B"});
    let error = format!(
        "{:#}",
        reread(two.to_string().as_bytes(), "trl").unwrap_err()
    );
    assert!(
        error.contains("any of `query`, `question` could be it"),
        "{error}"
    );
}

#[test]
fn headers_that_came_along_with_their_tables() {
    let rows = [
        "prompt,chosen,rejected\nq,a,b\n",
        "query,response0,answer,value\nq,a,rating,1\n",
    ];
    for table in rows {
        for mark in ["", "\u{feff}"] {
            let joined = format!("{table}{mark}{table}");
            let error = format!("{:#}", reread(joined.as_bytes(), "csv").unwrap_err());
            assert!(error.contains("line 3: is the header once more"), "{error}");
        }
    }
}

#[test]
fn lines_of_tables_are_counted_as_they_are() {
    let table = "chosen,rejected,tie\na,b,\n\n\n\"two\nlines\",b,\na,b,maybe\n";
    let header = "chosen,rejected,tie\na,b,maybe";
    for (table, line) in [(table, "line 7:"), (header, "line 2:")] {
        for table in [table.to_owned(), table.replace('\n', "\r\n")] {
            let error = format!("{:#}", reread(table.as_bytes(), "csv").unwrap_err());
            assert!(error.contains(line), "{error}");
        }
    }
    let short = "chosen,rejected\r\na,b\r\n\r\n\r\na\r\n";
    let error = format!("{:#}", reread(short.as_bytes(), "csv").unwrap_err());
    assert!(error.contains("line 5: has 1 cells"), "{error}");
    let latin = b"chosen,rejected\r\na,b\r\na,\xfc\r\n";
    let error = format!("{:#}", reread(latin, "csv").unwrap_err());
    assert!(
        error.contains("line 3: column `rejected`: is not UTF-8"),
        "{error}"
    );
}

/// A file of one row of texts; a name that ends in `:` is one of bytes.
fn parquet_of(cells: &[(&str, &str)]) -> Vec<u8> {
    let columns = cells.iter().map(|(name, _)| match name.strip_suffix(':') {
        Some(name) => format!("required group {name} {{ required binary content; }}"),
        None => format!("required binary {name} (string);"),
    });
    let cells: Vec<&str> = cells.iter().map(|(_, cell)| *cell).collect();
    parquet_file(&columns.collect::<String>(), &cells)
}

#[test]
fn cells_of_every_table_are_read_alike() {
    let ask = r#"{"role": "user", "content": "Q"}"#;
    let says = |words: &str| format!(r#"[{ask}, {{"role": "assistant", "content": "{words}"}}]"#);
    let cells = [says("a"), says("b")];
    let quoted = cells
        .each_ref()
        .map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
    let table = format!("chosen,rejected\n{}\n", quoted.join(","));
    let parquet = parquet_of(&[("chosen", &cells[0]), ("rejected", &cells[1])]);
    for read in [reread(table.as_bytes(), "csv"), reread(&parquet, "parquet")] {
        assert_eq!(texts(&read.unwrap().labels[0]), ["Q", "a", "b"]);
    }
    for broken in [
        r#"[{"role":"assistant","content":"a\ud83d"}]"#,
        r#"[ {"role":"assistant","content":"a"},]"#,
        r#"[{"role":"assistant","content":"a"#,
    ] {
        let quoted = broken.replace('"', "\"\"");
        let table = format!("chosen,rejected\n\"{quoted}\",b\n");
        let parquet = parquet_of(&[("chosen", broken), ("rejected", "b")]);
        for read in [reread(table.as_bytes(), "csv"), reread(&parquet, "parquet")] {
            let error = format!("{:#}", read.unwrap_err());
            assert!(
                error.contains("`chosen` begins as a list of messages") && error.contains("hint: "),
                "{error}"
            );
        }
    }
    for plain in ["[1] says so", "[{\"a\": 1},]", "[]", ""] {
        let parquet = parquet_of(&[("prompt", "q"), ("chosen", plain), ("rejected", "b")]);
        let read = reread(&parquet, "parquet").unwrap();
        assert_eq!(texts(&read.labels[0])[1], plain);
    }
}

#[test]
fn columns_of_parquet_that_would_be_lost_or_changed() {
    let twice = parquet_of(&[("chosen", "a"), ("rejected", "b"), ("chosen", "c")]);
    let error = format!("{:#}", reread(&twice, "parquet").unwrap_err());
    assert!(
        error.contains("has the column `chosen` twice\nhint: "),
        "{error}"
    );
    let bytes = parquet_of(&[("chosen:", "a"), ("rejected", "b")]);
    let error = format!("{:#}", reread(&bytes, "parquet").unwrap_err());
    assert!(
        error.contains("column `chosen.content` is of type BYTE_ARRAY"),
        "{error}"
    );
}

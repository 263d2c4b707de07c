//! Files of rows under any name, and what is refused in them.

use std::io::Write;

use super::*;

fn read_as(name: &str, bytes: &[u8]) -> Result<Rows> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read(&path)
}

fn jsons(name: &str, bytes: &[u8]) -> (Form, Vec<String>) {
    let rows = read_as(name, bytes).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    let jsons = rows.rows.iter().map(|(_, json)| json.clone()).collect();
    (rows.form, jsons)
}

fn refused(name: &str, bytes: &[u8], parts: &[&str]) {
    let message = format!("{:#}", read_as(name, bytes).unwrap_err());
    for part in parts.iter().chain(&[name, "\nhint: "]) {
        assert!(message.contains(part), "{name}: no `{part}` in {message}");
    }
}

const OBJECT: &str = "{\"text\":\"a film\"}";

#[test]
fn what_a_file_is_decides_and_not_its_name() {
    for name in [
        "r.jsonl", "r.JSONL", "r.ndjson", "r.json", "r", "r.txt", "r.csv", "r.db",
    ] {
        let lines = format!("{OBJECT}\n\n{OBJECT}\n");
        let (form, rows) = jsons(name, lines.as_bytes());
        assert_eq!((form, rows.len()), (Form::JsonLines, 2), "{name}");
        assert_eq!(rows[1], OBJECT);
        let array = format!("[\n {OBJECT},\n {OBJECT}\n]\n");
        let (form, rows) = jsons(name, array.as_bytes());
        assert_eq!((form, rows), (Form::JsonArray, vec![OBJECT.to_owned(); 2]));
    }
    let table = b"text,n\na film,3\n";
    for name in ["r.csv", "r.CSV"] {
        let rows = vec!["{\"text\":\"a film\",\"n\":\"3\"}".to_owned()];
        assert_eq!(jsons(name, table), (Form::Csv, rows));
    }
    let tabs = vec!["{\"text\":\"a, b\",\"n\":\"3\"}".to_owned()];
    assert_eq!(
        jsons("r.tsv", b"text\tn\na, b\t3\n"),
        (Form::Tsv, tabs.clone())
    );
    assert_eq!(jsons("r.csv", b"text;n\n\"a, b\";3\n"), (Form::Csv, tabs));
    let texts = vec!["\"text,n\"".to_owned(), "\"a film,3\"".to_owned()];
    for name in ["r.txt", "r", "r.md"] {
        assert_eq!(jsons(name, table), (Form::Text, texts.clone()), "{name}");
    }
}

#[test]
fn marks_and_line_ends_are_no_part_of_a_row() {
    let mark = "\u{feff}";
    for (name, text, row) in [
        ("r.txt", "one\r\n\r\ntwo\r\n", "\"one\""),
        (
            "r.jsonl",
            "{\"text\":\"one\"}\r\n\"two\"\r\n",
            "{\"text\":\"one\"}",
        ),
        (
            "r.json",
            "[{\"text\":\"one\"},\r\n\"two\"]\r\n",
            "{\"text\":\"one\"}",
        ),
        ("r.csv", "text\r\none\r\n\r\ntwo\r\n", "{\"text\":\"one\"}"),
    ] {
        for text in [text.to_owned(), format!("{mark}{text}")] {
            let (_, rows) = jsons(name, text.as_bytes());
            assert_eq!(rows.len(), 2, "{name}: {rows:?}");
            assert_eq!(rows[0], row, "{name}");
        }
    }
}

#[test]
fn packed_files_are_unpacked() {
    let text = format!("{OBJECT}\n{OBJECT}\n");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::stream::encode_all(text.as_bytes(), 1).unwrap();
    for (name, bytes) in [
        ("r.jsonl.gz", &gzip),
        ("r.txt", &gzip),
        ("r.jsonl.zst", &zstd),
    ] {
        let (form, rows) = jsons(name, bytes);
        assert_eq!((form, rows.len()), (Form::JsonLines, 2), "{name}");
    }
    refused(
        "r.jsonl.gz",
        &gzip[..gzip.len() - 12],
        &["packed with gzip and damaged"],
    );
}

#[test]
fn a_name_that_says_something_else_is_said() {
    let rows = read_as("r.txt", OBJECT.as_bytes()).unwrap();
    assert_eq!(
        rows.notes,
        ["its name says plain text, but it is JSON lines, and is read as that"]
    );
    for (name, bytes) in [
        ("r.jsonl", OBJECT),
        ("r", OBJECT),
        ("r.txt", "{ no JSON }\n"),
    ] {
        assert!(read_as(name, bytes.as_bytes()).unwrap().notes.is_empty());
    }
}

#[test]
fn a_bad_row_is_named_by_its_line() {
    let line = |bad: &str| format!("{OBJECT}\n\n{bad}\n");
    for (bad, part) in [
        ("{\"text\": ", "is not JSON"),
        ("{'text': 'a'}", "json.dumps"),
        ("{\"text\": \"\\ud83d\"}", "half of a character"),
        ("{\"text\": NaN}", "is not JSON"),
        ("17", "is 17, which is no row"),
        ("null", "is null"),
        ("{\"text\":\"a\",\"text\":\"b\"}", "has `text` twice"),
        (
            "{\"text\":\"a\"} {\"text\":\"b\"}",
            "is a line break missing?",
        ),
    ] {
        refused("r.jsonl", line(bad).as_bytes(), &["line 3", part]);
    }
    refused(
        "r.json",
        format!("[{OBJECT}, {{\"text\": \"\\ud83d\"}}]").as_bytes(),
        &["row 1, counted from 0", "half of a character"],
    );
    refused(
        "r.json",
        format!("[{OBJECT}, 3]").as_bytes(),
        &["row 1", "is 3"],
    );
    refused(
        "r.json",
        format!("[{OBJECT},").as_bytes(),
        &["row 1", "is the file cut"],
    );
    refused(
        "r.json",
        format!("[{OBJECT}]\n[3]").as_bytes(),
        &["line 2", "something else"],
    );
    refused("r.txt", b"one\ntw\xf6\n", &["line 2", "not UTF-8"]);
    refused(
        "r.jsonl",
        b"plain text\n",
        &["line 1", "call a file of plain texts .txt"],
    );
}

#[test]
fn a_table_that_is_none_is_named_by_its_line() {
    refused(
        "r.csv",
        b"text,n\na,1\nb\n",
        &["line 3", "has 1 cells, the header has 2"],
    );
    refused(
        "r.csv",
        b"text,n,text\na,1,b\n",
        &["the column `text` twice"],
    );
    refused(
        "r.csv",
        b"n,text\n1,\"a\n2,b\n",
        &["line 2", "never closed"],
    );
    refused(
        "r.csv",
        b"n,text\n1,\"a \"\"quote\"\"\"\n2,\"\n3,c\n",
        &["line 3", "never closed"],
    );
    refused(
        "r.tsv",
        b"text\tn\n\xf6\t1\n",
        &["line 2", "column `text`", "UTF-8"],
    );
    assert_eq!(
        jsons("r.csv", b"a,b\n\"x \"\"y\"\"\",5\" pipe\n").1.len(),
        1
    );
}

#[test]
fn what_is_no_file_of_rows_is_told_what_it_is() {
    for (name, bytes, part) in [
        (
            "r.jsonl",
            &b"version https://git-lfs.github.com/spec/v1\noid"[..],
            "git lfs pull",
        ),
        ("r.txt", b"<!DOCTYPE html><html>", "HTML page"),
        ("r.txt", b"", "it is empty"),
        ("r.csv", b"text\n", "has no rows"),
        ("r.json", b"[]", "has no rows"),
        (
            "r.json",
            b"{\n \"data\": []\n}\n",
            "one JSON object of several lines",
        ),
        (
            "r.csv",
            b"PK\x03\x04\x14\0[Content_Types].xml",
            "save the table as CSV",
        ),
        ("r.txt", b"o\0n\0e\0\n\0", "UTF-16"),
        ("r.parquet", b"text\n", "its name says Parquet"),
        ("r.parquet", b"PAR1 and nothing else", "no Parquet file"),
        ("r.txt", b"\x80\x04\x95", "pickle"),
    ] {
        refused(name, bytes, &[part]);
    }
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("none"), folder.path().to_owned()] {
        let message = format!("{:#}", read(&path).unwrap_err());
        assert!(message.contains("hint: "), "{message}");
    }
}

#[test]
fn a_row_without_an_end_is_not_read_to_its_end() {
    struct Endless(&'static [u8]);
    impl std::io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            into.fill(self.0[0]);
            Ok(into.len())
        }
    }
    let reader = std::io::BufReader::new(Endless(b"x"));
    let error = lines::for_lines(reader, |_, _| Ok(())).unwrap_err();
    assert!(format!("{error:#}").contains("line 1 is longer than 64 MiB"));
}

#[test]
fn bad_rows_may_be_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, good, bad) in [
        (
            "r.jsonl",
            "{\"a\":1}\n{\n\n3\n\"b\"\n",
            vec![1, 5],
            vec![2, 4],
        ),
        ("r.json", "[{\"a\":1}, 3, \"b\"]", vec![0, 2], vec![1]),
        ("r.csv", "a,b\n1,2\n3\n4,5\n", vec![2, 4], vec![3]),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let rows = read_good(&path).unwrap();
        let places: Vec<u64> = (0..rows.rows.len()).map(|at| rows.number(at)).collect();
        assert_eq!(places, good, "{name}");
        let places: Vec<u64> = rows.bad.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, bad, "{name}");
        assert!(read(&path).is_err());
    }
}

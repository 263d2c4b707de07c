//! Files of rows under any name, and what is refused in them.

use std::io::Write;

use super::*;

fn read(path: &Path) -> Result<Rows> {
    super::read_as(path, Reading::default())
}

fn read_named(name: &str, bytes: &[u8]) -> Result<Rows> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read(&path)
}

fn jsons(name: &str, bytes: &[u8]) -> (Form, Vec<String>) {
    let rows = read_named(name, bytes).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    let jsons = (0..rows.len()).map(|at| rows.get(at).unwrap().1).collect();
    (rows.form, jsons)
}

fn refused(name: &str, bytes: &[u8], parts: &[&str]) {
    let message = format!("{:#}", read_named(name, bytes).unwrap_err());
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
    for name in ["r.txt", "r.md"] {
        assert_eq!(jsons(name, table), (Form::Text, texts.clone()), "{name}");
    }
}

#[test]
fn where_a_name_says_nothing_the_lines_do() {
    for name in ["rows", "rows.dat", "rows.csv?download=true", "rows.data.gz"] {
        let (form, rows) = jsons(name, b"query,response\nq,\"a, b\"\nq,c\n");
        assert_eq!((form, rows.len()), (Form::Csv, 2), "{name}: {rows:?}");
        assert_eq!(jsons(name, b"a\tb\n1\t2\n").0, Form::Tsv, "{name}");
        let strings = jsons(name, b"\"aa\"\n\n\"bb\"\n");
        let lines = vec!["\"aa\"".to_owned(), "\"bb\"".to_owned()];
        assert_eq!(strings, (Form::JsonLines, lines), "{name}");
        for text in [
            "Hello, friend\nOh, well\n",
            "one\ntwo\n",
            "\"Quoted\" and not\nyes\n",
            "yes,no\nmaybe\nnever\n",
        ] {
            assert_eq!(jsons(name, text.as_bytes()).0, Form::Text, "{name}: {text}");
        }
    }
    let read = read_named("rows", b"query,response\nq,a\n").unwrap();
    assert!(read.notes[0].contains("its first line names columns"));
    // A row that does not fit is told, and makes no other file of it.
    refused(
        "rows",
        b"query,response\nq,a\nq,b\nq,c,d\n",
        &["line 4", "has 3 cells, the header has 2"],
    );
}

#[test]
fn rows_of_tables_are_named_by_their_lines_whatever_ends_them() {
    for end in ["\n", "\r\n", "\r"] {
        let table = "query,response|q,\"a|b\"||q,aa|q,bb,cc|".replace('|', end);
        let message = format!("{:#}", read_named("r.csv", table.as_bytes()).unwrap_err());
        // Of a cell's own line ends, those that other systems write are one as well.
        let line = if end == "\r" { "line 5" } else { "line 6" };
        assert!(message.contains(line), "{end:?}: {message}");
    }
    // Who saves a table with other line ends changes those in its cells as well.
    let row = "{\"t\":\"a\\nb\"}";
    for table in ["t\n\"a\nb\"\n", "t\r\n\"a\r\nb\"\r\n"] {
        assert_eq!(jsons("r.csv", table.as_bytes()).1, [row]);
    }
    let rows = read_named("r.csv", b"query,response\r\nq,aa\r\n\r\nq,bb\r\n").unwrap();
    assert_eq!([rows.number(0), rows.number(1)], [2, 4]);
}

#[test]
fn files_that_were_joined_and_lines_of_old_systems_are_read() {
    for (name, text) in [
        ("r.txt", "aa\n\u{feff}bb\n"),
        ("r.txt", "aa\rbb\r"),
        ("r.txt", "aa\r\r\nbb"),
        ("r.jsonl", "\"aa\"\n\u{feff}\"bb\"\n"),
        ("r.jsonl", "\"aa\"\r\"bb\"\r"),
    ] {
        let (_, rows) = jsons(name, text.as_bytes());
        assert_eq!(rows, ["\"aa\"", "\"bb\""], "{text:?}");
    }
}

#[test]
fn a_row_in_another_encoding_is_passed_over_alone() {
    for (name, bytes) in [
        ("r.jsonl", &b"\"aa\"\n\"caf\xe9\"\n\"bb\"\n"[..]),
        ("r.txt", b"aa\ncaf\xe9\nbb\n"),
        ("r.csv", b"t\naa\ncaf\xe9\nbb\n"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let rows = read_good(&path).unwrap();
        assert_eq!((rows.len(), rows.bad.len()), (2, 1), "{name}");
        assert!(rows.bad.first().unwrap().1.contains("not UTF-8"), "{name}");
        let message = format!("{:#}", read(&path).unwrap_err());
        let line = if name == "r.csv" { "line 3" } else { "line 2" };
        assert!(message.contains(line), "{message}");
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

/// A file packed by gzip, and by Zstandard.
pub(crate) fn packed(bytes: &[u8]) -> [Vec<u8>; 2] {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    let zstd = zstd::stream::encode_all(bytes, 1).unwrap();
    [gzip.finish().unwrap(), zstd]
}

#[test]
fn packed_files_are_unpacked() {
    let [gzip, zstd] = packed(format!("{OBJECT}\n{OBJECT}\n").as_bytes());
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
    let rows = read_named("r.txt", OBJECT.as_bytes()).unwrap();
    assert_eq!(
        rows.notes,
        ["its name says plain text, but it is JSON lines, and is read as that"]
    );
    for (name, bytes) in [
        ("r.jsonl", OBJECT),
        ("r", OBJECT),
        ("r.txt", "{ no JSON }\n"),
    ] {
        assert!(read_named(name, bytes.as_bytes()).unwrap().notes.is_empty());
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
        &["line 1", "call a table .csv", "a file of plain texts .txt"],
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
    for row in [
        &b"1,\"He said \\\"hi\\\" to me\"\n"[..],
        b"1,\"He said \"hi\" to me\"\n",
        b"\"b\"x,c\n",
        b"1,\"b\" \n",
    ] {
        let table = [&b"n,text\n0,a\n"[..], row].concat();
        refused(
            "r.csv",
            &table,
            &["line 3", "goes on after the quote", "written twice"],
        );
    }
    refused(
        "r.csv",
        b"n,\"te\"xt\n0,a\n",
        &["line 1, the header", "goes on after"],
    );
    assert_eq!(
        jsons("r.csv", b"a,b\n\"x \"\"y\"\"\",5\" pipe\n").1.len(),
        1
    );
}

#[test]
fn the_first_line_may_say_what_separates() {
    for table in [
        &b"sep=;\ntext;n\na,b;1\n"[..],
        b"\xef\xbb\xbfsep=;\r\ntext;n\r\na,b;1\r\n",
        b"text;n\na,b;1\n",
    ] {
        let rows = jsons("r.csv", table).1;
        assert_eq!(rows, [r#"{"text":"a,b","n":"1"}"#]);
    }
    refused(
        "r.csv",
        b"sep=;\ntext;n\na,b;1\nc\n",
        &["line 4", "has 1 cells"],
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
        let mut rows = read_good(&path).unwrap();
        let places: Vec<u64> = (0..rows.len()).map(|at| rows.number(at)).collect();
        assert_eq!(places, good, "{name}");
        assert_eq!(places_of(&mut rows), bad, "{name}");
        assert!(read(&path).is_err());
    }
}

/// The places of rows that cannot be read.
fn places_of(rows: &mut Rows) -> Vec<u64> {
    let each = rows.bad.take_each().into_iter();
    each.map(|(place, _)| place).collect()
}

#[test]
fn rows_that_are_read_again_are_those_that_are_kept() {
    let streams = Reading {
        passes_over: true,
        tells_each: true,
        streams: true,
    };
    let lines = "\u{feff}{\"a\":1}\r\n\r\n{\n\u{feff}[\"b\"]\r\"ü\"";
    for (name, text) in [
        ("r.jsonl", lines),
        ("r.json", "[{\"a\":\r\n 1}, 3,\n\"b\\n\"]"),
        ("r.csv", "a,b\n1,2\n3\n4,\"5\n6\"\n"),
        ("r.txt", "one\n\n  two \r\nthree"),
    ] {
        let [gzip, _] = packed(text.as_bytes());
        for (name, bytes) in [
            (name.to_owned(), text.as_bytes()),
            (format!("{name}.gz"), &gzip),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let (mut held, mut lying) = (
                read_good(&path).unwrap(),
                super::read_as(&path, streams).unwrap(),
            );
            assert_eq!(held.len(), lying.len());
            // Backwards, as in a shuffled order.
            for at in (0..held.len()).rev() {
                let (kept, read) = (held.get(at).unwrap(), lying.get(at).unwrap());
                let value = |json: &str| serde_json::from_str::<serde_json::Value>(json).unwrap();
                assert_eq!(
                    (kept.0, value(&kept.1)),
                    (read.0, value(&read.1)),
                    "{path:?}"
                );
                assert_eq!(held.number(at), lying.number(at));
            }
            assert_eq!(places_of(&mut held), places_of(&mut lying));
        }
    }
}

#[test]
fn a_file_that_is_changed_while_it_is_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    std::fs::write(&path, "{\"a\":1}\n{\"a\":2}\n").unwrap();
    let streams = Reading {
        streams: true,
        ..Reading::default()
    };
    let rows = super::read_as(&path, streams).unwrap();
    assert_eq!(rows.get(1).unwrap(), (1, "{\"a\":2}".to_owned()));
    std::fs::write(&path, "{\"a\":1}\n").unwrap();
    let message = format!("{:#}", rows.get(0).unwrap_err());
    for part in ["r.jsonl", "line 1", "was changed", "hint: "] {
        assert!(message.contains(part), "no `{part}` in {message}");
    }
}

#[test]
fn numbered_rows_are_numbers() {
    let rows = Rows::numbered(3);
    assert_eq!(rows.get(2).unwrap(), (2, "{\"row\":2}".to_owned()));
    assert_eq!((rows.len(), rows.next_id()), (3, 3));
    assert_eq!(rows.place(1), "`data.generate` row 1, counted from 0");
}

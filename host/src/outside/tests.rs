//! Beginnings of files, and what they are.

use super::*;
use proptest::prelude::*;

#[test]
fn files_are_known_by_how_they_begin() {
    for (head, kind) in [
        (&b""[..], Kind::Empty),
        (b"\xef\xbb\xbf \r\n", Kind::Empty),
        (b"\0\0\0\0\0\0\0\0\0\0", Kind::Zeros),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
            Kind::LfsPointer,
        ),
        (b"<!DOCTYPE html>\n<html>", Kind::Html),
        (b"\n  <HTML lang=en>", Kind::Html),
        (b"<?xml version=\"1.0\"?><Error>", Kind::Xml),
        (b"Entry not found", Kind::ServerError),
        (b"404: Not Found\n", Kind::ServerError),
        (b"Not Found in any book", Kind::Text),
        (b"SQLite format 3\0\x10\0", Kind::Sqlite),
        (b"PAR1\x15\x04", Kind::Parquet),
        (b"ARROW1\0\0", Kind::Arrow),
        (b"\x1f\x8b\x08\0", Kind::Gzip),
        (b"\x28\xb5\x2f\xfd\0", Kind::Zstd),
        (b"BZh91AY&SY", Kind::Bzip2),
        (b"BZh is no word", Kind::Text),
        (b"\xfd7zXZ\0\0", Kind::Xz),
        (b"PK\x03\x04\x14\0[Content_Types].xml", Kind::Zip),
        (b"PK\x03\x04\0\0archive/data.pkl", Kind::Pytorch),
        (b"7z\xbc\xaf\x27\x1c\0", Kind::SevenZip),
        (b"<!-- saved -->\n<HTML>", Kind::Html),
        (b"<!-- a remark", Kind::Text),
        (b"\x80\x02}q\0", Kind::Pickle),
        (b"GGUF\x03\0\0\0", Kind::Gguf),
        (b"\x40\0\0\0\0\0\0\0{\"weight\":", Kind::Safetensors),
        (b"%PDF-1.7", Kind::Pdf),
        (b"\xff\xfeh\0i\0", Kind::Utf16),
        (b"h\0i\0!\0", Kind::Utf16),
        (b" [{\"a\": 1}]", Kind::JsonArray),
        (b"[\n]", Kind::JsonArray),
        (b"[1, [2", Kind::JsonArray),
        (b"[Chorus] la la", Kind::Text),
        (b"[1] The first note", Kind::Text),
        (b"[[links]] are of wikis", Kind::Text),
        (b"{\"a\": 1}\n{\"a\": 2}\n", Kind::JsonLines),
        (b"\xef\xbb\xbf{\"a\": \"}\\\"\"}\r\n", Kind::JsonLines),
        (b"{\"a\": {\"b\": 1}}", Kind::JsonLines),
        (b"{\n  \"a\": 1\n}\n", Kind::JsonObject),
        (b"{\"a\": [\n  {\"b\": 1}]}", Kind::JsonObject),
        (b"{\"a\": 1, \"b\":\n{\"a\": 2}\n", Kind::JsonLines),
        (b"{\"a\": 1, \"b\":\n", Kind::JsonLines),
        ("Größe".as_bytes(), Kind::Text),
        (b"caf\xe9", Kind::Text),
        (b"\x01\x02\xff\xfe\x03", Kind::Binary),
        (b"a\0\x01\xffbcd", Kind::Binary),
        (b"\0\0\0a\0\0\0\0", Kind::Binary),
        (b"a text with\0in it", Kind::Text),
    ] {
        assert_eq!(kind_of(head), kind, "{:?}", String::from_utf8_lossy(head));
    }
}

#[test]
fn a_line_or_a_character_may_go_on_after_the_head() {
    let mut long = b"{\"a\": \"".to_vec();
    long.resize(HEAD, b'x');
    assert_eq!(kind_of(&long), Kind::JsonLines);
    let cut = "ß".repeat(HEAD).into_bytes();
    assert_eq!(kind_of(&[b"x", &cut[..HEAD - 1]].concat()), Kind::Text);
}

#[test]
fn what_stands_in_the_place_of_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    for (bytes, parts) in [
        (
            &b"version https://git-lfs.github.com/spec/v1\n"[..],
            [
                "Git LFS pointer",
                "hint: fetch the file itself by `git lfs pull`",
            ],
        ),
        (b"<html>", ["an HTML page", "hint: a server answered"]),
        (b"", ["is empty", "hint: "]),
        (b"\0\0\0\0\0\0\0\0\0", ["zero bytes", "hint: its download"]),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let refusal = look(&path).unwrap().refusal(&path).unwrap();
        assert!(refusal.starts_with(&format!("`{}` is ", path.display())));
        assert!(parts.iter().all(|part| refusal.contains(part)), "{refusal}");
    }
    std::fs::write(&path, "{\"a\": 1}\n").unwrap();
    assert_eq!(look(&path).unwrap().refusal(&path), None);
    assert!(look(&folder.path().join("none")).is_err());
}

#[test]
fn text_has_no_mark_and_names_what_is_no_text() {
    assert_eq!(text(b"\xef\xbb\xbfa\r\nb"), Ok("a\r\nb"));
    let error = text(b"one\ntwo \xe9 three").unwrap_err();
    assert_eq!((error.line, error.column, error.byte), (2, 5, 0xe9));
    let message = error.to_string();
    assert!(message.starts_with("line 2 is not UTF-8 text (byte 0xe9 at column 5)\nhint: "));
}

#[test]
fn half_a_character_is_told_from_other_faults() {
    for half in [
        r#""\ud83d""#,
        r#""\ude00""#,
        r#""\ud83d\u0041""#,
        r#""\ud83d x""#,
    ] {
        let problem = serde_json::from_str::<String>(half)
            .unwrap_err()
            .to_string();
        assert!(half_a_character(&problem).is_some(), "{problem}");
    }
    let problem = serde_json::from_str::<String>(r#""\d""#).unwrap_err();
    assert_eq!(half_a_character(&problem.to_string()), None);
}

proptest! {
    #[test]
    fn any_bytes_are_something(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = kind_of(&bytes).what();
        let _ = text(&bytes);
    }

    #[test]
    fn text_is_text(words in "[a-zäß ]{1,40}") {
        prop_assume!(!words.trim().is_empty());
        prop_assert_eq!(kind_of(words.as_bytes()), Kind::Text);
    }
}

#[test]
fn an_archive_is_known_by_its_first_file() {
    let mut head = vec![0; 512];
    head[..10].copy_from_slice(b"rows.jsonl");
    head[257..262].copy_from_slice(b"ustar");
    assert_eq!(kind_of(&head), Kind::Tar);
    let text = format!("{}ustar", "x".repeat(257));
    assert_eq!(kind_of(text.as_bytes()), Kind::Text);
}

//! There and back again, and files that are broken.

use super::super::tests::label;
use super::super::{Answer, Labeler, Passage};
use super::*;
use proptest::prelude::*;

fn reread(bytes: &[u8], format: Format) -> Result<Vec<Label>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    read(file.path(), format)
}

proptest! {
    #[test]
    fn lines_lose_nothing(labels in prop::collection::vec(label(), 1..9)) {
        let written = write(&labels, Format::Lines).unwrap();
        prop_assert!(written.lost.is_empty());
        prop_assert_eq!(reread(&written.bytes, Format::Lines).unwrap(), labels);
    }

    #[test]
    fn the_original_format_keeps_what_it_can_and_says_the_rest(
        labels in prop::collection::vec(label(), 1..9)
    ) {
        let written = write(&labels, Format::Original).unwrap();
        let dropped: usize = written.lost.iter().filter(|(what, _)| what.starts_with("the label"))
            .map(|(_, count)| count).sum();
        prop_assert_eq!(written.labels + dropped, labels.len());
        if written.labels == 0 {
            return Ok(());
        }
        let read = reread(&written.bytes, Format::Original).unwrap();
        prop_assert_eq!(read.len(), written.labels);
        // A second trip has nothing left to lose.
        let again = write(&read, Format::Original).unwrap();
        prop_assert!(again.lost.is_empty());
        prop_assert_eq!(&again.bytes, &written.bytes);
    }
}

#[test]
fn rows_of_the_original_are_read_as_it_reads_them() {
    let text = r#"[
        {"query": [1, 50259], "sample0": [3], "sample1": [4], "sample2": [5], "sample3": [6], "best": 2, "x": 1},
        {"query": [1], "sample0": [3], "sample1": [4], "difference": -0.5},
        {"query": [1], "sample": [3], "score": 7}
    ]"#;
    let labels = reread(text.as_bytes(), Format::Original).unwrap();
    assert_eq!(labels[0].answer, Answer::Best(2));
    assert_eq!(
        labels[0].comparison.query,
        Passage::of_tokens(vec![1, 50259])
    );
    assert_eq!(labels[0].comparison.responses.len(), 4);
    assert_eq!(labels[1].answer, Answer::Difference(-0.5));
    assert_eq!(labels[2].answer, Answer::Rating(7.0));
    assert_eq!(labels[2].labeler, Labeler::Unknown);
}

#[test]
fn broken_files_are_named_with_row_and_field() {
    let row = |rest: &str| format!(r#"[{{"query":[1],"sample0":[2],"sample1":[3],{rest}}}]"#);
    for (text, part) in [
        ("".to_owned(), "no JSON array"),
        ("[]".to_owned(), "no labels"),
        ("[3]".to_owned(), "row 0"),
        (row(r#""best":2"#), "`best`: is 2, must be 0 to 1"),
        (row(r#""best":-1"#), "`best` is -1"),
        (row(r#""beast":1"#), "none of `best`"),
        (row(r#""sample1":["a"],"best":1"#), "`sample1` is [\"a\"]"),
        (row(r#""sample1":[4294967296],"best":1"#), "`sample1` is"),
        (row(r#""difference":"much""#), "`difference` is \"much\""),
        (
            r#"[{"sample0":[1],"sample1":[1],"best":0}]"#.to_owned(),
            "no `query`",
        ),
        (
            r#"[{"query":[1],"sample0":[1],"best":0}]"#.to_owned(),
            "at least 2",
        ),
    ] {
        let message = format!(
            "{:#}",
            reread(text.as_bytes(), Format::Original).unwrap_err()
        );
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    let good = r#"{"comparison":{"query":{"text":"q"},"responses":[{"text":"a"},{"text":"b"}]},"answer":{"best":0},"labeler":"unknown"}"#;
    for (line, part) in [
        (good.replace("\"best\":0", "\"best\":5"), "line 2"),
        (good.replace("answer", "anwser"), "anwser"),
        ("{".to_owned(), "line 2"),
    ] {
        let message = format!(
            "{:#}",
            reread(format!("{good}\n{line}\n").as_bytes(), Format::Lines).unwrap_err()
        );
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    let marked = format!("\u{feff}{good}\r\n\r\n");
    assert_eq!(reread(marked.as_bytes(), Format::Lines).unwrap().len(), 1);
    let message = format!("{:#}", reread(b"\xff\xfe", Format::Lines).unwrap_err());
    assert!(message.contains("line 1 is not UTF-8"), "{message}");
}

#[test]
fn endless_lines_are_not_read_to_their_end() {
    let endless = std::io::BufReader::new(std::io::repeat(b'x'));
    let message = format!("{:#}", for_lines(endless, |_, _| Ok(())).unwrap_err());
    assert!(
        message.contains("line 1 is longer than 64 MiB"),
        "{message}"
    );
}

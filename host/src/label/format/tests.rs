//! There and back again, for every format.

use super::super::tests::{labels, of_texts};
use super::super::{Answer, Labeler, Passage, Source};
use super::*;
use proptest::prelude::*;

mod broken;
mod foreign;
mod named;
mod parts;
mod twice;
mod variants;

/// A Parquet file of one row, with these columns and, where they are texts, cells.
fn parquet_file(columns: &str, cells: &[&str]) -> Vec<u8> {
    use ::parquet::column::writer::ColumnWriter;
    use ::parquet::data_type::ByteArray;
    let schema = format!("message rows {{ {columns} }}");
    let schema = ::parquet::schema::parser::parse_message_type(&schema).unwrap();
    let mut bytes = Vec::new();
    let writer = ::parquet::file::writer::SerializedFileWriter::new(
        &mut bytes,
        schema.into(),
        Default::default(),
    );
    let mut file = writer.unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut cells = cells.iter();
    while let Some(mut column) = group.next_column().unwrap() {
        let cell = *cells.next().unwrap();
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

pub(super) fn reread(bytes: &[u8], format: &str) -> Result<Imported> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    read(file.path(), Format::named(format).unwrap())
}

/// What is lost is said, and what is not said to be lost is there; a second trip loses nothing more.
fn check(format: &'static Format, labels: &[Label]) -> Result<(), TestCaseError> {
    let written = write(labels, format).unwrap();
    let dropped = written.lost.iter();
    let dropped = dropped.filter(|(what, _)| what.starts_with("the label"));
    let dropped: usize = dropped.map(|(_, count)| count).sum();
    prop_assert_eq!(written.labels + dropped, labels.len());
    if written.labels == 0 {
        return Ok(());
    }
    let read = reread(&written.bytes, format.name).unwrap();
    prop_assert_eq!(read.labels.len(), written.labels);
    prop_assert_eq!(&read.left, &Tally::new());
    prop_assert_eq!(read.labels == labels, written.lost.is_empty());
    let again = write(&read.labels, format).unwrap();
    prop_assert_eq!(&again.lost, &Tally::new());
    prop_assert_eq!(
        &reread(&again.bytes, format.name).unwrap().labels,
        &read.labels
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..Default::default() })]
    #[test]
    fn nothing_is_lost_in_silence(labels in labels()) {
        for format in FORMATS {
            check(format, &labels)?;
        }
    }

    #[test]
    fn attunes_own_formats_lose_nothing(labels in labels()) {
        for format in ["jsonl", "parquet"] {
            let written = write(&labels, Format::named(format).unwrap()).unwrap();
            prop_assert_eq!(&written.lost, &Tally::new());
            prop_assert_eq!(&reread(&written.bytes, format).unwrap().labels, &labels);
        }
    }
}

/// One label of each kind, with everything that a label can have but token ids.
pub(super) fn one_of_each() -> Vec<Label> {
    let three = &["a", "b\n\"c\"", ""][..];
    let kinds = [
        (&three[..2], Answer::Best(0)),
        (&three[..2], Answer::Best(1)),
        (three, Answer::Best(2)),
        (three, Answer::Tie(vec![0, 2])),
        (three, Answer::Ranking(vec![vec![2], vec![0, 1]])),
        (three, Answer::Ranking(vec![vec![2], vec![0], vec![1]])),
        (&three[..2], Answer::Difference(-0.1)),
        (&three[..1], Answer::Rating(7.0)),
        (three, Answer::Abstain),
        (three, Answer::Skip),
    ];
    let label = |(responses, answer)| {
        let mut label = of_texts("q, \"q\"", responses, answer);
        label.labeler = Labeler::Person("ann@example.org".to_owned());
        label.time = Some(1_700_000_000_123);
        label.comparison.source = Some(Source {
            checkpoint: "run/7".to_owned(),
            config: "0".repeat(64),
        });
        label
    };
    kinds.into_iter().map(label).collect()
}

#[test]
fn each_format_says_what_it_cannot_carry() {
    let labels = one_of_each();
    let lost = |format: &str| {
        let written = write(&labels, Format::named(format).unwrap()).unwrap();
        let lost = written.lost.into_iter();
        lost.map(|(what, count)| format!("{count} {what}"))
            .collect::<Vec<_>>()
    };
    for complete in ["jsonl", "csv", "parquet"] {
        assert_eq!(lost(complete), Vec::<String>::new(), "{complete}");
    }
    assert_eq!(lost("label-studio"), ["1 the label: a difference"]);
    assert_eq!(
        lost("argilla"),
        ["1 the label: a difference", "1 the label: an abstention"]
    );
    assert_eq!(
        lost("trl"),
        [
            "1 the label: a difference",
            "1 the label: a ranking",
            "1 the label: a rating",
            "1 the label: a tie",
            "1 the label: an abstention",
            "1 the label: skipped",
            "1 the label: the best of more than two",
            "1 the order of the responses",
            "2 when it was judged",
            "2 where the responses are from",
            "2 who judged",
        ]
        .map(|line| line.replace("1 the label: a ranking", "2 the label: a ranking"))
    );
    assert_eq!(lost("original"), ["10 the label: there are no token ids"]);
}

#[test]
fn labels_of_two_kinds_are_not_written_into_one_file() {
    let mut labels = vec![of_texts("q", &["a", "b"], Answer::Best(0)); 2];
    for passage in std::iter::once(&mut labels[1].comparison.query) {
        *passage = Passage::of_tokens(vec![1]);
    }
    labels[1].comparison.responses = vec![Passage::of_tokens(vec![2]); 2];
    for format in ["jsonl", "csv", "parquet"] {
        let error = write(&labels, Format::named(format).unwrap()).unwrap_err();
        assert!(
            format!("{error:#}").contains("hint: `--only text`"),
            "{error:#}"
        );
    }
    // Where one kind cannot be carried anyway, that is what is said.
    for (format, carried) in [("trl", 1), ("original", 1)] {
        let written = write(&labels, Format::named(format).unwrap()).unwrap();
        assert_eq!(written.labels, carried, "{format}");
    }
}

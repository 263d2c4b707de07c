//! The same of tables: CSV and Parquet.

use super::*;

#[test]
fn rows_of_tables() {
    let header = "query,response0,response1,answer,value,time,responses";
    for (row, part) in [
        ("q,a,b,best,2,,", "`best`: is 2, must be 0 to 1"),
        (
            "q,a,b,best,first,,",
            "`value` is \"first\", must be a place",
        ),
        ("q,a,b,best,,,", "has no `value`, must be a place"),
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
        ("q,a,b", "has 3 cells, the header has 7"),
        ("q,a,\"b,best,1,,", "has 3 cells, the header has 7"),
    ] {
        let file = format!("{header}\nq,a,b,skip,,,\n{row}\n");
        check("csv", file, &["line 3", part]);
    }
    let file = format!("{header}\nq,a,b,best,2,,\n");
    check("csv", file, &["`value` is \"2\"", "counted from 0"]);
    let file = format!("{header}\nq,a,b,Best,1,,\n");
    check("csv", file, &["hint: is `best` what is meant?"]);
    let file = [header.as_bytes(), b"\nq,a,b\xfc,best,1,,\n"].concat();
    check(
        "csv",
        file,
        &[
            "line 2",
            "column `response1`",
            "hint: save the table as UTF-8",
        ],
    );
    // What tables with gaps make of places.
    let file = format!("{header}\nq,a,b,best,1.0,,\n");
    let labels = reread(file.as_bytes(), "csv").unwrap().labels;
    assert_eq!(labels[0].answer, Answer::Best(1));
    for (header, part) in [
        (
            "\"query\"x,response0,answer",
            "a cell goes on after the quote that closes it",
        ),
        (
            "query,response0,query,answer",
            "has the column `query` twice",
        ),
        ("response0,answer", "no column `query`"),
        (
            "prompt,response0,answer",
            "is `prompt` what is meant? call it `query`",
        ),
        (
            "Prompt,Chosen,Rejected",
            "in small letters; here is `Chosen`",
        ),
        ("query,response1,response2,answer", "numbered from 0"),
        ("query,response_0,answer", "is `response_0` what is meant?"),
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
    parquet_of(
        ["prompt", "response0", "response1", "answer", "value"],
        column,
    )
}

/// The same with other names.
fn parquet_of(names: [&str; 5], column: &str) -> Vec<u8> {
    let texts = names.map(|name| format!("required binary {name} (string);"));
    let columns = format!("{} {column}", texts.concat());
    parquet_file(&columns, &["q", "a", "b", "best", "1", "other"])
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
fn parquet_of_other_columns() {
    for (names, parts) in [
        (
            ["question", "response0", "response1", "answer", "value"],
            ["no column `prompt`", "is `question` what is meant?"],
        ),
        (
            ["prompt", "response_0", "response_1", "answer", "value"],
            ["no column `response0`", "is `response_0` what is meant?"],
        ),
        (
            ["prompt", "chosen", "reject", "a", "b"],
            [
                "no columns `chosen` and `rejected`",
                "is `reject` what is meant?",
            ],
        ),
        (
            ["text", "a", "b", "c", "d"],
            ["but `text`, `a`", "stand in `prompt`, `chosen`"],
        ),
    ] {
        check("parquet", parquet_of(names, ""), &parts);
    }
}

#[test]
fn parquet_that_is_cut_or_changed() {
    let labels = one_of_each();
    let whole = write(&labels, Format::named("parquet").unwrap())
        .unwrap()
        .bytes;
    let packed = include_bytes!("../../../../../../tests/labels/gzip.parquet");
    let parts = ["column `chosen` is packed with GZIP", "hint: "];
    check("parquet", packed, &parts);
    for length in [4, 100, whole.len() / 2, whole.len() - 1] {
        check("parquet", &whole[..length], &["no Parquet file"]);
    }
    // Whatever is changed: labels or an error, and no crash.
    let zstd = include_bytes!("../../../../../../tests/labels/zstd.parquet");
    for file in [whole.as_slice(), zstd] {
        for at in 0..file.len() {
            let mut changed = file.to_vec();
            changed[at] ^= 0xff;
            let _ = reread(&changed, "parquet");
        }
    }
}

//! The published fixtures, through the SDK with one token a byte (token 13 is a carriage return).

use super::*;

fn task(settings: &str) -> Continuation {
    testing::use_bytes();
    testing::build(settings, &[]).unwrap()
}

fn query(task: &Continuation, tokens: &[u32]) -> RowResult<Vec<u32>> {
    let text: String = tokens
        .iter()
        .map(|token| format!("\\u{token:04x}"))
        .collect();
    let row = testing::queries(task, &[&format!("\"{text}\"")]).remove(0);
    row.map(|query| query.tokens)
}

#[test]
fn queries_are_cut_as_in_the_toy_checks() {
    let task = task(r#"{"query_len": 6, "start_text": "\r", "end_text": "\r"}"#);
    assert_eq!(
        query(&task, &[7, 8, 13, 1, 2, 3, 13, 4, 5, 6]),
        Ok(vec![1, 2, 3, 13])
    );
    assert_eq!(query(&task, &[1, 2, 13]), Ok(vec![1, 2, 13]));
    assert_eq!(query(&task, &[1, 2, 3]), Err(Row::NotApplicable));
    assert_eq!(
        query(&task, &[13, 1, 2, 3, 4, 5, 6, 7, 13]),
        Err(Row::NotApplicable)
    );
    assert_eq!(
        query(&task, &[9, 13, 1, 13, 2, 3, 4, 5, 6]),
        Ok(vec![1, 13])
    );
}

#[test]
fn responses_end_as_in_fixture_f7() {
    let task =
        task(r#"{"response_len": 8, "truncate_token": "\r", "truncate_after": 3, "penalty": -1}"#);
    let batch = testing::Batch::of_tokens(&[
        &[5, 13, 7, 8, 13, 9, 13, 2],
        &[5, 13, 7, 1, 2, 3, 4, 6],
        &[1, 2, 3, 13, 13, 4, 5, 13],
        &[1, 2, 3, 4, 5, 6, 7, 13],
    ]);
    let endings: Vec<_> = testing::finish(&task, &batch)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let want = [(5, true), (8, false), (4, true), (8, true)];
    assert_eq!(
        endings,
        want.map(|(kept, valid)| Ending {
            kept,
            valid,
            penalty: -1.0
        })
    );
}

#[test]
fn without_a_truncate_token_all_is_kept_and_valid() {
    let task = task(r#"{"truncate_token": ""}"#);
    let row = testing::finish(&task, &testing::Batch::of_tokens(&[&[46, 46, 1]])).remove(0);
    assert_eq!(
        row,
        Ok(Ending {
            kept: 3,
            valid: true,
            penalty: -1.0
        })
    );
}

#[test]
fn rows_can_be_objects_with_references() {
    let task = task(
        r#"{"field": "body", "reference_field": "tldr", "start_text": null, "end_text": null}"#,
    );
    let rows = testing::queries(
        &task,
        &[
            r#"{"body": "abc", "tldr": "a", "n": [1]}"#,
            r#"{"body": 3, "tldr": ""}"#,
            "7",
        ],
    );
    assert_eq!(
        rows[0],
        Ok(Query {
            tokens: vec![97, 98, 99],
            reference: "a".into(),
            metadata: String::new()
        })
    );
    assert_eq!(
        rows[1],
        Err(Row::invalid("field \"body\" of data row 1 is not a text"))
    );
    assert!(matches!(rows[2], Err(Row::Invalid(_))));
}

#[test]
fn evaluation_sees_what_is_kept() {
    let task = task(r#"{"truncate_token": ".", "truncate_after": 0}"#);
    let rows = testing::evaluate(&task, &testing::Batch::of(&[("", "a b a b. c")]));
    assert_eq!(rows[0], Ok(vec![8.0, 1.0]));
}

#[test]
fn settings_that_cannot_work_are_named() {
    testing::use_bytes();
    let settings = r#"{"start_text": "..", "response_len": 4, "truncate_after": 4}"#;
    let problems = testing::build::<Continuation>(settings, &[]).unwrap_err();
    let paths: Vec<&str> = problems.0.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["/truncate_after", "/start_text"]);
    assert!(
        testing::schema::<Continuation>().contains("\"query_len\":{")
            && testing::schema::<Continuation>().contains("\"default\":64")
    );
}

//! What the answers of Label Studio and Argilla are about, by the names that people give.

use super::foreign::texts;
use super::variants::{noted, said, studio};
use super::*;
use serde_json::json;

#[test]
fn any_names_that_end_as_the_responses_do() {
    let two = json!({"prompt": "Q", "response1": "A", "response2": "B"});
    let letters = json!({"prompt": "Q", "text_a": "A", "text_b": "B"});
    let zero = json!({"prompt": "Q", "answer_0": "A", "answer_1": "B"});
    let pair = |to: &str| json!({"type": "pairwise", "to_name": to, "value": {"selected": "left"}});
    for data in [&two, &letters, &zero] {
        for to in [
            "resp2,resp1",
            "txt-2,txt-1",
            "v2,v1",
            "answer_b,answer_a",
            "B,A",
            "b, a",
            "textB,textA",
            "2,1",
        ] {
            let read = studio(data.clone(), json!([pair(to)])).unwrap();
            assert_eq!(
                said(&read),
                [(vec!["Q", "B", "A"], &Answer::Best(0))],
                "{to}"
            );
            assert_eq!(noted(&read), 0, "{to}");
        }
    }
    // One name that is there says which side is which.
    for to in ["response2,other", "other,response1"] {
        let read = studio(two.clone(), json!([pair(to)])).unwrap();
        assert_eq!(
            (texts(&read.labels[0]), noted(&read)),
            (vec!["Q", "B", "A"], 0),
            "{to}"
        );
    }
    for unclear in ["one,other", "v2,w1", "v3,v9,v2", "v2,v2"] {
        let read = studio(two.clone(), json!([pair(unclear)])).unwrap();
        assert_eq!(
            (texts(&read.labels[0]), noted(&read)),
            (vec!["Q", "A", "B"], 1)
        );
    }
    let grade =
        |to: &str, value: u8| json!({"type": "rating", "to_name": to, "value": {"rating": value}});
    let read = studio(two.clone(), json!([grade("txt2", 2), grade("txt1", 4)])).unwrap();
    assert_eq!(
        said(&read),
        [
            (vec!["Q", "B"], &Answer::Rating(2.0)),
            (vec!["Q", "A"], &Answer::Rating(4.0))
        ]
    );
    for unclear in ["txt3", "txt"] {
        assert!(
            studio(two.clone(), json!([grade(unclear, 2)])).is_err(),
            "{unclear}"
        );
    }
}

#[test]
fn names_that_are_counted_from_1_where_the_responses_are_from_0() {
    let zero = json!({"prompt": "Q", "response0": "A", "response1": "B"});
    let grade =
        |to: &str, value: u8| json!({"type": "rating", "to_name": to, "value": {"rating": value}});
    for name in ["txt", "answer"] {
        let [one, two] = [1, 2].map(|number| format!("{name}{number}"));
        let read = studio(zero.clone(), json!([grade(&one, 1), grade(&two, 5)])).unwrap();
        assert_eq!(
            said(&read),
            [
                (vec!["Q", "A"], &Answer::Rating(1.0)),
                (vec!["Q", "B"], &Answer::Rating(5.0))
            ]
        );
        // Alone, it may be of either.
        let error = studio(zero.clone(), json!([grade(&one, 1)])).unwrap_err();
        assert!(
            format!("{error:#}").contains("does not say which of"),
            "{error:#}"
        );
        let read = studio(zero.clone(), json!([grade(&format!("{name}0"), 3)])).unwrap();
        assert_eq!(said(&read), [(vec!["Q", "A"], &Answer::Rating(3.0))]);
    }
    let questions = json!({"rating_1": [{"value": 1, "user_id": "u"}], "rating_2": [{"value": 5, "user_id": "u"}]});
    let record = json!([{"fields": zero, "responses": questions}]);
    assert!(reread(record.to_string().as_bytes(), "argilla").is_err());
}

#[test]
fn what_is_said_of_a_part_of_a_response_is_not_said_of_it() {
    let data = json!({"prompt": "Q", "answer": "A one two"});
    let part = json!({"type": "rating", "to_name": "answer",
        "value": {"start": 0, "end": 3, "text": "A o", "rating": 1}});
    let whole = json!({"type": "rating", "to_name": "answer", "value": {"rating": 4}});
    let read = studio(data.clone(), json!([part, whole])).unwrap();
    assert_eq!(
        said(&read),
        [(vec!["Q", "A one two"], &Answer::Rating(4.0))]
    );
    let left = "results of the type \"rating\", about a part of a response".to_owned();
    assert_eq!(read.left, Tally::from([(left, 1)]));
    let error = format!("{:#}", studio(data, json!([part])).unwrap_err());
    assert!(error.contains("is none of `pairwise`"), "{error}");
}

#[test]
fn a_question_is_about_the_response_that_it_names_whole() {
    let mut fields = json!({"prompt": "Q"});
    for number in 1..=11 {
        fields[format!("response{number}")] = format!("A{number}").into();
    }
    for (question, wanted) in [
        ("response10_rating", "A10"),
        ("rating-response10", "A10"),
        ("rating_response1", "A1"),
        ("response_11", "A11"),
        ("quality 1", "A1"),
    ] {
        let answers = json!({question: [{"value": 4, "user_id": "u"}]});
        let record = json!([{"fields": fields, "responses": answers}]);
        let read = reread(record.to_string().as_bytes(), "argilla").unwrap();
        assert_eq!(
            said(&read),
            [(vec!["Q", wanted], &Answer::Rating(4.0))],
            "{question}"
        );
    }
}

#[test]
fn of_two_lists_the_one_that_is_ranked() {
    let item = |id: &str| json!({"id": id, "body": id.to_uppercase()});
    let data = |second: [&str; 2]| json!({"prompt": "Q", "docs": [item("x"), item("y")], "items": second.map(item), "tags": [{"id": "t"}]});
    let rank = |to: &str| json!([{"type": "ranker", "to_name": to, "value": {"ranker": {"rank": ["b", "a"]}}}]);
    let read = studio(data(["a", "b"]), rank("list")).unwrap();
    assert_eq!(said(&read), [(vec!["Q", "A", "B"], &Answer::Best(1))]);
    let both = json!({"prompt": "Q", "docs": [{"id": "a", "body": "no"}, {"id": "b", "body": "no"}],
                      "items": [item("a"), item("b")]});
    let read = studio(both.clone(), rank("items")).unwrap();
    assert_eq!(said(&read), [(vec!["Q", "A", "B"], &Answer::Best(1))]);
    let error = format!("{:#}", studio(both, rank("list")).unwrap_err());
    assert!(
        error.contains("several lists") && error.contains("`docs`, `items`\nhint: leave one"),
        "{error}"
    );
}

#[test]
fn questions_for_the_worst_are_not_read_as_for_the_best() {
    let data = json!({"prompt": "Q", "response1": "A", "response2": "B"});
    for name in [
        "worst",
        "rejected",
        "least_helpful",
        "Worst response",
        "worst_to_best",
        "whichIsWorse",
        "not_preferred",
        "less_helpful",
        "losing",
        "more_toxic",
        "has_errors",
        "toxic_responses",
        "hallucinated",
    ] {
        let choice = json!([{"from_name": name, "type": "choices", "to_name": "q", "value": {"choices": ["response1"]}}]);
        let pair = json!([{"from_name": name, "type": "pairwise", "to_name": "response1,response2", "value": {"selected": "left"}}]);
        for results in [choice, pair] {
            let error = format!("{:#}", studio(data.clone(), results).unwrap_err());
            assert!(
                error.contains("asks, by its name,") && error.contains("\nhint: "),
                "{error}"
            );
        }
        let worst = json!({name: [{"value": "response1", "user_id": "u"}]});
        let record =
            |responses: &Value| json!([{"fields": data, "responses": responses}]).to_string();
        let error = reread(record(&worst).as_bytes(), "argilla").unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains("asks, by its name,"), "{error}");
        // Beside a question that says it, it is not read.
        let mut both = worst;
        both["best"] = json!([{"value": "response2", "user_id": "u"}]);
        let read = reread(record(&both).as_bytes(), "argilla").unwrap();
        assert_eq!(said(&read), [(vec!["Q", "A", "B"], &Answer::Best(1))]);
        assert_eq!(
            read.left,
            Tally::from([(format!("answers to `{name}`"), 1)])
        );
    }
    for name in [
        "best",
        "best_to_worst",
        "preference",
        "whichIsBetter",
        "most_harmless",
    ] {
        let choice = json!([{"from_name": name, "type": "choices", "to_name": "q", "value": {"choices": ["response1"]}}]);
        let read = studio(data.clone(), choice).unwrap();
        assert_eq!(
            (said(&read)[0].1, noted(&read)),
            (&Answer::Best(0), 0),
            "{name}"
        );
    }
    // What does not say that it asks for the best is said to be read so.
    let note = "what was chosen by `at_last` was read as the best, though its name does not say that it asks for that";
    let choice = json!([{"from_name": "at_last", "type": "choices", "to_name": "q", "value": {"choices": ["response1"]}}]);
    let read = studio(data.clone(), choice).unwrap();
    assert_eq!(
        (said(&read)[0].1, read.noted.clone()),
        (&Answer::Best(0), Tally::from([(note.to_owned(), 1)]))
    );
    let answers = json!({"at_last": [{"value": "response2", "user_id": "u"}]});
    let record = json!([{"fields": data, "responses": answers}]).to_string();
    let read = reread(record.as_bytes(), "argilla").unwrap();
    assert_eq!(
        (said(&read)[0].1, read.noted.clone()),
        (&Answer::Best(1), Tally::from([(note.to_owned(), 1)]))
    );
}

#[test]
fn lists_of_all_names_whose_question_does_not_ask_for_an_order() {
    let fields = json!({"prompt": "Q", "response1": "A", "response2": "B"});
    let read = |question: &str, names: Value| {
        let answers = json!({question: [{"value": names, "user_id": "u"}]});
        let record = json!([{"fields": fields, "responses": answers}]).to_string();
        let read = reread(record.as_bytes(), "argilla").unwrap();
        (read.labels[0].answer.clone(), read.noted)
    };
    let note = "lists of all responses by `good_ones` were read as rankings from the best on, though its name does not say \
                that it asks for an order";
    let all = json!(["response2", "response1"]);
    let order = Answer::Best(1);
    let noted = Tally::from([(note.to_owned(), 1)]);
    assert_eq!(read("good_ones", all.clone()), (order.clone(), noted));
    assert_eq!(read("preference", all), (order, Tally::new()));
    assert_eq!(
        read("good_ones", json!(["response2"])),
        (Answer::Best(1), Tally::new())
    );
}

#[test]
fn what_is_known_is_known_however_it_is_written() {
    let fields = json!({"prompt": "Q", "r1": "A", "r2": "B"});
    let origin = |id: Value| {
        let best = json!({"best": [{"value": "r1", "user_id": "u"}]});
        let record = json!([{"id": id, "fields": fields, "responses": best}]);
        reread(record.to_string().as_bytes(), "argilla")
            .unwrap()
            .origins
    };
    assert_eq!(origin(json!(1)), origin(json!("1")));
    assert_ne!(origin(json!("1")), origin(json!("01")));
    let result = json!([{"type": "pairwise", "value": {"selected": "left"}}]);
    let task = |mut annotation: Value| {
        annotation["result"] = result.clone();
        let file = json!([{"id": 1, "data": fields, "annotations": [annotation]}]);
        reread(file.to_string().as_bytes(), "label-studio")
    };
    let known = |annotation: Value| task(annotation).unwrap().origins;
    assert_eq!(
        known(json!({"id": 7})),
        known(json!({"id": 7, "unique_id": "u"}))
    );
    assert_ne!(
        known(json!({"id": 7})),
        known(json!({"id": 8, "unique_id": "u"}))
    );
    assert!(known(json!({"unique_id": "u"}))[0].is_some());
    for (created, wanted) in [
        (json!("2026-03-09T22:16:08.728Z"), Some(1_773_094_568_728)),
        (json!(1_773_094_568), Some(1_773_094_568_000)),
        (json!(1_773_094_568.728), Some(1_773_094_568_728)),
        (json!(1_773_094_568_728_i64), Some(1_773_094_568_728)),
        (Value::Null, None),
    ] {
        let read = task(json!({"id": 7, "created_at": created})).unwrap();
        assert_eq!(read.labels[0].time, wanted, "{created}");
    }
    assert!(task(json!({"id": 7, "created_at": true})).is_err());
}

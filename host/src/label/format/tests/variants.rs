//! One thing said in many ways: layouts of a file, prompts that stand twice, and names of responses.

use super::foreign::{person, texts};
use super::*;
use serde_json::json;

pub(super) fn noted(read: &Imported) -> usize {
    read.noted.values().sum()
}

#[test]
fn rows_in_every_layout_are_the_same_labels() {
    let row = |best: usize| {
        json!({"comparison": {"query": {"text": "q"}, "responses": [{"text": "a"}, {"text": "b"}]},
               "answer": {"best": best}, "labeler": "unknown"})
    };
    let trl = |word: &str| json!({"prompt": "q", "chosen": word, "rejected": "b"});
    let original =
        |best: usize| json!({"query": [1], "sample0": [2], "sample1": [3], "best": best});
    let studio = |side: &str| {
        json!({"data": {"prompt": "q", "text1": "a", "text2": "b"},
               "annotations": [{"result": [{"type": "pairwise", "value": {"selected": side}}]}]})
    };
    let argilla = |name: &str| json!({"fields": {"prompt": "q", "r1": "a", "r2": "b"}, "responses": {"best": [{"value": name}]}});
    for (format, rows) in [
        ("jsonl", [row(0), row(1)]),
        ("trl", [trl("a"), trl("c")]),
        ("original", [original(0), original(1)]),
        ("label-studio", [studio("left"), studio("right")]),
        ("argilla", [argilla("r1"), argilla("r2")]),
    ] {
        let pretty = rows
            .each_ref()
            .map(|row| serde_json::to_string_pretty(row).unwrap());
        let array = json!(rows);
        let wanted = reread(array.to_string().as_bytes(), format).unwrap().labels;
        assert_eq!(wanted.len(), 2, "{format}");
        for file in [
            rows.each_ref().map(Value::to_string).join("\n"),
            format!("\u{feff}{}\r\n\r\n{}\r\n", rows[0], rows[1]),
            pretty.join("\n"),
            serde_json::to_string_pretty(&array)
                .unwrap()
                .replace('\n', "\r\n"),
            format!("\u{feff}\n{array}"),
        ] {
            let read = reread(file.as_bytes(), format).unwrap();
            assert_eq!(read.labels, wanted, "{format}: {file}");
        }
    }
}

#[test]
fn a_prompt_that_stands_in_both_responses_is_taken_out() {
    let wanted = ["The film", " was good.", " was bad."];
    let rows = [
        json!({"prompt": "The film", "chosen": "The film was good.", "rejected": "The film was bad."}),
        json!({"prompt": "The film", "chosen": " was good.", "rejected": " was bad."}),
    ];
    let lines = rows.each_ref().map(Value::to_string).join("\n");
    let csv = "prompt,chosen,rejected\nThe film,The film was good.,The film was bad.\nThe film, was good., was bad.\n";
    for (format, file) in [
        ("trl", lines),
        ("trl", json!(rows).to_string()),
        ("csv", csv.into()),
    ] {
        let read = reread(file.as_bytes(), format).unwrap();
        assert!(
            read.labels.iter().all(|label| texts(label) == wanted),
            "{file}"
        );
        assert_eq!(noted(&read), 1, "{:?}", read.noted);
        assert_eq!(read.left, Tally::new());
    }
    // In one of them alone, as another word, or as what both answer to a greeting: it is no prompt there.
    for (prompt, chosen, rejected) in [
        ("The film", "The film was good.", "It was bad."),
        ("The film", "The filmmaker slept.", "The film was bad."),
        ("", "a", "b"),
    ] {
        let row = json!({"prompt": prompt, "chosen": chosen, "rejected": rejected});
        let read = reread(row.to_string().as_bytes(), "trl").unwrap();
        assert_eq!(texts(&read.labels[0]), [prompt, chosen, rejected]);
        assert_eq!(noted(&read), 0);
    }
    let greeting =
        json!({"prompt": "Hi", "chosen": "Hi! How are you?", "rejected": "Hi, what now?"});
    let other = json!({"prompt": "What is it?", "chosen": "A cat.", "rejected": "No."});
    let file = format!("{greeting}\n{other}\n{other}\n");
    let read = reread(file.as_bytes(), "trl").unwrap();
    assert_eq!(texts(&read.labels[0])[1], "Hi! How are you?");
}

#[test]
fn a_prompt_of_messages_is_taken_out_of_conversations() {
    let ask = json!({"role": "user", "content": "What color is the sky?"});
    let says = |words: &str| json!({"role": "assistant", "content": words});
    let [blue, green] = ["Blue.", "Green."].map(says);
    let wanted = ["What color is the sky?", "Blue.", "Green."];
    for (chosen, rejected, times) in [
        (json!([ask, blue]), json!([ask, green]), 1),
        (json!([blue]), json!([green]), 0),
    ] {
        let row = json!({"prompt": [ask], "chosen": chosen, "rejected": rejected});
        let read = reread(row.to_string().as_bytes(), "trl").unwrap();
        assert_eq!(texts(&read.labels[0]), wanted, "{row}");
        assert_eq!(noted(&read), times);
        let cell = |value: &Value| format!("\"{}\"", value.to_string().replace('"', "\"\""));
        let table = format!(
            "prompt,chosen,rejected\n{},{},{}\n",
            cell(&row["prompt"]),
            cell(&row["chosen"]),
            cell(&row["rejected"])
        );
        let read = reread(table.as_bytes(), "csv").unwrap();
        assert_eq!(texts(&read.labels[0]), wanted, "{table}");
        assert_eq!(noted(&read), times);
    }
    let system = json!({"role": "system", "content": "Be brief."});
    let row =
        json!({"prompt": [ask], "chosen": [system, ask, blue], "rejected": [system, ask, green]});
    let read = reread(row.to_string().as_bytes(), "trl").unwrap();
    assert_eq!(
        texts(&read.labels[0]),
        [
            "system: Be brief.\nuser: What color is the sky?",
            "Blue.",
            "Green."
        ]
    );
    assert_eq!(noted(&read), 1);
    let one_sided = json!({"prompt": [ask], "chosen": [ask, blue], "rejected": [green]});
    let read = reread(one_sided.to_string().as_bytes(), "trl").unwrap();
    assert_eq!(noted(&read), 0);
    // A text as the prompt of single messages, and messages in other words.
    let row = json!({"prompt": "The sky", "chosen": [says("The sky is blue.")], "rejected": [says("The sky is old.")]});
    let read = reread(row.to_string().as_bytes(), "trl").unwrap();
    assert_eq!(texts(&read.labels[0]), ["The sky", " is blue.", " is old."]);
    let other =
        |words: &str| json!([{"from": "human", "value": "Sky?"}, {"from": "gpt", "value": words}]);
    let row = json!({"chosen": other("Blue."), "rejected": other("Green.")});
    let read = reread(row.to_string().as_bytes(), "trl").unwrap();
    assert_eq!(texts(&read.labels[0]), ["Sky?", "Blue.", "Green."]);
}

#[test]
fn programs_for_people_may_show_the_prompt_twice_too() {
    let data = json!({"prompt": "The film", "response1": "The film was good.", "response2": "The film was bad."});
    let pair = json!({"type": "pairwise", "to_name": "response2,response1", "value": {"selected": "right"}});
    let grade = json!({"type": "rating", "to_name": "response2", "value": {"rating": 2}});
    let read = studio(data.clone(), json!([pair, grade])).unwrap();
    let wanted = [
        (
            vec!["The film", " was bad.", " was good."],
            &Answer::Best(1),
        ),
        (vec!["The film", " was bad."], &Answer::Rating(2.0)),
    ];
    assert_eq!(said(&read), wanted);
    assert_eq!(noted(&read), 2);
    let record =
        json!([{"fields": data, "responses": {"best": [{"value": "response1", "user_id": "u"}]}}]);
    let read = reread(record.to_string().as_bytes(), "argilla").unwrap();
    assert_eq!(
        texts(&read.labels[0]),
        ["The film", " was good.", " was bad."]
    );
    let alone = json!({"prompt": "The film", "response": "The film was good."});
    let read = studio(alone, json!([{"type": "rating", "value": {"rating": 2}}])).unwrap();
    assert_eq!(texts(&read.labels[0]), ["The film", "The film was good."]);
}

#[test]
fn a_transcript_is_a_prompt_up_to_the_turn_that_differs() {
    let before = "\n\nHuman: Why?\n\nAssistant: Who asks?\n\nHuman: I.\n\nAssistant:";
    let row = json!({"chosen": format!("{before} Because I say so."), "rejected": format!("{before} Because.")});
    let read = reread(row.to_string().as_bytes(), "trl").unwrap();
    assert_eq!(
        texts(&read.labels[0]),
        [before, " Because I say so.", " Because."]
    );
}

#[test]
fn what_of_a_message_is_no_text_is_listed() {
    let call = json!([{"id": "1", "function": {"name": "sky", "arguments": "{}"}}]);
    let chosen = json!([{"role": "assistant", "content": "", "tool_calls": call, "name": "ann", "thinking": "Hm.",
                         "weight": 1, "tool_call_id": null, "refusal": ""}]);
    let rejected = json!([{"role": "assistant", "content": [{"type": "text", "text": "No."}], "thinking": "So."}]);
    let row = json!({"prompt": "q", "chosen": chosen, "rejected": rejected});
    let read = reread(row.to_string().as_bytes(), "trl").unwrap();
    assert_eq!(texts(&read.labels[0]), ["q", "", "No."]);
    let wanted = ["name", "thinking", "tool_calls", "weight"]
        .map(|name| (format!("`{name}` of messages"), 1));
    let alone = ("who says a message that stands alone".to_owned(), 1);
    assert_eq!(read.left, wanted.into_iter().chain([alone]).collect());
    let fields = json!({"prompt": [{"role": "user", "content": "q", "name": "ann"}], "r1": "a", "r2": "b", "lang": "de"});
    let record = json!({"id": "1", "fields": fields, "vectors": {"v": [0.5]}, "suggestions": {}, "_server_id": "x",
                        "metadata": {"batch": 3}, "responses": {"best": [{"value": "r1", "user_id": "7"}]}});
    let read = reread(json!([record]).to_string().as_bytes(), "argilla").unwrap();
    let left: Vec<&str> = read.left.keys().map(String::as_str).collect();
    assert_eq!(
        left,
        [
            "`fields.lang`",
            "`metadata.batch`",
            "`name` of messages",
            "`vectors`"
        ]
    );
}

/// One task of Label Studio with these results, all by one person.
pub(super) fn studio(data: Value, results: Value) -> Result<Imported> {
    let annotation = json!({"id": 7, "completed_by": 3, "result": results});
    reread(
        json!([{"id": 1, "data": data, "annotations": [annotation]}])
            .to_string()
            .as_bytes(),
        "label-studio",
    )
}

pub(super) fn said(read: &Imported) -> Vec<(Vec<&str>, &Answer)> {
    let labels = read.labels.iter();
    labels.map(|label| (texts(label), &label.answer)).collect()
}

#[test]
fn results_are_about_what_they_name() {
    let two = json!({"prompt": "Q", "response1": "A", "response2": "B"});
    let pair = |to: &str| json!({"type": "pairwise", "to_name": to, "value": {"selected": "left"}});
    let grade = |kind: &str, to: &str, value: f64| json!({"type": kind, "to_name": to, "value": {kind: value}});
    for (to, wanted, supposed) in [
        ("response2,response1", ["Q", "B", "A"], 0),
        ("response1, response2", ["Q", "A", "B"], 0),
        ("answer_2,answer_1", ["Q", "B", "A"], 0),
        ("one,other", ["Q", "A", "B"], 1),
        ("response2", ["Q", "A", "B"], 1),
    ] {
        let read = studio(two.clone(), json!([pair(to)])).unwrap();
        assert_eq!(said(&read), [(wanted.to_vec(), &Answer::Best(0))], "{to}");
        assert_eq!(noted(&read), supposed, "{to}");
    }
    // Two of three, and fields that have no numbers.
    let three = json!({"prompt": "Q", "response1": "A", "response2": "B", "response3": "C"});
    let read = studio(three, json!([pair("response3,response1")])).unwrap();
    assert_eq!(texts(&read.labels[0]), ["Q", "C", "A"]);
    let models = json!({"prompt": "Q", "ours": "A", "theirs": "B"});
    let read = studio(models, json!([pair("theirs,ours")])).unwrap();
    assert_eq!(texts(&read.labels[0]), ["Q", "B", "A"]);
    // Each grade is of its own response.
    let results = json!([
        grade("rating", "response2", 2.0),
        grade("number", "response1", 4.5),
        pair("response1,response2"),
        grade("rating", "prompt", 1.0)
    ]);
    let read = studio(two.clone(), results).unwrap();
    assert_eq!(
        said(&read),
        [
            (vec!["Q", "B"], &Answer::Rating(2.0)),
            (vec!["Q", "A"], &Answer::Rating(4.5)),
            (vec!["Q", "A", "B"], &Answer::Best(0)),
        ]
    );
    assert_eq!(
        read.left,
        Tally::from([("results of the type \"rating\"".to_owned(), 1)])
    );
    assert!(read.labels.iter().all(|label| label.labeler == person("3")));
    let twice = json!([
        grade("rating", "response1", 2.0),
        grade("number", "response1", 4.5)
    ]);
    let error = format!("{:#}", studio(two.clone(), twice).unwrap_err());
    assert!(error.contains("has 2 answers about `response1`"), "{error}");
    let choice =
        json!([{"type": "choices", "to_name": "prompt", "value": {"choices": ["Response 2"]}}]);
    assert_eq!(said(&studio(two, choice).unwrap())[0].1, &Answer::Best(1));
}

#[test]
fn a_dialogue_beside_responses_is_what_they_answer() {
    let dialogue = json!([{"author": "ann", "text": "Hello?"}, {"author": "bob", "text": "Yes?"}]);
    let data = json!({"dialogue": dialogue, "response1": "A", "response2": "B"});
    let pair = json!([{"type": "pairwise", "to_name": "response1,response2", "value": {"selected": "right"}}]);
    let read = studio(data.clone(), pair.clone()).unwrap();
    assert_eq!(
        said(&read),
        [(vec!["ann: Hello?\nbob: Yes?", "A", "B"], &Answer::Best(1))]
    );
    let mut asked = data;
    asked["prompt"] = "Q".into();
    let read = studio(asked, pair).unwrap();
    assert_eq!(texts(&read.labels[0]), ["Q", "A", "B"]);
    assert_eq!(read.left, Tally::from([("`data.dialogue`".to_owned(), 1)]));
}

#[test]
fn argillas_options_and_chats() {
    let says = |words: &str| json!([{"role": "assistant", "content": words}]);
    let chat = json!({"chat": [{"role": "user", "content": "Q"}], "response_1": says("A"), "response_2": says("B")});
    let plain = json!({"instruction": "Q", "response-1": "A", "response-2": "B"});
    let ranking = json!([{"value": "2", "rank": 1}, {"value": "1", "rank": 2}]);
    for fields in [chat, plain] {
        for value in [
            json!("2"),
            json!("response_2"),
            json!("Response 2"),
            json!("option 2"),
            json!("B"),
            json!("Option B"),
            json!(["2"]),
            ranking.clone(),
        ] {
            let answer = json!({"value": value, "user_id": "u"});
            let record = json!([{"fields": fields, "responses": {"preference": [answer]}}]);
            let read = reread(record.to_string().as_bytes(), "argilla").unwrap();
            assert_eq!(
                said(&read),
                [(vec!["Q", "A", "B"], &Answer::Best(1))],
                "{record}"
            );
        }
        for unknown in ["3", "C", "both", "rating 2", "rating B"] {
            let answer = json!({"value": unknown, "user_id": "u"});
            let record = json!([{"fields": fields, "responses": {"preference": [answer]}}]);
            assert!(
                reread(record.to_string().as_bytes(), "argilla").is_err(),
                "{unknown}"
            );
        }
        let grades = json!({"rating_response_2": [{"value": 2, "user_id": "u"}], "quality-1": [{"value": 5, "user_id": "u"}]});
        let record = json!([{"fields": fields, "responses": grades}]);
        let read = reread(record.to_string().as_bytes(), "argilla").unwrap();
        assert_eq!(
            said(&read),
            [
                (vec!["Q", "B"], &Answer::Rating(2.0)),
                (vec!["Q", "A"], &Answer::Rating(5.0))
            ]
        );
    }
}

#[test]
fn other_line_ends_change_no_cell() {
    let table = "prompt,chosen,rejected\n\"two\nlines\",a,\"b\n\nb\"\n";
    let plain = reread(table.as_bytes(), "csv").unwrap().labels;
    let windows = reread(table.replace('\n', "\r\n").as_bytes(), "csv")
        .unwrap()
        .labels;
    assert_eq!(windows, plain);
    // Where lines end otherwise, it is of the text.
    let kept = reread(b"prompt,chosen,rejected\n\"two\r\nlines\",a,b\n", "csv").unwrap();
    assert_eq!(texts(&kept.labels[0])[0], "two\r\nlines");
}

#[test]
fn preferences_in_tables() {
    let table = "id,chosen,prompt,rejected,tie\n1,a,q,b,\n2,a,,b,true\n3,,q,b,false\n";
    let read = reread(table.as_bytes(), "csv").unwrap();
    assert_eq!(
        said(&read),
        [
            (vec!["q", "a", "b"], &Answer::Best(0)),
            (vec!["", "a", "b"], &Answer::Tie(vec![0, 1])),
            (vec!["q", "", "b"], &Answer::Best(0)),
        ]
    );
    assert_eq!(read.left, Tally::from([("the column `id`".to_owned(), 1)]));
    let python = "chosen,rejected\n\"[{'role': 'user', 'content': 'a'}]\",b\n";
    let error = format!("{:#}", reread(python.as_bytes(), "csv").unwrap_err());
    assert!(
        error.contains("line 2") && error.contains("`json.dumps`"),
        "{error}"
    );
}

#[test]
fn the_most_of_what_is_bad_is_not_the_best() {
    use super::super::fields::{asks_for_best, opposite};
    for name in [
        "most_toxic",
        "mostHarmful",
        "which response has the most errors",
        "second_best",
        "weaker",
        "lower_quality",
        "thumbs_down",
        "nonpreferred",
        "discard",
        "flagged",
    ] {
        assert!(opposite(name).is_some(), "{name}");
    }
    for name in [
        "most_helpful",
        "best_to_worst",
        "harmless",
        "best_second_pass",
        "preference",
    ] {
        assert_eq!(opposite(name), None, "{name}");
    }
    assert!(!asks_for_best("quality"));
    let pair = json!([{"type": "pairwise", "from_name": "quality", "to_name": "response1,response2",
                       "value": {"selected": "left"}}]);
    let two = json!({"prompt": "Q", "response1": "A", "response2": "B"});
    let read = studio(two.clone(), pair).unwrap();
    assert!(
        read.noted.keys().any(|note| note.contains("`quality`")),
        "{:?}",
        read.noted
    );
    // Numbers that are none of the responses' are not shifted until they are.
    let pair = json!([{"type": "pairwise", "to_name": "response9,response8", "value": {"selected": "left"}}]);
    let read = studio(two, pair).unwrap();
    assert_eq!(said(&read)[0].1, &Answer::Best(0));
    assert_eq!(said(&read)[0].0, ["Q", "A", "B"]);
}

#[test]
fn a_prompt_of_another_name_is_read_and_half_a_one_refused() {
    let read = |row: Value| reread(row.to_string().as_bytes(), "trl");
    let turn = |role: &str, words: &str| json!({"role": role, "content": words});
    let from = |role: &str, words: &str| json!({"from": role, "value": words});
    for (row, query) in [
        (
            json!({"messages": [turn("user", "hi")], "chosen": "A", "rejected": "B"}),
            "hi",
        ),
        (
            json!({"conversations": [from("human", "hi")], "chosen": from("gpt", "A"), "rejected": from("gpt", "B")}),
            "hi",
        ),
        (json!({"input": "P", "chosen": "A", "rejected": "B"}), "P"),
        (
            json!({"instruction": "P", "input": "", "chosen": "A", "rejected": "B"}),
            "P",
        ),
    ] {
        let read = read(row.clone()).unwrap();
        assert_eq!(said(&read)[0].0[0], query, "{row}");
        assert_eq!(read.left.get("`messages`"), None);
    }
    let read_nothing = read(json!({"prompt": null, "chosen": "A", "rejected": "B"})).unwrap();
    assert!(
        read_nothing
            .noted
            .keys()
            .any(|note| note.contains("no prompt is known"))
    );
    for (row, part) in [
        (
            json!({"instruction": "Sum up", "input": "Long", "chosen": "A", "rejected": "B"}),
            "`instruction` and `input`",
        ),
        (
            json!({"question": "Who?", "context": "Ann", "chosen": "A", "rejected": "B"}),
            "`question` and `context`",
        ),
        (
            json!({"prompt": "p", "chosen": "A", "rejected": "B", "images": ["x.png"]}),
            "has `images`",
        ),
    ] {
        let error = format!("{:#}", read(row).unwrap_err());
        assert!(error.contains(part) && error.contains("hint: "), "{error}");
    }
}

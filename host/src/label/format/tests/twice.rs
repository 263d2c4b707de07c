//! Prompts that stand in the responses as well, in every shape in which they come.

use super::foreign::texts;
use super::variants::{noted, said, studio};
use super::*;
use serde_json::json;

fn message(role: &str, words: &str) -> Value {
    json!({"role": role, "content": words})
}

/// The texts of a row of preferences, and whether its prompt is said to have stood twice.
fn trl(prompt: &Value, chosen: &Value, rejected: &Value) -> (Vec<String>, bool) {
    let mut row = json!({"chosen": chosen, "rejected": rejected});
    if !prompt.is_null() {
        row["prompt"] = prompt.clone();
    }
    let read = reread(row.to_string().as_bytes(), "trl").unwrap();
    let texts = texts(&read.labels[0]).into_iter().map(str::to_owned);
    (texts.collect(), noted(&read) == 1)
}

fn words(words: [&str; 3]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

#[test]
fn conversations_with_less_or_more_than_the_prompt() {
    let system = message("system", "S");
    let ask = message("user", "hi you");
    let says = |words: &str| message("assistant", words);
    let asked = "system: S\nuser: hi you";
    for (prompt, before, wanted) in [
        (json!([system, ask]), json!([ask]), asked),
        (json!([system, ask]), json!([system, ask]), asked),
        (json!([ask]), json!([system, ask]), asked),
        (json!([ask]), json!([ask]), "hi you"),
        (json!("hi you"), json!([ask]), "hi you"),
        (json!("hi you"), json!([system, ask]), asked),
    ] {
        let [chosen, rejected] = ["a", "b"].map(|answer| {
            let mut talk = before.as_array().unwrap().clone();
            talk.push(says(answer));
            json!(talk)
        });
        let read = trl(&prompt, &chosen, &rejected);
        assert_eq!(read, (words([wanted, "a", "b"]), true), "{prompt} {before}");
        // The same in the records of other programs, of two responses and of one.
        let field = json!({"prompt": prompt, "response1": chosen, "response2": rejected});
        let best = json!({"best": [{"value": "response1", "user_id": "u"}]});
        let record = json!([{"fields": field, "responses": best}]);
        let read = reread(record.to_string().as_bytes(), "argilla").unwrap();
        assert_eq!(texts(&read.labels[0]), [wanted, "a", "b"], "{record}");
        assert_eq!(noted(&read), 1);
        let alone = json!({"prompt": prompt, "response": chosen});
        let read = studio(alone, json!([{"type": "rating", "value": {"rating": 2}}])).unwrap();
        assert_eq!(
            (texts(&read.labels[0]), noted(&read)),
            (vec![wanted, "a"], 1)
        );
    }
    let data =
        json!({"dialogue": [ask], "response1": [ask, says("a")], "response2": [ask, says("b")]});
    let pair = json!([{"type": "pairwise", "to_name": "response1,response2", "value": {"selected": "left"}}]);
    let read = studio(data, pair).unwrap();
    assert_eq!(said(&read), [(vec!["hi you", "a", "b"], &Answer::Best(0))]);
    // Other words are no prompt, nor are those of one response alone.
    let other = message("user", "and you");
    let read = trl(
        &json!([ask]),
        &json!([ask, says("a")]),
        &json!([other, says("b")]),
    );
    assert!(!read.1);
    assert_eq!(read.0[1], "user: hi you\nassistant: a");
}

#[test]
fn a_message_that_goes_on_where_the_prompt_ends() {
    let answer = |words: &str| json!([message("assistant", words)]);
    let [good, bad] = ["The film was good.", "The film was bad."];
    let ask = message("user", "The film");
    let system = message("system", "Go on.");
    for (prompt, wanted) in [
        (json!([ask]), "The film"),
        (json!([system, ask]), "system: Go on.\nuser: The film"),
    ] {
        for (chosen, rejected) in [(answer(good), answer(bad)), (json!(good), json!(bad))] {
            let read = trl(&prompt, &chosen, &rejected);
            assert_eq!(read, (words([wanted, " was good.", " was bad."]), true));
        }
    }
}

#[test]
fn transcripts_of_every_template() {
    let turns = [
        ("\n\nHuman: ", "\n\nAssistant:", " "),
        ("Human: ", "\nAssistant:", " "),
        ("user: ", "\nassistant:", " "),
        ("### Instruction:\n", "\n\n### Response:", "\n"),
        ("USER: ", " ASSISTANT:", " "),
        ("<s>[INST] ", " [/INST]", " "),
        ("<|user|>\n", "</s>\n<|assistant|>\n", ""),
        (
            "<|im_start|>user\n",
            "<|im_end|>\n<|im_start|>assistant\n",
            "",
        ),
        (
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n",
            "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
            "",
        ),
        (
            "<bos><start_of_turn>user\n",
            "<end_of_turn>\n<start_of_turn>model\n",
            "",
        ),
        ("<｜begin▁of▁sentence｜><｜User｜>", "<｜Assistant｜>", ""),
        (
            "<|start|>user<|message|>",
            "<|end|><|start|>assistant<|channel|>final<|message|>",
            "",
        ),
    ];
    for (ask, answer, gap) in turns {
        let [good, bad] = ["The film was A.", "The film was B."]
            .map(|said| json!(format!("{ask}What is it?{answer}{gap}{said}")));
        for prompt in [
            json!("What is it?"),
            json!([message("user", "What is it?")]),
        ] {
            let read = trl(&prompt, &good, &bad);
            let wanted = words(["What is it?", "The film was A.", "The film was B."]);
            assert_eq!(read, (wanted, true), "{good}");
        }
        // Without a prompt it is all up to the answer.
        let read = trl(&Value::Null, &good, &bad).0;
        assert_eq!(read[0], format!("{ask}What is it?{answer}"));
        assert_eq!(read[1], format!("{gap}The film was A."));
    }
    // With what the system says before, as a template has it, and as our messages are written.
    let chat = |said: &str| {
        json!(format!(
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ?<|im_end|>\n<|im_start|>assistant\n{said}"
        ))
    };
    let [a, b] = ["a", "b"].map(chat);
    let read = trl(&json!("Q?"), &a, &b);
    assert!(read.0[0].starts_with("<|im_start|>system") && read.0[0].ends_with("assistant\n"));
    assert_eq!((&read.0[1..], read.1), (&words(["", "a", "b"])[1..], true));
    let messages = json!([message("system", "S"), message("user", "hi you")]);
    let [a, b] =
        ["a", "b"].map(|said| json!(format!("system: S\nuser: hi you\nassistant: {said}")));
    let read = trl(&messages, &a, &b);
    assert_eq!(read, (words(["system: S\nuser: hi you", "a", "b"]), true));
    // Those who speak may have other names.
    let talk = json!([message("ann", "Hello?"), message("bob", "Yes?")]);
    let [one, two] = ["a", "b"].map(|said| json!(format!("ann: Hello?\nbob: Yes?\nann: {said}")));
    let read = trl(&talk, &one, &two);
    assert_eq!(read, (words(["ann: Hello?\nbob: Yes?", "a", "b"]), true));
    let fields = json!({"chat": messages, "response1": a, "response2": b});
    let best = json!({"best": [{"value": "response2", "user_id": "u"}]});
    let record = json!([{"fields": fields, "responses": best}]);
    let read = reread(record.to_string().as_bytes(), "argilla").unwrap();
    assert_eq!(texts(&read.labels[0])[1..], ["a", "b"]);
}

#[test]
fn messages_that_are_written_as_a_text() {
    let ask = message("user", "What is rain?");
    let [good, bad] = ["Water.", "Fire."]
        .map(|answer| json!(json!([ask, message("assistant", answer)]).to_string()));
    let read = trl(&json!("What is rain?"), &good, &bad);
    assert_eq!(read, (words(["What is rain?", "Water.", "Fire."]), true));
    // As a single one that stands in no list.
    let [good, bad] = ["Water.", "Fire."].map(|answer| message("assistant", answer));
    let read = trl(&json!("What is rain?"), &good, &bad);
    assert_eq!(read, (words(["What is rain?", "Water.", "Fire."]), false));
}

#[test]
fn a_prompt_behind_messages_that_differ_is_said() {
    let [ask, one, two] = [
        message("user", "A b"),
        message("system", "S"),
        message("system", "T"),
    ];
    let row = |chosen: Value, rejected: Value| {
        let row = json!({"prompt": "A b", "chosen": chosen, "rejected": rejected});
        reread(row.to_string().as_bytes(), "trl").unwrap()
    };
    let [good, bad] = ["g", "b"].map(|words| message("assistant", words));
    for (chosen, rejected) in [
        (json!([one, ask, good]), json!([ask, bad])),
        (json!([one, ask, good]), json!([two, ask, bad])),
    ] {
        let read = row(chosen, rejected);
        let note = "the prompt stands in both responses as well, behind messages that differ, and was left there";
        assert_eq!(read.noted, Tally::from([(note.to_owned(), 1)]));
        assert_eq!(texts(&read.labels[0])[0], "A b");
    }
    assert_eq!(noted(&row(json!([ask, good]), json!([bad]))), 0);
}

#[test]
fn a_prompt_that_nobody_else_asks_is_not_lost() {
    let system = message("system", "Be kind");
    let [good, bad] = ["good", "bad"].map(|words| message("assistant", words));
    let ask = json!("What is rain?");
    let read = trl(&ask, &json!([system, good]), &json!([system, bad]));
    assert_eq!(
        read.0,
        words(["system: Be kind\nuser: What is rain?", "good", "bad"])
    );
    let begun = [message("assistant", "Water."), message("user", "Why?")];
    let talk = |last: &Value| json!([begun[0], begun[1], last]);
    let read = trl(&ask, &talk(&good), &talk(&bad));
    let query = "user: What is rain?\nassistant: Water.\nuser: Why?";
    assert_eq!(read.0, words([query, "good", "bad"]));
}

#[test]
fn line_ends_of_another_system_change_no_prompt() {
    let (unix, windows) = ("One line\nand another:", "One line\r\nand another:");
    for (prompt, there) in [(unix, windows), (windows, unix)] {
        let [good, bad] = [" a", " b"].map(|rest| json!(format!("{there}{rest}")));
        let read = trl(&json!(prompt), &good, &bad);
        assert_eq!(read, (words([prompt, " a", " b"]), true));
    }
}

#[test]
fn white_space_scripts_and_single_words() {
    let film = "请评价这部电影。";
    for (prompt, chosen, rejected, wanted) in [
        (
            "The film\n",
            "The film was good.",
            "The film was bad.",
            Some(["was good.", "was bad."]),
        ),
        (
            "The film",
            "\n\nThe film was good.",
            " The film was bad.",
            Some(["was good.", "was bad."]),
        ),
        (
            film,
            "请评价这部电影。很好看。",
            "请评价这部电影。不好看。",
            Some(["很好看。", "不好看。"]),
        ),
        (
            "ช่วยรีวิวหนังเรื่องนี้",
            "ช่วยรีวิวหนังเรื่องนี้ดีมาก",
            "ช่วยรีวิวหนังเรื่องนี้แย่",
            Some(["ดีมาก", "แย่"]),
        ),
        // One word is the beginning of a sentence or a greeting.
        (
            "Water",
            "Water is wet.",
            "Water is dry.",
            Some(["is wet.", "is dry."]),
        ),
        ("Hi", "Hi! How are you?", "Hi, what now?", None),
        ("Hello!", "Hello! How are you?", "Hello! What now?", None),
        ("Hi", "Hi there.", "Hi! What now?", None),
        ("你好", "你好！请问", "你好，什么", None),
        (
            "Здравствуйте",
            "Здравствуйте! Как дела?",
            "Здравствуйте, что?",
            None,
        ),
        ("The film", "The film was good.", "It was bad.", None),
    ] {
        let (read, is_twice) = trl(&json!(prompt), &json!(chosen), &json!(rejected));
        assert_eq!((read[0].as_str(), is_twice), (prompt, wanted.is_some()));
        let rests = [read[1].trim_start(), read[2].trim_start()];
        assert_eq!(rests, wanted.unwrap_or([chosen, rejected]), "{prompt}");
    }
    // A single response that says again what it was asked.
    for (prompt, response, wanted) in [
        ("What is it?", "What is it? A film.", " A film."),
        (
            "What is it?",
            "\n\nHuman: What is it?\n\nAssistant: A film.",
            "A film.",
        ),
        ("It is", "It is a film.", "It is a film."),
    ] {
        let data = json!({"prompt": prompt, "response": response});
        let read = studio(
            data.clone(),
            json!([{"type": "rating", "value": {"rating": 2}}]),
        )
        .unwrap();
        assert_eq!(texts(&read.labels[0]), [prompt, wanted]);
        let record =
            json!([{"fields": data, "responses": {"rating": [{"value": 3, "user_id": "u"}]}}]);
        let read = reread(record.to_string().as_bytes(), "argilla").unwrap();
        assert_eq!(texts(&read.labels[0]), [prompt, wanted]);
    }
}

#[test]
fn what_a_row_means_does_not_depend_on_other_rows() {
    let rows = [
        json!({"prompt": "Water", "chosen": "Water is wet.", "rejected": "Water is dry."}),
        json!({"prompt": "Hi", "chosen": "Hi! How are you?", "rejected": "Hi, what now?"}),
        json!({"prompt": "What is it?", "chosen": "A cat.", "rejected": "No."}),
    ];
    let read = |rows: &[Value]| {
        let file = rows.iter().map(Value::to_string).collect::<Vec<_>>();
        reread(file.join("\n").as_bytes(), "trl").unwrap().labels
    };
    let alone: Vec<Label> = rows.chunks(1).flat_map(read).collect();
    assert_eq!(read(&rows), alone);
    let grown = [rows.clone(), rows.clone()].concat();
    assert_eq!(read(&grown), [alone.clone(), alone].concat());
}

#[test]
fn prompts_with_other_white_space() {
    let responses = [
        json!("The film  we\nsaw was good."),
        json!("The film\u{a0}we saw was bad."),
    ];
    for prompt in [
        "The\u{a0}film we saw",
        "The film we saw ",
        "The film\r\nwe saw",
    ] {
        let [chosen, rejected] = &responses;
        assert_eq!(
            trl(&json!(prompt), chosen, rejected),
            (words([prompt, " was good.", " was bad."]), true),
            "{prompt:?}"
        );
    }
    // Words that are written together are other words.
    let read = trl(
        &json!("The film"),
        &json!("Thefilm was good."),
        &json!("Thefilm was bad."),
    );
    assert_eq!(
        read,
        (
            words(["The film", "Thefilm was good.", "Thefilm was bad."]),
            false
        )
    );
}

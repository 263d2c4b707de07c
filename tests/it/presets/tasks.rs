//! The tasks of the presets, through the component: what it makes of rows and of responses with GPT-2's tokens.

use std::sync::Arc;

use attune::plugin::{self, Spec, TokenizerHost};
use attune::role::{Ending, Outcome, Query, Sample, Task, Trust};
use serde_json::{Value, json};

use super::config;
use crate::twins::{CONTEXT, patient, root};

/// As much of GPT-2's tokenizer as the rules of the presets meet, with its ids; other bytes are tokens after its vocabulary.
struct Gpt2;

const TOKENS: [(&str, u32); 10] = [
    ("Article", 14906),
    ("TL", 14990),
    ("DR", 7707),
    ("...", 986),
    (".\"", 526),
    (" .", 764),
    (".", 13),
    (":", 25),
    (";", 26),
    ("\n", 198),
];
const BYTES: u32 = 60_000;

impl TokenizerHost for Gpt2 {
    fn encode(&self, text: &str) -> Vec<u32> {
        let mut rest = text;
        let mut ids = Vec::new();
        while let Some(first) = rest.chars().next() {
            // Two line breaks are one token at the end of a text alone: the last before a word stands by itself.
            let known = TOKENS.iter().find(|(token, _)| rest.starts_with(token));
            let (token, id) = match known {
                _ if rest == "\n\n" => (rest, 628),
                Some((token, id)) => (*token, *id),
                None => (&rest[..first.len_utf8()], BYTES + u32::from(first)),
            };
            ids.push(id);
            rest = &rest[token.len()..];
        }
        ids
    }

    fn decode(&self, ids: &[u32]) -> String {
        let text = |id: &u32| match TOKENS.iter().find(|(_, known)| known == id) {
            Some((token, _)) => (*token).to_owned(),
            None if *id == 628 => "\n\n".to_owned(),
            None => char::from_u32(id - BYTES).unwrap().to_string(),
        };
        ids.iter().map(text).collect()
    }

    fn vocab_size(&self) -> u32 {
        BYTES + 0x11_0000
    }
}

/// The task of a preset, with some settings changed.
fn task(file: &str, changed: Value) -> Box<dyn Task> {
    let mut settings = config(file)["task"]["settings"].take();
    for (key, value) in changed.as_object().unwrap() {
        settings[key] = value.clone();
    }
    let path = root().join("target/plugins/continuation.wasm");
    let spec = Spec {
        path,
        trust: Trust::Sandboxed,
        settings,
        assets: [].into(),
        limits: patient(),
    };
    plugin::load_task(&spec, Arc::new(Gpt2)).unwrap()
}

/// The tokens that a task makes of rows; none of those that it drops.
fn queries(task: &dyn Task, rows: &[Value]) -> Vec<Option<Vec<u32>>> {
    let rows: Vec<(u64, String)> = (0..).zip(rows.iter().map(Value::to_string)).collect();
    let made = task.queries(CONTEXT, &rows).unwrap();
    let tokens = |made: &Outcome<_>| made.value().map(|query: &Query| query.tokens.clone());
    made.iter().map(tokens).collect()
}

/// How much a task keeps of each response, and whether it is valid.
fn endings(task: &dyn Task, responses: &[Vec<u32>]) -> Vec<(usize, bool, f32)> {
    let sample = |tokens: &Vec<u32>| Sample {
        text: Gpt2.decode(tokens),
        tokens: tokens.clone(),
        ..Sample::default()
    };
    let samples: Vec<Sample> = responses.iter().map(sample).collect();
    let finished = task.finish(CONTEXT, &samples).unwrap();
    let ending = |ending: &Outcome<Ending>| {
        let ending = ending.value().unwrap();
        (ending.kept, ending.valid, ending.penalty)
    };
    finished.iter().map(ending).collect()
}

fn ids(text: &str) -> Vec<u32> {
    Gpt2.encode(text)
}

#[test]
fn a_summary_is_asked_for_in_the_tokens_of_gpt2() {
    let article = [14906, 25, 628];
    let summary = [198, 198, 14990, 26, 7707, 25];
    for (file, prefix) in [("cnndm", &article[..]), ("tldr", &[])] {
        for kind in ["repo", "paper"] {
            let task = task(&format!("{file}/{kind}"), json!({}));
            let layout = task.layout();
            assert_eq!((layout.query_len, layout.response_len), (500, 75));
            assert_eq!(
                (&layout.prefix[..], &layout.suffix[..]),
                (prefix, &summary[..])
            );
        }
    }
    for file in ["sentiment/repo", "descriptiveness/paper"] {
        let task = task(file, json!({}));
        assert!(task.layout().prefix.is_empty() && task.layout().suffix.is_empty());
    }
}

#[test]
fn queries_are_cleaned_and_cut_as_each_task_has_it() {
    let style = task("sentiment/repo", json!({}));
    let made = queries(
        style.as_ref(),
        &[
            json!("Before. It began... and went. On"),
            json!("He said \"stop.\" And"),
            json!("One."),
            json!(format!("A. {}.", "b".repeat(64))),
        ],
    );
    let began = ids(" It began... and went.");
    // `.\"` and `...` are other tokens, and a text that ends with its first full stop is all of it.
    assert_eq!(made, [Some(began), None, Some(ids("One.")), None]);
    let paper = task("sentiment/paper", json!({}));
    let texts = [30, 31].map(|long| json!(format!("A.{}.", "b".repeat(long))));
    let made = queries(paper.as_ref(), &texts);
    assert_eq!(made, [None, Some(ids(&format!("{}.", "b".repeat(31))))]);
    let news = [
        json!({"article": "LONDON (CNN) -- It broke.\r\n\r\n\r\n\r\nIt held\u{2019}s.\n\nAnd @highlight\n\nBroke"}),
        json!({"article": "One line"}),
        json!({"article": format!("{}\nnext\n", "a".repeat(495))}),
    ];
    let cnndm = task("cnndm/repo", json!({"field": "article"}));
    let made = queries(cnndm.as_ref(), &news);
    let first = ids("It broke.\n\nIt held's.\n\nAnd");
    let cut = first.iter().rposition(|&id| id == 198).unwrap() + 1;
    let second = [ids(&"a".repeat(495)), vec![198]].concat();
    assert_eq!(made, [Some(first[..cut].to_vec()), None, Some(second)]);
    let posts = [
        json!({"content": "  My &amp; mine\n\n\n\nend\u{7}"}),
        json!({"content": "a".repeat(600)}),
    ];
    let tldr = task("tldr/repo", json!({"field": "content"}));
    let made = queries(tldr.as_ref(), &posts);
    assert_eq!(
        made,
        [Some(ids("My & mine\n\nend")), Some(ids(&"a".repeat(500)))]
    );
}

#[test]
fn responses_are_valid_where_each_task_has_them_end() {
    let with = |len: usize, marks: &[(usize, u32)]| {
        let mut tokens = vec![BYTES + 97; len];
        marks.iter().for_each(|(at, id)| tokens[*at] = *id);
        tokens
    };
    for (file, len, after, stop, others) in [
        ("sentiment/repo", 24, 16, 13, [526, 764, 986]),
        ("descriptiveness/paper", 24, 16, 13, [526, 764, 986]),
        ("cnndm/repo", 75, 55, 198, [628, 13, 986]),
        ("tldr/paper", 75, 55, 198, [628, 13, 986]),
    ] {
        let task = task(file, json!({}));
        let responses = [
            with(len, &[(after - 1, stop)]),
            with(len, &[(0, stop), (after, stop), (len - 1, stop)]),
            with(len, &[(len - 1, stop)]),
            with(
                len,
                &[
                    (after, others[0]),
                    (after + 1, others[1]),
                    (len - 1, others[2]),
                ],
            ),
        ];
        let found = endings(task.as_ref(), &responses);
        let invalid = (len, false, -1.0);
        let wanted = [invalid, (after + 1, true, -1.0), (len, true, -1.0), invalid];
        assert_eq!(found, wanted, "{file}");
    }
}

//! TRL's preference rows: `prompt`, `chosen` and `rejected`, as texts or as lists of messages with
//! `role` and `content`. Without `prompt`, it is what both others begin with. With `tie`, neither is better.

use std::fs::File;
use std::io::BufReader;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::stream::{for_objects, wrong};
use super::{Imported, Tally, Written, count, guess, in_lines, rows};
use crate::label::{Answer, Comparison, Label, Labeler, Passage};

/// The fields that are read: texts, and whether they are equally good.
pub(super) const FIELDS: [&str; 4] = ["prompt", "chosen", "rejected", "tie"];

pub(super) fn read(file: File, into: &mut Imported) -> Result<()> {
    for_objects(BufReader::new(file), "trl", |row| {
        let label = label(row, &mut into.left)?;
        into.push(label)
    })
}

pub(super) fn write(labels: &[Label]) -> Result<Written> {
    let (rows, mut written) = rows(labels, row, |row| {
        let row = row.as_object().context("is no JSON object")?;
        label(row, &mut Tally::new())
    })?;
    written.bytes = in_lines(&rows)?;
    Ok(written)
}

/// What `chosen` and `rejected` say; what of the row says more is counted in `left`.
pub(super) fn label(row: &Map<String, Value>, left: &mut Tally) -> Result<Label> {
    let [prompt, chosen, rejected] = ["prompt", "chosen", "rejected"].map(|name| said(row, name));
    let chosen = chosen?.with_context(|| absent(row, "chosen"))?;
    let rejected = rejected?.with_context(|| absent(row, "rejected"))?;
    let prompt = prompt?;
    let answer = match row.get("tie") {
        None | Some(Value::Null | Value::Bool(false)) => Answer::Best(0),
        Some(Value::Bool(true)) => Answer::Tie(vec![0, 1]),
        Some(other) => bail!(wrong(
            "tie",
            other,
            "true or false",
            "true is that neither is better, without quotes"
        )),
    };
    for name in row.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        count(left, format!("`{name}`"));
    }
    let talks = |said: &Said| matches!(said, Said::Talk(_));
    if [&chosen, &rejected].into_iter().chain(&prompt).any(talks) {
        count(left, "who says a message that stands alone");
    }
    let texts = match (chosen, rejected) {
        (Said::Text(chosen), Said::Text(rejected)) => of_texts(prompt, chosen, &rejected),
        (Said::Talk(chosen), Said::Talk(rejected)) => of_talks(prompt, &chosen, &rejected, left),
        (Said::Text(_), Said::Talk(_)) => bail!(
            "`rejected` is a list of messages, must be a text as `chosen` is\nhint: write a single message as its \
             text alone"
        ),
        (Said::Talk(_), Said::Text(_)) => bail!(
            "`rejected` is a text, must be a list of messages as `chosen` is\nhint: write it as \
             [{{\"role\": \"assistant\", \"content\": …}}]"
        ),
    };
    let [query, best, other] = texts.map(Passage::of_text);
    Ok(Label {
        comparison: Comparison {
            query,
            responses: vec![best, other],
            source: None,
        },
        answer,
        labeler: Labeler::Unknown,
        time: None,
    })
}

/// Says that a row has no such field, and what may be meant.
fn absent(row: &Map<String, Value>, name: &str) -> String {
    let has = |name: &str| row.contains_key(name);
    // TRL's other rows: a response that was liked or not, and steps that are right or not.
    let hint = if has("label") || has("labels") || has("completion") || has("completions") {
        "hint: rows with `completion` and `label` compare nothing; rate each as a label of `jsonl`"
            .to_owned()
    } else if has(name) {
        return format!("`{name}` is null\nhint: leave out rows that nobody has judged");
    } else {
        let all: Vec<&str> = row.keys().map(String::as_str).collect();
        let others = all.iter().copied().filter(|other| !FIELDS.contains(other));
        guess::meant(name, &others.collect::<Vec<_>>()).unwrap_or_else(|| guess::missing(name, all))
    };
    format!("has no `{name}`\n{hint}")
}

/// Query and responses.
fn of_texts(prompt: Option<Said>, chosen: String, rejected: &str) -> [String; 3] {
    match prompt {
        Some(prompt) => [prompt.text(), chosen, rejected.to_owned()],
        None => {
            let shared = shared_words(&chosen, rejected);
            let [prompt, chosen] = [&chosen[..shared], &chosen[shared..]];
            [prompt, chosen, &rejected[shared..]].map(str::to_owned)
        }
    }
}

/// Query and responses. Where the prompt is no list of messages, both of the others begin with it.
fn of_talks(
    prompt: Option<Said>,
    chosen: &[Message],
    rejected: &[Message],
    left: &mut Tally,
) -> [String; 3] {
    if let Some(Said::Talk(prompt)) = &prompt {
        return [prompt, chosen, rejected].map(transcript);
    }
    let shared = shared_messages(chosen, rejected);
    let before = &chosen[..shared];
    let query = match prompt {
        Some(prompt) if shared == 0 => prompt.text(),
        Some(Said::Text(prompt)) if before.iter().all(|message| message.content != prompt) => {
            count(left, "`prompt`, where it is none of the messages");
            transcript(before)
        }
        _ => transcript(before),
    };
    let [chosen, rejected] = [&chosen[shared..], &rejected[shared..]].map(transcript);
    [query, chosen, rejected]
}

/// A text, or what was said in turns.
enum Said {
    Text(String),
    Talk(Vec<Message>),
}

impl Said {
    fn text(self) -> String {
        match self {
            Said::Text(text) => text,
            Said::Talk(messages) => transcript(&messages),
        }
    }
}

#[derive(PartialEq)]
struct Message {
    role: String,
    content: String,
}

fn said(row: &Map<String, Value>, name: &str) -> Result<Option<Said>> {
    Ok(match row.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(Said::Text(text.clone())),
        Some(Value::Array(messages)) if !messages.is_empty() => {
            let numbered = messages.iter().enumerate();
            let read = numbered.map(|(at, message)| {
                let part = |part: &str| {
                    let name = format!("{name}[{at}].{part}");
                    let value = message.get(part).unwrap_or(&Value::Null);
                    let text = value.as_str().map(str::to_owned);
                    text.with_context(|| wrong(&name, value, "a text", of_message(message)))
                };
                Ok(Message {
                    role: part("role")?,
                    content: part("content")?,
                })
            });
            Some(Said::Talk(read.collect::<Result<_>>()?))
        }
        Some(other) => bail!(wrong(
            name,
            other,
            "a text or a list of messages",
            "a message is {\"role\": \"user\", \"content\": …}; a text stands in double quotes"
        )),
    })
}

/// What to do about a message that is none.
fn of_message(message: &Value) -> &'static str {
    let has = |name: &str| message.get(name).is_some();
    if message.is_string() {
        "a text stands there alone, in no list"
    } else if has("from") && has("value") {
        "a message has `role` and `content`; rename `from` and `value`"
    } else if has("tool_calls") || has("function_call") {
        "a call of a tool is no text; leave the row out"
    } else if message.get("content").is_some_and(Value::is_array) {
        "`content` is one text; join the texts of its parts, and leave rows with images out"
    } else {
        "a message is {\"role\": \"user\", \"content\": \"…\"}"
    }
}

/// One message is what it says; several are a line each, with who says it before.
fn transcript(messages: &[Message]) -> String {
    if let [Message { content, .. }] = messages {
        return content.clone();
    }
    let line = |Message { role, content }: &Message| format!("{role}: {content}");
    messages.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// How many messages both begin with, when at least one is left of each.
fn shared_messages(one: &[Message], other: &[Message]) -> usize {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    same.min(one.len().min(other.len()).saturating_sub(1))
}

/// How many bytes of whole words both begin with. A space belongs to the word that follows it, as
/// tokenizers have it.
fn shared_words(one: &str, other: &str) -> usize {
    let pairs = one.char_indices().zip(other.chars());
    let same: usize = pairs
        .take_while(|((_, a), b)| a == b)
        .map(|((_, a), _)| a.len_utf8())
        .sum();
    one[..same].rfind(char::is_whitespace).unwrap_or(0)
}

fn row(label: &Label) -> Result<Value, &'static str> {
    let Comparison {
        query, responses, ..
    } = &label.comparison;
    let text = |passage: &Passage| passage.text.clone().ok_or("there are no texts");
    let best = match &label.answer {
        // As pairs, the rest of several would come back as labels that nobody gave.
        Answer::Best(_) if responses.len() > 2 => return Err("the best of more than two"),
        Answer::Best(place) => *place,
        Answer::Tie(_) => return Err("a tie"),
        Answer::Ranking(_) => return Err("a ranking"),
        Answer::Difference(_) => return Err("a difference"),
        Answer::Rating(_) => return Err("a rating"),
        Answer::Abstain => return Err("an abstention"),
        Answer::Skip => return Err("skipped"),
    };
    Ok(json!({
        "prompt": text(query)?,
        "chosen": text(&responses[best])?,
        "rejected": text(&responses[1 - best])?,
    }))
}

//! TRL's preference rows: `prompt`, `chosen` and `rejected`, as texts or as lists of messages with
//! `role` and `content`. Without `prompt`, it is what both others begin with; where they begin with it all the
//! same, it is taken out of them. With `tie`, neither is better.

use std::fs::File;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::stream::{for_objects, wrong};
use super::talk::{self, Besides, Message, transcript};
use super::{Imported, Written, count, guess, in_lines, prompt, rows};
use crate::label::{Answer, Comparison, Label, Labeler, Passage};

/// The fields that are read: texts, and whether they are equally good.
pub(super) const FIELDS: [&str; 4] = ["prompt", "chosen", "rejected", "tie"];

pub(super) fn read(file: File, into: &mut Imported) -> Result<()> {
    for_objects(file, "trl", |row| push(row, into))
}

pub(super) fn write(labels: &[Label]) -> Result<Written> {
    let (rows, mut written) = rows(labels, row, |row| {
        let mut back = Imported::default();
        push(row.as_object().context("is no JSON object")?, &mut back)?;
        prompt::take_out(&mut back);
        back.labels.pop().context("is no row")
    })?;
    written.bytes = in_lines(&rows)?;
    Ok(written)
}

/// Adds the label of a row.
pub(super) fn push(row: &Map<String, Value>, into: &mut Imported) -> Result<()> {
    let label = label(row, into)?;
    into.push(label)
}

/// What `chosen` and `rejected` say; what of the row says more is counted.
fn label(row: &Map<String, Value>, into: &mut Imported) -> Result<Label> {
    let mut besides = Besides::default();
    let [prompt, chosen, rejected] =
        ["prompt", "chosen", "rejected"].map(|name| said(row, name, &mut besides));
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
        count(&mut into.left, format!("`{name}`"));
    }
    besides.count(&mut into.left);
    let talks = |said: &Said| matches!(said, Said::Talk(_));
    if [&chosen, &rejected].into_iter().chain(&prompt).any(talks) {
        count(&mut into.left, "who says a message that stands alone");
    }
    let texts = match (chosen, rejected) {
        (Said::Text(chosen), Said::Text(rejected)) => of_texts(prompt, chosen, rejected, into),
        (Said::Talk(chosen), Said::Talk(rejected)) => of_talks(prompt, &chosen, &rejected, into),
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
fn of_texts(
    prompt: Option<Said>,
    chosen: String,
    rejected: String,
    into: &mut Imported,
) -> [String; 3] {
    let Some(prompt) = prompt else {
        let shared = prompt::shared(&chosen, &rejected);
        let [prompt, chosen] = [&chosen[..shared], &chosen[shared..]];
        return [prompt, chosen, &rejected[shared..]].map(str::to_owned);
    };
    let prompt = prompt.text();
    if prompt::is_doubled(&prompt, &[&chosen, &rejected]) {
        prompt::note_doubled(into);
    }
    [prompt, chosen, rejected]
}

/// Query and responses. Where the prompt is no list of messages, both of the others begin with it.
fn of_talks(
    prompt: Option<Said>,
    chosen: &[Message],
    rejected: &[Message],
    into: &mut Imported,
) -> [String; 3] {
    let shared = talk::shared(chosen, rejected);
    let before = &chosen[..shared];
    if let Some(Said::Talk(prompt)) = &prompt {
        let prompt = prompt.as_slice();
        let goes_on = |talk: &[Message]| talk.len() > prompt.len() && talk.starts_with(prompt);
        // Both begin with it, perhaps after what the prompt leaves out, such as the system's message.
        let end = match [chosen, rejected].iter().all(|talk| goes_on(talk)) {
            true => prompt.len(),
            false if before.ends_with(prompt) => shared,
            false => return [prompt, chosen, rejected].map(transcript),
        };
        prompt::said(into);
        return [&chosen[..end], &chosen[end..], &rejected[end..]].map(transcript);
    }
    let [chosen, rejected] = [&chosen[shared..], &rejected[shared..]].map(transcript);
    let query = match prompt {
        Some(prompt) if shared == 0 => {
            let prompt = prompt.text();
            if prompt::is_doubled(&prompt, &[&chosen, &rejected]) {
                prompt::note_doubled(into);
            }
            prompt
        }
        Some(Said::Text(prompt)) if before.iter().all(|message| message.content != prompt) => {
            count(&mut into.left, "`prompt`, where it is none of the messages");
            transcript(before)
        }
        _ => transcript(before),
    };
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

fn said(row: &Map<String, Value>, name: &str, besides: &mut Besides) -> Result<Option<Said>> {
    Ok(match row.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(Said::Text(text.clone())),
        Some(Value::Array(list)) if !list.is_empty() => {
            Some(Said::Talk(talk::messages(list, name, besides)?))
        }
        Some(other) => bail!(wrong(
            name,
            other,
            "a text or a list of messages",
            "a message is {\"role\": \"user\", \"content\": …}; a text stands in double quotes"
        )),
    })
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

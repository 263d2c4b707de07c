//! What was said in turns: a list of messages, each with who speaks and what is said. As a passage of a label it
//! is a text; what of a message is in no text is listed.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Value};

use super::stream::{self, wrong};
use super::{Tally, count};
use crate::terminal::Line;

/// What programs call the one who speaks.
const SPEAKERS: [&str; 4] = ["role", "from", "author", "speaker"];
/// What programs call what is said.
const WORDS: [&str; 4] = ["content", "value", "text", "body"];

/// What of a part of a message is read.
const OF_PARTS: [&str; 2] = ["type", "text"];
/// Types of the parts that are what is said, rather than thought, cited or shown.
const TEXTS: [&str; 3] = ["text", "input_text", "output_text"];

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) role: String,
    pub(super) content: String,
}

/// A text, or what was said in turns.
pub(super) enum Said {
    Text(String),
    Talk(Vec<Message>),
}

impl Said {
    /// As the text that a label has.
    pub(super) fn text(&self) -> String {
        match self {
            Said::Text(text) => text.clone(),
            Said::Talk(messages) => transcript(messages),
        }
    }

    /// The turns, where it has any.
    pub(super) fn talk(&self) -> Option<&[Message]> {
        match self {
            Said::Text(_) => None,
            Said::Talk(messages) => Some(messages),
        }
    }
}

/// What the messages of a row have besides: each is counted once for the row.
#[derive(Default)]
pub(super) struct Besides(BTreeSet<String>);

impl Besides {
    /// Adds them to what is not read.
    pub(super) fn count(self, left: &mut Tally) {
        for what in self.0 {
            count(left, what);
        }
    }
}

/// Whether a value is a list of messages rather than one of anything else.
pub(super) fn is_talk(value: &Value) -> bool {
    let is_message = |one: &Value| {
        let has = |names: &[&str]| names.iter().any(|name| one.get(name).is_some());
        has(&SPEAKERS) && has(&WORDS)
    };
    let list = value.as_array();
    list.is_some_and(|list| !list.is_empty() && list.iter().all(is_message))
}

/// What a cell of a table is: a text, or a list of messages in JSON.
pub(super) fn of_cell(name: &str, cell: &str) -> Result<Value> {
    let start = cell.trim_start();
    if start.starts_with("[{'") {
        bail!(
            "`{}` is a list as Python prints it, must be a text or a list of messages in JSON\nhint: write it by \
             `json.dumps`",
            Line(name)
        );
    }
    if !start.starts_with('[') {
        return Ok(cell.into());
    }
    let plain: String = start
        .chars()
        .take(3 * 8)
        .filter(|c| !c.is_whitespace())
        .collect();
    match serde_json::from_str(start) {
        Ok(list) if is_talk(&list) => Ok(list),
        Err(_) if plain.starts_with("[{\"") && start.contains("\"role\"") => {
            Err(stream::parse::<Value>(start)
                .err()
                .unwrap_or_else(|| anyhow!("is no JSON")))
            .with_context(|| format!("`{}` begins as a list of messages", Line(name)))
        }
        _ => Ok(cell.into()),
    }
}

/// The messages of the list that the field `name` is.
pub(super) fn messages(list: &[Value], name: &str, besides: &mut Besides) -> Result<Vec<Message>> {
    let numbered = list.iter().enumerate();
    let read = numbered.map(|(at, value)| message(value, &format!("{name}[{at}]"), besides));
    read.collect()
}

fn message(value: &Value, name: &str, besides: &mut Besides) -> Result<Message> {
    let none = Map::new();
    let fields = value.as_object().unwrap_or(&none);
    let known = |names: &[&'static str]| {
        let found = names.iter().find(|name| fields.contains_key(**name));
        *found.unwrap_or(&names[0])
    };
    let (speaker, words) = (known(&SPEAKERS), known(&WORDS));
    let role = fields.get(speaker).unwrap_or(&Value::Null);
    let role = role.as_str().with_context(|| {
        let name = format!("{name}.{speaker}");
        wrong(&name, role, "a text", of_message(value))
    })?;
    let content = fields.get(words).unwrap_or(&Value::Null);
    let content = said(content, &format!("{name}.{words}"), value, besides)?;
    for (name, value) in fields {
        if name != speaker && name != words && !is_nothing(value) {
            besides.0.insert(format!("`{name}` of messages"));
        }
    }
    let role = role.to_owned();
    Ok(Message { role, content })
}

/// A text, or the texts of parts, which are one text in pieces.
fn said(content: &Value, name: &str, message: &Value, besides: &mut Besides) -> Result<String> {
    let parts = match content {
        Value::String(text) => return Ok(text.clone()),
        Value::Array(parts) if !parts.is_empty() => parts,
        other => bail!(wrong(name, other, "a text", of_message(message))),
    };
    let mut texts = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        texts.extend(text_of(part, &format!("{name}[{at}]"), besides)?);
    }
    if texts.is_empty() {
        bail!(wrong(
            name,
            content,
            "a text",
            "no part of the message is one; leave the row out"
        ));
    }
    Ok(texts.concat())
}

/// The text of a part; none where it is not what is said.
fn text_of(part: &Value, name: &str, besides: &mut Besides) -> Result<Option<String>> {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or(TEXTS[0]);
    let is_text = TEXTS.contains(&kind);
    let words = part.get("text").unwrap_or(part).as_str();
    if !is_text && (words.is_some() || is_thought(kind)) {
        besides
            .0
            .insert(format!("parts of messages of the type `{kind}`"));
        return Ok(None);
    }
    let words = words.with_context(|| {
        let hint = "labels are of texts; leave rows with images, sounds or files out";
        wrong(name, part, "a part with `text`", hint)
    })?;
    for (name, value) in part.as_object().into_iter().flatten() {
        if !OF_PARTS.contains(&name.as_str()) && !is_nothing(value) {
            besides.0.insert(format!("`{name}` of parts of messages"));
        }
    }
    Ok(Some(words.to_owned()))
}

/// Whether a part says what the model did before it spoke, without which the rest is whole.
fn is_thought(kind: &str) -> bool {
    ["thinking", "reasoning", "tool", "function"]
        .iter()
        .any(|part| kind.contains(part))
}

/// Whether nothing is lost with a value.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What to do about a message that is none.
fn of_message(message: &Value) -> &'static str {
    let has = |name: &str| message.get(name).is_some();
    if message.is_string() {
        "a text stands there alone, in no list"
    } else if has("tool_calls") || has("function_call") {
        "a call of a tool is no text; leave the row out"
    } else {
        "a message is {\"role\": \"user\", \"content\": \"…\"}"
    }
}

/// One message is what it says; several are a line each, with who says it before.
pub(super) fn transcript(messages: &[Message]) -> String {
    if let [Message { content, .. }] = messages {
        return content.clone();
    }
    let line = |Message { role, content }: &Message| format!("{role}: {content}");
    messages.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// How many messages all begin with, when at least one is left of each.
pub(super) fn shared(talks: &[&[Message]]) -> usize {
    let Some((first, others)) = talks.split_first() else {
        return 0;
    };
    let same = |other: &&[Message]| first.iter().zip(*other).take_while(|(a, b)| a == b).count();
    let shortest = talks.iter().map(|talk| talk.len()).min().unwrap_or(0);
    let same = others.iter().map(same).min().unwrap_or(first.len());
    same.min(shortest.saturating_sub(1))
}

//! What was said in turns: a list of messages, each with who speaks and what is said. As a passage of a label it
//! is a text; what of a message is in no text is listed.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::stream::wrong;
use super::{Tally, count};

/// What programs call the one who speaks.
const SPEAKERS: [&str; 4] = ["role", "from", "author", "speaker"];
/// What programs call what is said.
const WORDS: [&str; 4] = ["content", "value", "text", "body"];

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    role: String,
    pub(super) content: String,
}

/// Names of what the messages of a row have besides: each is counted once for the row.
#[derive(Default)]
pub(super) struct Besides(BTreeSet<String>);

impl Besides {
    /// Adds them to what is not read.
    pub(super) fn count(self, left: &mut Tally) {
        for name in self.0 {
            count(left, format!("`{name}` of messages"));
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
    let content = said(content, &format!("{name}.{words}"), value)?;
    for (name, value) in fields {
        if name != speaker && name != words && !is_nothing(value) {
            besides.0.insert(name.clone());
        }
    }
    let role = role.to_owned();
    Ok(Message { role, content })
}

/// A text, or the texts of parts, which are one text in pieces.
fn said(content: &Value, name: &str, message: &Value) -> Result<String> {
    let parts = match content {
        Value::String(text) => return Ok(text.clone()),
        Value::Array(parts) if !parts.is_empty() => parts,
        other => bail!(wrong(name, other, "a text", of_message(message))),
    };
    let mut text = String::new();
    for (at, part) in parts.iter().enumerate() {
        let words = part.get("text").unwrap_or(part).as_str();
        text += words.with_context(|| {
            let hint = "labels are of texts; leave rows with images, sounds or files out";
            wrong(&format!("{name}[{at}]"), part, "a part with `text`", hint)
        })?;
    }
    Ok(text)
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

/// How many messages both begin with, when at least one is left of each.
pub(super) fn shared(one: &[Message], other: &[Message]) -> usize {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    same.min(one.len().min(other.len()).saturating_sub(1))
}

//! TRL's preference rows: `prompt`, `chosen` and `rejected`, as texts or as lists of messages with
//! `role` and `content`. Without `prompt`, it is what both others begin with; where they begin with it all the
//! same, it is taken out of them. With `tie`, neither is better.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::fields::QUERIES;
use super::guess::listed;
use super::stream::{for_objects, wrong};
use super::talk::{self, Besides, Message, Said, transcript};
use super::{Imported, Written, count, guess, in_lines, prompt, rows};
use crate::label::{Answer, Comparison, Label, Labeler, Passage};
use crate::rows::opened::Opened;

/// The fields that are read beside the prompt: texts, and whether they are equally good.
const FIELDS: [&str; 3] = ["chosen", "rejected", "tie"];

/// What some call the prompt where no field is called as prompts are: the text that is answered, or what was said before.
const OTHERS: [&str; 6] = [
    "input",
    "messages",
    "conversations",
    "conversation",
    "dialogue",
    "history",
];
/// What belongs to a question as well, so that the question alone would be another one.
const BESIDE: [&str; 2] = ["input", "context"];
/// What no label can carry, and without which the text is another one.
const SEEN: [&str; 6] = ["images", "image", "videos", "video", "audios", "audio"];

/// Whether rows with these fields are read by this one. Many call the prompt otherwise where there is none.
pub(super) fn is_read(name: &str, has: &[&str]) -> bool {
    let known = has.iter().any(|name| QUERIES.contains(name));
    let is_prompt = name == QUERIES[0] || QUERIES.contains(&name) && !has.contains(&QUERIES[0]);
    let is_other = OTHERS.contains(&name) && !known;
    let is_beside = [&BESIDE[..], &SEEN].concat().contains(&name);
    is_prompt || is_other || is_beside || FIELDS.contains(&name)
}

pub(super) fn read(file: Opened, into: &mut Imported) -> Result<()> {
    for_objects(file.reader, "trl", |row| push(row, into))
}

pub(super) fn write(labels: &[Label]) -> Result<Written> {
    let (rows, mut written) = rows(labels, row, |row| {
        let mut back = Imported::default();
        push(row.as_object().context("is no JSON object")?, &mut back)?;
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
    check_seen(row)?;
    let asked = asked(row)?;
    let [prompt, chosen, rejected] =
        [asked, "chosen", "rejected"].map(|name| said(row, name, &mut besides));
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
    let is_left = |name: &&String| name.as_str() != asked && !FIELDS.contains(&name.as_str());
    for name in row
        .keys()
        .filter(is_left)
        .filter(|name| *name != QUERIES[0])
    {
        count(&mut into.left, format!("`{name}`"));
    }
    besides.count(&mut into.left);
    let talks = |said: &Said| matches!(said, Said::Talk(_));
    if [&chosen, &rejected].into_iter().chain(&prompt).any(talks) {
        count(&mut into.left, "who says a message that stands alone");
    }
    let (query, responses) = match (&chosen, &rejected) {
        (Said::Text(_), Said::Talk(_)) => bail!(
            "`rejected` is a list of messages, must be a text as `chosen` is\nhint: write a single message as its \
             text alone"
        ),
        (Said::Talk(_), Said::Text(_)) => bail!(
            "`rejected` is a text, must be a list of messages as `chosen` is\nhint: write it as \
             [{{\"role\": \"assistant\", \"content\": …}}]"
        ),
        _ => {
            let is_known = prompt.is_some();
            let (query, responses) = texts(prompt, &[chosen, rejected], into);
            if !is_known && query.is_empty() {
                count(
                    &mut into.noted,
                    "pairs of which no prompt is known, read with an empty one",
                );
            }
            (query, responses)
        }
    };
    Ok(Label {
        comparison: Comparison {
            query: Passage::of_text(query),
            responses: responses.into_iter().map(Passage::of_text).collect(),
            source: None,
        },
        answer,
        labeler: Labeler::Unknown,
        time: None,
    })
}

/// The field that is the prompt.
fn asked(row: &Map<String, Value>) -> Result<&'static str> {
    let is_there = |name: &&str| row.get(*name).is_some_and(|value| !value.is_null());
    if is_there(&QUERIES[0]) {
        return Ok(QUERIES[0]);
    }
    let found: Vec<&str> = QUERIES.into_iter().filter(is_there).collect();
    match found.as_slice() {
        [] => {
            let mut others = OTHERS.into_iter().filter(|name| is_there(name));
            Ok(others.next().unwrap_or(QUERIES[0]))
        }
        [name] => match BESIDE.iter().find(|other| is_said(row.get(**other))) {
            Some(other) => bail!(
                "has `{name}` and `{other}`, and both may belong to the query\nhint: write what the model reads, all of it, \
                 into a field `prompt`"
            ),
            None => Ok(name),
        },
        several => bail!(
            "has no `prompt`, and any of {} could be it\nhint: call the one that is meant `prompt`",
            listed(several)
        ),
    }
}

fn is_said(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !super::talk::is_nothing(value))
}

/// Refuses what was judged by more than its text.
fn check_seen(row: &Map<String, Value>) -> Result<()> {
    if let Some(name) = SEEN.iter().find(|name| is_said(row.get(**name))) {
        bail!(
            "has `{name}`, and labels are of texts alone\nhint: leave out rows whose responses are about more than text"
        );
    }
    Ok(())
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
        let others = all.iter().copied();
        let others = others.filter(|other| *other != QUERIES[0] && !FIELDS.contains(other));
        guess::meant(name, &others.collect::<Vec<_>>()).unwrap_or_else(|| guess::missing(name, all))
    };
    format!("has no `{name}`\n{hint}")
}

/// Query and responses. Without a prompt it is what both of the others begin with.
fn texts(prompt: Option<Said>, both: &[Said; 2], into: &mut Imported) -> (String, Vec<String>) {
    if let Some(prompt) = &prompt {
        let apart = prompt::apart(prompt, both);
        if apart.is_twice {
            prompt::note_doubled(into);
            return (apart.query, apart.responses);
        }
    }
    if let Some(prompt) = &prompt
        && prompt::is_inside(prompt, both)
    {
        count(&mut into.noted, prompt::LEFT_INSIDE);
    }
    match (both, prompt) {
        ([Said::Talk(chosen), Said::Talk(rejected)], prompt) => {
            of_talks(prompt, [chosen, rejected], into)
        }
        (both, Some(prompt)) => (prompt.text(), both.iter().map(Said::text).collect()),
        ([chosen, rejected], None) => {
            let [chosen, rejected] = [chosen.text(), rejected.text()];
            let shared = prompt::shared(&chosen, &rejected);
            let rests = [&chosen, &rejected].map(|text| text[shared..].to_owned());
            (chosen[..shared].to_owned(), rests.to_vec())
        }
    }
}

/// Query and responses of conversations that do not begin with the prompt. Where it is no list of messages, those
/// with which both begin are what was asked.
fn of_talks(
    prompt: Option<Said>,
    both: [&[Message]; 2],
    into: &mut Imported,
) -> (String, Vec<String>) {
    let shared = talk::shared(&both);
    match prompt {
        Some(prompt) if shared == 0 || prompt.talk().is_some() => {
            return (prompt.text(), both.map(transcript).to_vec());
        }
        Some(Said::Text(prompt)) if !prompt.is_empty() => {
            // What is answered first was asked by nobody else.
            let is_system = |message: &&Message| message.role.to_lowercase() == "system";
            let systems = both[0].iter().take_while(is_system).count();
            let begins = both[0]
                .get(systems)
                .map(|message| message.role.to_lowercase());
            if systems <= shared && begins.is_some_and(|role| prompt::answers(&role)) {
                let asked = Message {
                    role: "user".to_owned(),
                    content: prompt,
                };
                let (before, after) = both[0][..shared].split_at(systems);
                let query = [before, &[asked], after].concat();
                let rests = both.map(|talk| transcript(&talk[shared..]));
                return (transcript(&query), rests.to_vec());
            }
            count(&mut into.left, "`prompt`, where it is none of the messages");
        }
        _ => {}
    }
    let rests = both.map(|talk| transcript(&talk[shared..]));
    (transcript(&both[0][..shared]), rests.to_vec())
}

fn said(row: &Map<String, Value>, name: &str, besides: &mut Besides) -> Result<Option<Said>> {
    Ok(match row.get(name) {
        None | Some(Value::Null) => None,
        // Messages may be written as a text, as in the cells of tables.
        Some(Value::String(text)) => Some(match talk::of_cell(name, text)? {
            Value::Array(list) => Said::Talk(talk::messages(&list, name, besides)?),
            _ => Said::Text(text.clone()),
        }),
        Some(Value::Array(list)) if !list.is_empty() => {
            Some(Said::Talk(talk::messages(list, name, besides)?))
        }
        Some(one @ Value::Object(_)) if talk::is_talk(&json!([one])) => {
            let list = std::slice::from_ref(one);
            Some(Said::Talk(talk::messages(list, name, besides)?))
        }
        Some(other) => bail!(wrong(
            name,
            other,
            "a text or a list of messages",
            "messages are [{\"role\": \"user\", \"content\": …}]; a text stands in double quotes"
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

//! Argilla's records as JSON: `fields`, of which one is the query and the numbered ones are responses,
//! and `responses`, in which users answer questions: a ranking of fields, the name of a field, the names
//! of several that are equally good, or a number. The files of version 1 differ in `responses`.

use std::collections::BTreeMap;
use std::fs::File;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::fields::{self, count_unread};
use super::guess::listed;
use super::stream::{for_objects, wrong};
use super::talk::Besides;
use super::{Imported, Tally, Written, count, rows, time};
use crate::label::{Answer, Comparison, Label, Labeler};
use crate::terminal::Line;

const NONE: &Value = &Value::Null;
/// The question that we ask of responses that are equally good.
const EQUALLY_GOOD: &str = "equally_good";

pub(super) fn read(file: File, into: &mut Imported) -> Result<()> {
    for_objects(file, "argilla", |record: &Map<String, Value>| {
        push(record, into)
    })
}

/// What the program keeps of a record for itself.
const BOOKKEEPING: [&str; 8] = [
    "id",
    "external_id",
    "_server_id",
    "status",
    "inserted_at",
    "updated_at",
    "dataset_id",
    "metadata",
];

/// Adds the labels of a record.
fn push(record: &Map<String, Value>, into: &mut Imported) -> Result<()> {
    let all = record.get("fields").and_then(Value::as_object);
    let all = all.context(
        "has no object `fields`\nhint: export records as Argilla does, by `dataset.records.to_json(path)`",
    )?;
    let mut besides = Besides::default();
    let names = fields::responses(all, &[]);
    let known = names.as_deref().unwrap_or_default();
    let (asked, query) = fields::query(all, known, &mut besides).context("`fields`")?;
    let names = names.context("`fields`")?;
    let metadata = record.get("metadata").and_then(Value::as_object);
    let passages = names
        .iter()
        .map(|name| fields::passage(&all[*name], name, &mut besides));
    let comparison = Comparison {
        query,
        responses: passages.collect::<Result<_>>()?,
        source: metadata.and_then(fields::source),
    };
    besides.count(&mut into.left);
    let is_known =
        |name: &str| ["fields", "responses"].contains(&name) || BOOKKEEPING.contains(&name);
    count_unread(record, "", is_known, &mut into.left);
    let is_read = |name: &str| name == asked || names.contains(&name);
    count_unread(all, "fields.", is_read, &mut into.left);
    if let Some(metadata) = metadata {
        let of_source = ["checkpoint", "config"];
        let is_read = |name: &str| {
            name == "labeled_at" || comparison.source.is_some() && of_source.contains(&name)
        };
        count_unread(metadata, "metadata.", is_read, &mut into.left);
    }
    let time = match metadata.and_then(|all| all.get("labeled_at")) {
        None => None,
        Some(at) => Some(
            at.as_str()
                .and_then(time::parse)
                .with_context(|| wrong("metadata.labeled_at", at, "a time", time::HINT))?,
        ),
    };
    let said = judgements(said(record)?, &names, &mut into.left)?;
    if said.is_empty() {
        count(&mut into.left, "records that nobody has judged");
    }
    let id = record.get("id").filter(|id| !id.is_null());
    let origin = id.map(|id| format!("argilla record {id}"));
    for Judgement {
        answer,
        place,
        user,
    } in said
    {
        let mut comparison = comparison.clone();
        if let Some(place) = place {
            comparison.responses = vec![comparison.responses.swap_remove(place)];
        }
        let label = Label {
            comparison,
            answer,
            labeler: labeler(user)?,
            time,
        };
        into.push_from(label, origin.clone())?;
    }
    Ok(())
}

/// An answer to a question about the responses.
#[derive(PartialEq)]
struct Judgement<'a> {
    answer: Answer,
    /// The one of several responses that it is about.
    place: Option<usize>,
    user: &'a Value,
}

/// What one user said to one question.
struct Said<'a> {
    question: &'a str,
    value: &'a Value,
    user: &'a Value,
    status: &'a Value,
    /// Whether the names of all responses are an order: version 2 writes rankings as names alone, from the best on.
    ranks: bool,
}

/// All answers of a record: by question in version 2, by user in version 1.
fn said(record: &Map<String, Value>) -> Result<Vec<Said<'_>>> {
    let responses = record.get("responses").unwrap_or(NONE);
    let mut all = Vec::new();
    match responses {
        Value::Null => {}
        Value::Object(questions) => {
            for (question, answers) in questions {
                let list = answers.as_array();
                let list = list.with_context(|| {
                    let name = format!("responses.{question}");
                    let hint =
                        "each user's answer is {\"value\": …, \"user_id\": …, \"status\": …}";
                    wrong(&name, answers, "a list", hint)
                })?;
                all.extend(list.iter().map(|answer| Said {
                    question,
                    value: part(answer, "value"),
                    user: part(answer, "user_id"),
                    status: part(answer, "status"),
                    ranks: question != EQUALLY_GOOD,
                }));
            }
        }
        Value::Array(users) => {
            for user in users {
                let values = part(user, "values").as_object();
                let of_user = |question, value| Said {
                    question,
                    value,
                    user: part(user, "user_id"),
                    status: part(user, "status"),
                    ranks: false,
                };
                let values = values.filter(|values| !values.is_empty());
                match values {
                    Some(values) => all.extend(
                        values
                            .iter()
                            .map(|(question, answer)| of_user(question, part(answer, "value"))),
                    ),
                    // Who discards a record need not have answered anything.
                    None => all.push(of_user("values", NONE)),
                }
            }
        }
        other => bail!(wrong(
            "responses",
            other,
            "answers by question or by user",
            "{\"best\": [{\"value\": …}]} in version 2, [{\"user_id\": …, \"values\": {…}}] in version 1"
        )),
    }
    Ok(all)
}

fn part<'a>(of: &'a Value, name: &str) -> &'a Value {
    of.get(name).unwrap_or(NONE)
}

/// Answers to the one question that is about the responses, or to those that are about one of them each.
fn judgements<'a>(
    said: Vec<Said<'a>>,
    names: &[&str],
    left: &mut Tally,
) -> Result<Vec<Judgement<'a>>> {
    let mut found = Vec::new();
    // The question that was asked about all responses, and about each of them.
    let mut asked: BTreeMap<Option<usize>, &str> = BTreeMap::new();
    let mut others = Vec::new();
    for one in said {
        match one.status.as_str() {
            Some("draft" | "pending") => count(left, "drafts"),
            // Whoever discards a record discards it once, with all its questions.
            Some("discarded") => {
                let skipped = Judgement {
                    answer: Answer::Skip,
                    place: None,
                    user: one.user,
                };
                if !found.contains(&skipped) {
                    found.push(skipped);
                }
            }
            None | Some("submitted") => match answer(&one, names) {
                Ok((answer, place)) => {
                    let question = *asked.entry(place).or_insert(one.question);
                    if question != one.question {
                        bail!(
                            "`responses` has several questions about the responses, `{}` and `{}`\n\
                             hint: leave one of them in the file",
                            Line(question),
                            Line(one.question)
                        );
                    }
                    let user = one.user;
                    found.push(Judgement {
                        answer,
                        place,
                        user,
                    });
                }
                Err(error) => others.push((one.question, error)),
            },
            Some(_) => bail!(wrong(
                "status",
                one.status,
                "submitted, discarded or draft",
                "an answer that counts is `submitted`"
            )),
        }
    }
    for (question, error) in others {
        // Perhaps a comment; but not where others have judged, nor where nobody has.
        if found.is_empty() || asked.values().any(|known| *known == question) {
            return Err(error.context(format!("`responses.{}`", Line(question))));
        }
        count(left, format!("answers to `{question}`"));
    }
    Ok(found)
}

/// What an answer says, and of which of several responses where it is about one.
fn answer(said: &Said<'_>, names: &[&str]) -> Result<(Answer, Option<usize>)> {
    // Such as `rating_response2` or `quality-2`; the question of a single response may be called anything.
    let about = || {
        let of_name = names.iter().position(|name| said.question.contains(name));
        let number = said
            .question
            .trim_start_matches(|c: char| !c.is_ascii_digit());
        of_name.or_else(|| fields::place(number, names))
    };
    if let (Value::Number(value), 2..) = (said.value, names.len())
        && let (Some(place), Some(value)) = (about(), value.as_f64())
    {
        return Ok((Answer::Rating(value), Some(place)));
    }
    Ok((of_all(said, names)?, None))
}

/// What an answer says of all responses.
fn of_all(said: &Said<'_>, names: &[&str]) -> Result<Answer> {
    let value = said.value;
    let place = |name: &Value| {
        let place = name.as_str().and_then(|name| fields::place(name, names));
        let known = || format!("one of {}", listed(names));
        let hint = "an answer names responses as `fields` does, or by their numbers";
        place.with_context(|| wrong("value", name, &known(), hint))
    };
    match value {
        Value::String(_) if names.len() == 1 => {
            let hint = "one response alone is rated, by a number without quotes";
            bail!(wrong("value", value, "a number", hint))
        }
        Value::String(_) => Ok(Answer::Best(place(value)?)),
        Value::Number(number) if names.len() == 1 => {
            let number = number.as_f64();
            let hint = "a rating is a finite number";
            Ok(Answer::Rating(number.with_context(|| {
                wrong("value", value, "a number", hint)
            })?))
        }
        Value::Array(all) if all.iter().any(Value::is_object) => {
            let mut groups: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
            for one in all {
                let rank = part(one, "rank");
                let hint = "1 is the best; those that are equally good have the same rank";
                let rank = rank
                    .as_u64()
                    .with_context(|| wrong("rank", rank, "a number from 1", hint))?;
                groups
                    .entry(rank)
                    .or_default()
                    .push(place(part(one, "value"))?);
            }
            if groups.values().map(Vec::len).sum::<usize>() != names.len() {
                bail!(wrong(
                    "value",
                    value,
                    &format!("a rank for each of {}", listed(names)),
                    "rank all responses once, or leave the record out"
                ));
            }
            Ok(Answer::ranked(groups.into_values().collect(), names.len()))
        }
        Value::Array(all) if !all.is_empty() => {
            let places: Vec<usize> = all.iter().map(place).collect::<Result<_>>()?;
            Ok(match places.as_slice() {
                [place] => Answer::Best(*place),
                all if said.ranks && all.len() == names.len() => {
                    let groups = places.into_iter().map(|place| vec![place]).collect();
                    Answer::ranked(groups, names.len())
                }
                _ => Answer::Tie(places),
            })
        }
        other => bail!(wrong(
            "value",
            other,
            "a ranking, a name or names of fields, or, of one response, a number",
            "the question must be about the responses: a ranking, a label or a rating"
        )),
    }
}

fn labeler(user: &Value) -> Result<Labeler> {
    Ok(match user {
        Value::Null => Labeler::Unknown,
        // Argilla writes Python's word for nobody.
        Value::String(name) if name == "None" => Labeler::Unknown,
        Value::String(name) => Labeler::Person(name.clone()),
        other => bail!(wrong(
            "user_id",
            other,
            "the id of a user",
            "write it as text, such as \"7\", or leave it out"
        )),
    })
}

pub(super) fn write(all: &[Label]) -> Result<Written> {
    let (records, mut written) = rows(all, record, |record| {
        let mut back = Imported::default();
        push(record.as_object().context("is no JSON object")?, &mut back)?;
        back.labels.pop().context("has no responses")
    })?;
    written.bytes = serde_json::to_vec(&records)?;
    Ok(written)
}

fn record(label: &Label) -> Result<Value, &'static str> {
    let Comparison {
        query,
        responses,
        source,
    } = &label.comparison;
    if !label.comparison.has_texts() {
        return Err("there are no texts");
    }
    let name = |place: usize| format!("response{}", place + 1);
    let mut fields = Map::new();
    fields.insert("prompt".to_owned(), query.text.clone().into());
    for (place, response) in responses.iter().enumerate() {
        fields.insert(name(place), response.text.clone().into());
    }
    let (question, value) = match &label.answer {
        Answer::Best(place) => ("best", name(*place).into()),
        Answer::Tie(places) => (EQUALLY_GOOD, places.iter().copied().map(name).collect()),
        Answer::Ranking(groups) => {
            let ranked = (1..).zip(groups).flat_map(|(rank, group): (u64, _)| {
                group
                    .iter()
                    .map(move |place| json!({"value": name(*place), "rank": rank}))
            });
            ("ranking", ranked.collect())
        }
        // Argilla's ratings are whole numbers of a scale that ends there.
        Answer::Rating(value) if value.fract() == 0.0 && (0.0..=10.0).contains(value) => {
            ("rating", (*value as u64).into())
        }
        Answer::Rating(_) => return Err("a rating that is no whole number from 0 to 10"),
        Answer::Difference(_) => return Err("a difference"),
        Answer::Abstain => return Err("an abstention"),
        Answer::Skip => ("best", Value::Null),
    };
    let status = match label.answer {
        Answer::Skip => "discarded",
        _ => "submitted",
    };
    let user = match &label.labeler {
        Labeler::Person(name) => Some(name),
        Labeler::Plugin { .. } | Labeler::Unknown => None,
    };
    let mut metadata = Map::new();
    if let Some(source) = source {
        metadata.insert("checkpoint".to_owned(), source.checkpoint.clone().into());
        metadata.insert("config".to_owned(), source.config.clone().into());
    }
    if let Some(at) = label.time.and_then(time::text) {
        metadata.insert("labeled_at".to_owned(), at.into());
    }
    Ok(json!({
        "fields": fields,
        "metadata": metadata,
        "responses": {question: [{"value": value, "user_id": user, "status": status}]},
    }))
}

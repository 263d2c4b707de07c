//! What the responses of a record say: answers to questions, by question in version 2, by user in version 1.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::super::guess::listed;
use super::super::stream::wrong;
use super::super::{Imported, Tally, count, fields};
use super::EQUALLY_GOOD;
use crate::label::Answer;
use crate::terminal::Line;

const NONE: &Value = &Value::Null;

/// An answer to a question about the responses.
#[derive(PartialEq)]
pub(super) struct Judgement<'a> {
    pub(super) answer: Answer,
    /// The one of several responses that it is about.
    pub(super) place: Option<usize>,
    pub(super) user: &'a Value,
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

impl Said<'_> {
    /// Whether names alone, of all responses, are read as an order, though the question does not say that it asks for one:
    /// who marks all responses that are good writes the same.
    fn is_list_of_all(&self, responses: usize) -> bool {
        const ORDERS: [&str; 6] = ["rank", "order", "sort", "prefer", "compar", "place"];
        let question = self.question.to_lowercase();
        let list = self.value.as_array();
        self.ranks
            && list.is_some_and(|list| list.len() == responses && list.iter().all(Value::is_string))
            && !ORDERS.iter().any(|word| question.contains(word))
    }
}

/// What is said of a list that may be no order.
fn taken_for_order(question: &str) -> String {
    format!(
        "lists of all responses by `{}` were read as rankings from the best on, though its name does not say that it asks for \
         an order",
        Line(question)
    )
}

/// What the program writes of an answer, in version 2, and of a user's, in version 1; the rest it keeps for itself.
const OF_ANSWERS: [&str; 9] = [
    "value",
    "values",
    "user_id",
    "status",
    "id",
    "record_id",
    "question_name",
    "inserted_at",
    "updated_at",
];

/// Counts what of an answer is not read.
fn count_besides(answer: &Value, left: &mut Tally) {
    if let Some(fields) = answer.as_object() {
        let is_known = |name: &str| OF_ANSWERS.contains(&name);
        fields::count_unread(fields, "responses[].", is_known, left);
    }
}

/// All answers of a record: by question in version 2, by user in version 1.
fn said<'a>(record: &'a Map<String, Value>, left: &mut Tally) -> Result<Vec<Said<'a>>> {
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
                list.iter().for_each(|answer| count_besides(answer, left));
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
                count_besides(user, left);
                let values = part(user, "values").as_object();
                for answer in values.into_iter().flat_map(Map::values) {
                    count_besides(answer, left);
                }
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
pub(super) fn judgements<'a>(
    record: &'a Map<String, Value>,
    names: &[&str],
    into: &mut Imported,
) -> Result<Vec<Judgement<'a>>> {
    let left = &mut into.left;
    let mut found = Vec::new();
    // The question that was asked about all responses, and about each of them.
    let mut asked: BTreeMap<Option<usize>, &str> = BTreeMap::new();
    let mut others = Vec::new();
    for one in said(record, left)? {
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
                    let chooses = matches!(answer, Answer::Best(_) | Answer::Tie(_));
                    if chooses
                        && one.question != EQUALLY_GOOD
                        && !fields::asks_for_best(one.question)
                    {
                        count(&mut into.noted, fields::taken_for_best(one.question));
                    }
                    if names.len() > 1 && one.is_list_of_all(names.len()) {
                        count(&mut into.noted, taken_for_order(one.question));
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
    if let (Value::Number(value), 2..) = (said.value, names.len())
        && let (Some(place), Some(value)) = (about(said.question, names), value.as_f64())
    {
        return Ok((Answer::Rating(value), Some(place)));
    }
    let answer = of_all(said, names)?;
    if let Some(word) = fields::opposite(said.question) {
        bail!(fields::not_the_best(said.question, word));
    }
    Ok((answer, None))
}

/// The response that a question is about, such as `rating_response2` or `quality-2`; the question of a single response
/// may be called anything.
fn about(question: &str, names: &[&str]) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric();
    // Such as `response1`, which is no part of `response10`.
    let is_whole = |name: &str| {
        question.match_indices(name).any(|(at, _)| {
            let (before, after) = (&question[..at], &question[at + name.len()..]);
            !before.ends_with(is_part) && !after.starts_with(is_part)
        })
    };
    let named = (0..names.len()).filter(|at| is_whole(names[*at]));
    let longest = named.max_by_key(|at| names[*at].len());
    let numbers = question.split(|c: char| !c.is_ascii_digit());
    let mut numbers = numbers.filter(|number| !number.is_empty());
    let number = numbers.next().filter(|_| numbers.next().is_none());
    longest.or_else(|| fields::place(number?, names))
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

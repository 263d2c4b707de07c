//! What several people judged differently, side by side, and what somebody decides about it.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;

use super::answer::check_mode;
use super::judged::{self, Judged, Kind};
use super::turned::{same, says};
use super::{Refusal, Room, learned, malformed, people, unknown};
use crate::label::store::{self, Correction};
use crate::label::{Answer, Comparison, Label, Labeler};
use crate::terminal::Line;

/// A question of which people said different things. Places are those of the store.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disagreement {
    /// What it was asked under.
    pub key: String,
    /// The prompt.
    pub query: String,
    /// The responses.
    pub responses: Vec<String>,
    /// What each person said.
    pub said: Vec<Opinion>,
    /// What was decided, where something was.
    pub adjudicated: Option<Answer>,
}

/// What one person said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Opinion {
    /// Who.
    pub name: String,
    /// What.
    pub answer: Answer,
    /// What the person noted.
    pub note: Option<String>,
}

impl Room {
    /// Questions of which people who are not excluded said different things: first those that nobody has decided, and
    /// of these the newest.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn disagreements(&self, limit: usize) -> Result<Vec<Disagreement>> {
        self.look(|connection| {
            let people = people::all(connection)?;
            let included = |one: &&Judged| {
                let mut counted = people.iter().filter(|person| !person.excluded);
                one.kind == Kind::Work && counted.any(|person| person.id == one.person_id)
            };
            let all = judged::all(connection)?;
            let mut questions: BTreeMap<&str, Vec<&Judged>> = BTreeMap::new();
            for one in all.iter().filter(included) {
                questions.entry(&one.key).or_default().push(one);
            }
            let mut found = Vec::new();
            for (key, said) in questions {
                let last = said.iter().map(|one| one.time).max().unwrap_or_default();
                if differ(&said) {
                    found.push((decision(connection, key)?, last, key, said));
                }
            }
            found.sort_by_key(|(decided, last, ..)| (decided.is_some(), std::cmp::Reverse(*last)));
            found.truncate(limit);
            let all = found.into_iter().map(|(decided, _, key, said)| {
                let comparison = asked(connection, key)?;
                Ok(disagreement(key, &comparison, &said, decided))
            });
            all.collect()
        })
    }

    /// Decides what is said of a question, by the places of the store: the next reward model learns that, and the store
    /// keeps it as a label of whoever decides.
    ///
    /// # Errors
    /// Nobody asked it, it is no answer to it, or the store cannot be written to.
    pub fn adjudicate(&mut self, key: &str, answer: Answer, by: &str, now: i64) -> Result<()> {
        if !says(&answer) {
            let hint = "choose a response; what nobody can judge may stay as it is";
            return Err(malformed("a decision says which response is better", hint));
        }
        self.write(|transaction, rules| {
            check_mode(&answer, rules)?;
            let label = Label {
                comparison: asked(transaction, key)?,
                answer,
                labeler: Labeler::Person(by.to_owned()),
                time: Some(now),
            };
            if let Err(error) = label.check() {
                return Err(Refusal::Malformed(error.to_string()).into());
            }
            decide(transaction, key, &label, by, now)
        })
    }
}

/// Keeps a decision: as a label, or as a correction of the one that the same person made of it before.
fn decide(
    transaction: &Transaction<'_>,
    key: &str,
    label: &Label,
    by: &str,
    now: i64,
) -> Result<()> {
    let own = format!("decided/{key}/{by}");
    let is_there: bool = transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM labels WHERE key = ?1)",
        [&own],
        |row| row.get(0),
    )?;
    match is_there {
        true => {
            let correction = Correction {
                key: own.clone(),
                answer: label.answer.clone(),
                labeler: label.labeler.clone(),
                time: label.time,
            };
            store::correct(transaction, &correction)?;
        }
        false => {
            store::add(transaction, &own, label)?;
        }
    }
    transaction.execute(
        "INSERT INTO adjudications (key, label, by, time) VALUES (?1, ?2, ?3, ?4)",
        params![key, own, by, now],
    )?;
    Ok(())
}

/// Whether two of them say different things of the responses.
fn differ(said: &[&Judged]) -> bool {
    let mut saying = said.iter().filter(|one| says(&one.answer));
    let Some(first) = saying.next() else {
        return false;
    };
    saying.any(|one| !same(&first.answer, &one.answer, one.about.tolerance))
}

/// What was asked under a key.
fn asked(connection: &Connection, key: &str) -> Result<Comparison> {
    let id: Option<i64> = connection
        .prepare_cached("SELECT comparison FROM asked WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    let id = id.ok_or_else(|| {
        let what = format!("nobody asked `{}`", Line(key));
        unknown(
            what,
            "`attune label pending` and `attune label list` print keys",
        )
    })?;
    store::comparison(connection, id)
}

/// What was decided last of a question.
fn decision(connection: &Connection, key: &str) -> Result<Option<Answer>> {
    let Some(label) = learned::decided(connection, key)? else {
        return Ok(None);
    };
    Ok(store::find_label(connection, &label)?.map(|label| label.answer))
}

fn disagreement(
    key: &str,
    comparison: &Comparison,
    said: &[&Judged],
    adjudicated: Option<Answer>,
) -> Disagreement {
    let text = |passage: &crate::label::Passage| passage.text.clone().unwrap_or_default();
    let opinion = |one: &&Judged| Opinion {
        name: one.person.clone(),
        answer: one.answer.clone(),
        note: one.latest.note.clone(),
    };
    Disagreement {
        key: key.to_owned(),
        query: text(&comparison.query),
        responses: comparison.responses.iter().map(text).collect(),
        said: said.iter().map(opinion).collect(),
        adjudicated,
    }
}

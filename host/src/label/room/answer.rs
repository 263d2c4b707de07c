//! Answers: turned from the person's order into that of the store, kept once however often they are sent, and made
//! labels where a run asked.

use anyhow::{Context, Result};
use rusqlite::{OptionalExtension, Transaction, params};

use super::items::{self, Kind, Row};
use super::judged::Besides;
use super::messages::{Feedback, Given, Taken};
use super::next::answered;
use super::people::{self, Person};
use super::rules::{Hints, Rules};
use super::turned::{inverse, right, turned};
use super::{Refusal, Room, malformed, queue, unknown};
use crate::label::store::{self, Correction};
use crate::label::{Answer, Comparison, Label, Labeler};

/// Characters of a text that comes with an answer, at most.
const TEXT: usize = 10_000;
/// Characters of an answer's own name, at most.
const CLIENT: usize = 64;
/// What to do about an answer to something else.
const RELOAD: &str = "reload the page to see what is asked";

impl Room {
    /// Keeps what a person says. The same answer once more, by its `client`, is the same answer; another one to the
    /// same item stands in its place, and the earlier one stays in the store.
    ///
    /// # Errors
    /// It is no answer to the item, the person has no such item, or the store cannot be written to.
    pub fn answer(&mut self, person: i64, given: &Given, now: i64) -> Result<Taken> {
        check_texts(given)?;
        self.write(|transaction, rules| {
            let person = people::of(transaction, person)?;
            let row = items::named(transaction, person.id, &given.item)?;
            let row = row.ok_or_else(|| unknown("you have no such item", RELOAD))?;
            let comparison = store::comparison(transaction, row.comparison)?;
            let (shown, stored) = read(given, &row, &comparison, rules)?;
            let is_first = match heard(transaction, &person, &row, given, &shown)? {
                Some(is_first) => is_first,
                None => {
                    if row.kind == Kind::Work {
                        let said = (comparison.clone(), stored.clone());
                        keep_label(transaction, &person, &row, said, now)?;
                    }
                    add(transaction, &person, &row, given, (&shown, &stored), now)?
                }
            };
            Ok(Taken {
                kept: true,
                hints: (rules.hints == Hints::After).then(|| items::hints(&row, &comparison)),
                feedback: (is_first && row.kind == Kind::Training)
                    .then(|| feedback(&row, &stored, rules))
                    .flatten(),
                answered: answered(transaction, person.id)?,
            })
        })
    }
}

/// Refuses what is too long to be read by anybody.
fn check_texts(given: &Given) -> Result<()> {
    let client = given.client.chars().count();
    if client == 0 || client > CLIENT {
        let what = format!("`client` has {client} characters, must have 1 to {CLIENT}");
        return Err(malformed(
            what,
            "give each answer a name of its own, such as a UUID",
        ));
    }
    for (name, text) in [
        ("note", &given.note),
        ("reason", &given.reason),
        ("naive", &given.naive),
    ] {
        let length = text.as_ref().map_or(0, |text| text.chars().count());
        if length > TEXT {
            let what = format!("`{name}` has {length} characters, must have at most {TEXT}");
            return Err(malformed(what, "say it in fewer words"));
        }
    }
    if given.confidence.is_some_and(|c| !(0.0..=1.0).contains(&c)) {
        return Err(malformed(
            "`confidence` must be a number from 0 to 1",
            RELOAD,
        ));
    }
    if given.strength.is_some_and(|s| !(1..=3).contains(&s)) {
        return Err(malformed("`strength` must be 1, 2 or 3", RELOAD));
    }
    Ok(())
}

/// The answer by the places on the page and by those of the store.
fn read(
    given: &Given,
    row: &Row,
    comparison: &Comparison,
    rules: &Rules,
) -> Result<(Answer, Answer)> {
    let count = comparison.responses.len();
    let shown = match given.answer.clone() {
        Answer::Ranking(groups) => Answer::ranked(groups, count),
        other => other,
    };
    let label = |answer: &Answer| Label {
        comparison: comparison.clone(),
        answer: answer.clone(),
        labeler: Labeler::Unknown,
        time: None,
    };
    if let Err(error) = label(&shown).check() {
        return Err(Refusal::Malformed(error.to_string()).into());
    }
    check_mode(&shown, rules)?;
    let place = |at: usize| row.places[at];
    Ok((turned(&shown, |at| at), turned(&shown, place)))
}

/// Refuses what was not asked for.
pub(super) fn check_mode(answer: &Answer, rules: &Rules) -> Result<()> {
    let (low, high) = rules.scale;
    match answer {
        Answer::Abstain | Answer::Skip => Ok(()),
        Answer::Rating(value) if !(low..=high).contains(value) => Err(malformed(
            format!("the rating {value} must be from {low} to {high}"),
            "the scale is that of the rules",
        )),
        // Whatever asks for ratings shows one response, of which nothing else can be said.
        Answer::Rating(_) | Answer::Best(_) => Ok(()),
        Answer::Tie(_) if !rules.ties => Err(malformed(
            "a tie is no answer here",
            "choose the better one, or abstain",
        )),
        Answer::Tie(_) => Ok(()),
        Answer::Ranking(groups) if !rules.ties && groups.iter().any(|group| group.len() > 1) => {
            Err(malformed(
                "a tie is no answer here",
                "rank all of them, one after the other",
            ))
        }
        Answer::Ranking(_) => Ok(()),
        Answer::Difference(_) => Err(malformed("a difference is no answer here", RELOAD)),
    }
}

/// Whether this answer was the item's first, where it was kept before.
fn heard(
    transaction: &Transaction<'_>,
    person: &Person,
    row: &Row,
    given: &Given,
    shown: &Answer,
) -> Result<Option<bool>> {
    let found: Option<(i64, String, bool)> = transaction
        .prepare_cached(
            "SELECT item, shown, items.first = judgements.id
             FROM judgements JOIN items ON items.id = item
             WHERE judgements.person = ?1 AND client = ?2",
        )?
        .query_row(params![person.id, given.client], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((item, said, is_first)) = found else {
        return Ok(None);
    };
    if item != row.id || serde_json::from_str::<Answer>(&said)? != *shown {
        let what = "another answer was kept under the same `client`";
        let hint = "give each answer a name of its own, such as a UUID";
        return Err(Refusal::Conflict(format!("{what}\nhint: {hint}")).into());
    }
    Ok(Some(is_first))
}

/// Keeps a judgement; whether it is the item's first.
fn add(
    transaction: &Transaction<'_>,
    person: &Person,
    row: &Row,
    given: &Given,
    (shown, stored): (&Answer, &Answer),
    now: i64,
) -> Result<bool> {
    let besides = Besides::of(given);
    let id: i64 = transaction
        .prepare_cached(
            "INSERT INTO judgements (item, person, client, answer, shown, said, time)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
        )?
        .query_row(
            params![
                row.id,
                person.id,
                given.client,
                serde_json::to_string(stored)?,
                serde_json::to_string(shown)?,
                serde_json::to_string(&besides)?,
                now
            ],
            |row| row.get(0),
        )?;
    let is_first: bool = transaction
        .prepare_cached(
            "UPDATE items SET state = 'answered', first = ifnull(first, ?2) WHERE id = ?1 RETURNING first = ?2",
        )?
        .query_row(params![row.id, id], |row| row.get(0))?;
    Ok(is_first)
}

/// Makes a label of what was said of work: the run's own where nobody has answered it, and one beside it otherwise. What
/// is a label already is corrected.
fn keep_label(
    transaction: &Transaction<'_>,
    person: &Person,
    row: &Row,
    (comparison, answer): (Comparison, Answer),
    now: i64,
) -> Result<()> {
    let labeler = Labeler::Person(person.name.clone());
    if let Some(key) = &row.label {
        let correction = Correction {
            key: key.clone(),
            answer,
            labeler,
            time: Some(now),
        };
        store::correct(transaction, &correction)?;
        return Ok(());
    }
    let is_first = !queue::is_answered(transaction, &row.key)? && !person.excluded;
    let key = match is_first {
        true => row.key.clone(),
        false => beside(&row.key, &person.name),
    };
    let label = Label {
        comparison,
        answer,
        labeler,
        time: Some(now),
    };
    store::add(transaction, &key, &label)
        .with_context(|| format!("what `{}` said cannot be kept", person.name))?;
    if !person.excluded {
        queue::count(transaction, &row.key)?;
    }
    transaction
        .prepare_cached("UPDATE items SET label = ?2 WHERE id = ?1")?
        .execute(params![row.id, key])?;
    Ok(())
}

/// The key of what one more person said of the question under `key`.
fn beside(key: &str, name: &str) -> String {
    format!("more/{key}/{name}")
}

/// What is right, by the places on the page.
fn feedback(row: &Row, stored: &Answer, rules: &Rules) -> Option<Feedback> {
    let gold = row.gold.as_ref()?;
    let inverse = inverse(&row.places);
    Some(Feedback {
        right: right(gold, stored, row.places.len(), rules.tolerance()),
        answer: turned(gold, |place| inverse[place]),
        why: row.why.clone(),
    })
}

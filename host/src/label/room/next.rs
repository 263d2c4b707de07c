//! What a person does next, and going back over what the person did.

use anyhow::Result;
use rusqlite::{Connection, Transaction, params};

use super::items::{self, Kind, New, Row};
use super::messages::{Item, Next, Progress};
use super::people::{self, Person};
use super::rules::Rules;
use super::{Room, checks, hinted, queue};

impl Room {
    /// What there is for a person to do. What the person has not answered comes back, after a reload as in a second
    /// window, as long as nobody else has done it.
    ///
    /// # Errors
    /// There is no such person, or the store cannot be written to.
    pub fn next(&mut self, person: i64, now: i64) -> Result<Next> {
        let known = self.known;
        let (next, known) = self.write(|transaction, rules| {
            let person = people::of(transaction, person)?;
            let known = queue::take_up(transaction, rules, known)?;
            if person.excluded {
                return Ok((Next::Excluded, known));
            }
            let row = match open(transaction, rules, &person, now)? {
                Some(row) => Some(row),
                None => new(transaction, rules, &person, now)?,
            };
            let progress = progress(transaction, rules, person.id, now)?;
            let next = match row {
                Some(row) => {
                    let item = items::show(transaction, &row, rules)?;
                    Next::Item(Box::new(item), progress)
                }
                None => Next::Wait(progress),
            };
            Ok((next, known))
        })?;
        self.known = known;
        Ok(next)
    }

    /// What the person answered so many answers ago, 1 for the last, with the answer. Answering again moves nothing.
    ///
    /// # Errors
    /// There is no such person, or the store cannot be read.
    pub fn back(&mut self, person: i64, steps: u32, _now: i64) -> Result<Option<Item>> {
        self.refuse_excluded(person)?;
        let rules = &self.rules;
        self.look(|connection| {
            let row = items::answered(connection, person, steps)?;
            row.map(|row| items::show(connection, &row, rules))
                .transpose()
        })
    }

    /// Keeps an item for a person who is still at it. False when it is no more the person's to answer first.
    ///
    /// # Errors
    /// The store cannot be written to.
    pub fn keep(&mut self, person: i64, item: &str, now: i64) -> Result<bool> {
        self.write(|transaction, rules| {
            let Some(row) = items::named(transaction, person, item)? else {
                return Ok(false);
            };
            if row.state != "open" {
                return Ok(false);
            }
            renew(transaction, rules, &row, person, now)
        })
    }

    /// Refuses to show anything to whoever is excluded.
    fn refuse_excluded(&self, person: i64) -> Result<()> {
        let person = self.look(|connection| people::of(connection, person))?;
        match person.excluded {
            true => Err(super::unknown(
                "there is nothing to go back to",
                "ask whoever invited you",
            )),
            false => Ok(()),
        }
    }
}

/// Until when an item is kept that is shown now.
fn lease(rules: &Rules, now: i64) -> i64 {
    now.saturating_add((rules.lease_seconds as i64).saturating_mul(1000))
}

/// What the person has before the eyes, kept for longer; dropped where others have done it meanwhile.
fn open(
    transaction: &Transaction<'_>,
    rules: &Rules,
    person: &Person,
    now: i64,
) -> Result<Option<Row>> {
    let Some(row) = items::open(transaction, person.id)? else {
        return Ok(None);
    };
    Ok(renew(transaction, rules, &row, person.id, now)?.then_some(row))
}

/// Keeps an item for longer; drops it where it is no more the person's.
fn renew(
    transaction: &Transaction<'_>,
    rules: &Rules,
    row: &Row,
    person: i64,
    now: i64,
) -> Result<bool> {
    let is_work = row.kind == Kind::Work;
    if is_work && queue::is_unheard(transaction, &row.key)? {
        queue::count(transaction, &row.key)?;
    }
    let is_done = is_work && !queue::is_free(transaction, &row.key, person, now)?;
    let (state, until) = match is_done {
        true => ("dropped", row.lease),
        false => ("open", lease(rules, now)),
    };
    transaction
        .prepare_cached("UPDATE items SET state = ?2, lease = ?3 WHERE id = ?1")?
        .execute(params![row.id, state, until])?;
    Ok(!is_done)
}

/// Another item: of training, a check, or work. Without work nobody is checked.
fn new(
    transaction: &Transaction<'_>,
    rules: &Rules,
    person: &Person,
    now: i64,
) -> Result<Option<Row>> {
    let counts = checks::Counts::of(transaction, person.id)?;
    let made = match checks::training(transaction, rules, person.id)? {
        Some(training) => training,
        None => {
            let Some(question) = queue::first(transaction, person.id, now)? else {
                return Ok(None);
            };
            match checks::check(transaction, rules, person, &counts)? {
                Some(check) => check,
                None => New {
                    kind: Kind::Work,
                    hints: hinted::of(transaction, &question.key)?.hints,
                    key: question.key,
                    comparison: question.comparison,
                    gold: None,
                    why: String::new(),
                },
            }
        }
    };
    items::make(transaction, rules, person, &made, lease(rules, now)).map(Some)
}

fn progress(connection: &Connection, rules: &Rules, person: i64, now: i64) -> Result<Progress> {
    let answered = answered(connection, person)?;
    Ok(Progress {
        answered,
        waiting: queue::waiting(connection, person, now)?,
        training_left: checks::untrained(connection, rules, person)?.len() as u64,
        can_undo: answered > 0,
    })
}

/// Items that the person has answered.
pub(super) fn answered(connection: &Connection, person: i64) -> Result<u64> {
    let count = "SELECT count(*) FROM items WHERE person = ?1 AND first IS NOT NULL";
    let count: u32 = connection
        .prepare_cached(count)?
        .query_row([person], |row| row.get(0))?;
    Ok(count.into())
}

//! Which of the questions of runs want somebody: in the order in which they were asked those that nobody has answered,
//! and then those that several people judge, the ones that models disagree on first.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::rules::Rules;
use crate::digest;

/// As many comparisons are counted at most.
const COUNTED: i64 = 1000;

/// A question that somebody is to judge.
pub(super) struct Question {
    pub(super) key: String,
    pub(super) comparison: i64,
}

/// Takes up what was asked since, and brings what was taken up before in line with the rules where they may be others.
/// Returns the last question that was asked.
pub(super) fn take_up(
    transaction: &Transaction<'_>,
    rules: &Rules,
    known: Option<i64>,
) -> Result<Option<i64>> {
    let last = "SELECT ifnull(max(rowid), 0) FROM asked";
    let last: i64 = transaction
        .prepare_cached(last)?
        .query_row([], |row| row.get(0))?;
    if known == Some(last) {
        return Ok(known);
    }
    if known.is_none() {
        let sql = format!(
            "SELECT queue.key, queue.needed, {SHAPE} FROM queue JOIN comparisons AS c ON c.id = queue.comparison"
        );
        for (key, before, shape) in shapes(transaction, &sql)? {
            let needed = needed(rules, &key, shape);
            if needed != before {
                let update = "UPDATE queue SET needed = ?2 WHERE key = ?1";
                transaction
                    .prepare_cached(update)?
                    .execute(params![key, needed])?;
            }
        }
    }
    let sql = format!(
        "SELECT asked.key, asked.comparison, {SHAPE} FROM asked JOIN comparisons AS c ON c.id = asked.comparison
         WHERE NOT EXISTS (SELECT 1 FROM queue WHERE queue.key = asked.key) ORDER BY asked.rowid"
    );
    for (key, comparison, shape) in shapes(transaction, &sql)? {
        let needed = needed(rules, &key, shape);
        transaction
            .prepare_cached(
                "INSERT INTO queue (key, comparison, needed, given, doubt)
                 VALUES (?1, ?2, ?3, 0, (SELECT doubt FROM hints WHERE hints.key = ?1))",
            )?
            .execute(params![key, comparison, needed])?;
    }
    Ok(Some(last))
}

/// Responses of a comparison, and whether all of it has text.
const SHAPE: &str = "(SELECT count(*) FROM responses WHERE responses.comparison = c.id),
     c.query_text IS NOT NULL AND NOT EXISTS (SELECT 1 FROM responses WHERE responses.comparison = c.id AND text IS NULL)";

type Shape = (u32, bool);

fn shapes(connection: &Connection, sql: &str) -> Result<Vec<(String, i64, Shape)>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, (row.get(2)?, row.get(3)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many people judge what is asked under `key`.
fn needed(rules: &Rules, key: &str, (responses, has_text): Shape) -> i64 {
    if !has_text || !rules.takes(responses as usize) {
        return 0;
    }
    match share(key) < rules.overlap {
        true => rules.people_per_comparison.max(1) as i64,
        false => 1,
    }
}

/// A number from 0 to 1 that follows from a key.
fn share(key: &str) -> f64 {
    let digest = digest::of_parts(&[b"overlap", key.as_bytes()]);
    let number = u64::from_str_radix(&digest[..13], 16).unwrap_or(0);
    number as f64 / (1u64 << 52) as f64
}

/// What the person may judge: nobody else has it, and the person has not answered it.
const FREE: &str = "
    given < needed
    AND NOT EXISTS (SELECT 1 FROM items WHERE items.key = queue.key AND kind = 'work' AND state = 'open'
                    AND person != ?1 AND lease > ?2)
    AND NOT EXISTS (SELECT 1 FROM items WHERE person = ?1 AND kind = 'work' AND items.key = queue.key
                    AND first IS NOT NULL)";

/// The question that the person is to judge next.
pub(super) fn first(
    transaction: &Transaction<'_>,
    person: i64,
    now: i64,
) -> Result<Option<Question>> {
    let unanswered = format!("given = 0 AND {FREE} ORDER BY id LIMIT 1");
    while let Some(question) = pick(transaction, &unanswered, person, now)? {
        if !is_unheard(transaction, &question.key)? {
            return Ok(Some(question));
        }
        count(transaction, &question.key)?;
    }
    let others = format!("given > 0 AND {FREE} ORDER BY ifnull(doubt, -1e308) DESC, id LIMIT 1");
    pick(transaction, &others, person, now)
}

fn pick(connection: &Connection, which: &str, person: i64, now: i64) -> Result<Option<Question>> {
    let sql = format!("SELECT key, comparison FROM queue WHERE {which}");
    let mut statement = connection.prepare_cached(&sql)?;
    let question = statement.query_row([person, now], |row| {
        Ok(Question {
            key: row.get(0)?,
            comparison: row.get(1)?,
        })
    });
    Ok(question.optional()?)
}

/// Whether the person may still have what was kept for the person before.
pub(super) fn is_free(
    transaction: &Transaction<'_>,
    key: &str,
    person: i64,
    now: i64,
) -> Result<bool> {
    let which = format!("{FREE} AND queue.key = ?3");
    let sql = format!("SELECT EXISTS (SELECT 1 FROM queue WHERE {which})");
    let mut statement = transaction.prepare_cached(&sql)?;
    let free: bool = statement.query_row(params![person, now, key], |row| row.get(0))?;
    Ok(free)
}

/// How many comparisons want the person.
pub(super) fn waiting(connection: &Connection, person: i64, now: i64) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM queue WHERE {FREE} LIMIT {COUNTED})");
    let mut statement = connection.prepare_cached(&sql)?;
    let count: u32 = statement.query_row([person, now], |row| row.get(0))?;
    Ok(count.into())
}

/// Whether there is a label under the key.
pub(super) fn is_answered(connection: &Connection, key: &str) -> Result<bool> {
    let mut find =
        connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM labels WHERE key = ?1)")?;
    Ok(find.query_row([key], |row| row.get(0))?)
}

/// Whether somebody has answered it who was not here, which the queue has not heard of.
pub(super) fn is_unheard(connection: &Connection, key: &str) -> Result<bool> {
    let mut find = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM queue WHERE key = ?1 AND given = 0)")?;
    let is_open: bool = find.query_row([key], |row| row.get(0))?;
    Ok(is_open && is_answered(connection, key)?)
}

/// Notes that one more has judged what is asked under the key.
pub(super) fn count(transaction: &Transaction<'_>, key: &str) -> Result<()> {
    let update = "UPDATE queue SET given = given + 1 WHERE key = ?1";
    transaction.prepare_cached(update)?.execute([key])?;
    Ok(())
}

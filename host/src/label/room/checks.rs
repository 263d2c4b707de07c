//! Items by which people are measured: gold, what they judged before, and calls for attention. When one is due follows
//! from the person and a number, spread at random over every so many items, so that nobody can count them off.

use std::collections::BTreeSet;

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::hinted::{self, gold_key};
use super::items::{Kind, New};
use super::messages::Hint;
use super::people::Person;
use super::rules::{Gold, Rules};
use crate::digest;
use crate::label::store::{self, add_comparison};
use crate::label::{Answer, Comparison, Passage};

/// What was judged before comes back after so many items.
const GAP: u64 = 5;

/// Which of `every` items is a check, in block `block` of so many.
fn place(person: &Person, kind: Kind, every: u64, block: u64) -> u64 {
    drawn(&[&person.name, kind.name()], block) % every
}

/// A number that follows from words and a number.
fn drawn(words: &[&str], number: u64) -> u64 {
    let number = number.to_le_bytes();
    let parts = words.iter().flat_map(|word| [word.as_bytes(), &[0][..]]);
    let digest = digest::of_parts(&parts.chain([&number[..]]).collect::<Vec<_>>());
    u64::from_str_radix(&digest[..15], 16).unwrap_or(0)
}

/// How many checks of a kind stand among the first `number + 1` items.
fn due(person: &Person, kind: Kind, every: u64, number: u64) -> u64 {
    if every == 0 {
        return 0;
    }
    let (block, within) = (number / every, number % every);
    block + u64::from(place(person, kind, every, block) <= within)
}

/// Items of the person of each kind.
pub(super) struct Counts {
    all: Vec<(Kind, u64)>,
}

impl Counts {
    pub(super) fn of(connection: &Connection, person: i64) -> Result<Counts> {
        let mut statement = connection
            .prepare_cached("SELECT kind, count(*) FROM items WHERE person = ?1 GROUP BY kind")?;
        let rows: Vec<(String, u32)> = statement
            .query_map([person], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let all = rows
            .into_iter()
            .map(|(name, count)| Ok((Kind::of(&name)?, u64::from(count))));
        Ok(Counts {
            all: all.collect::<Result<_>>()?,
        })
    }

    pub(super) fn get(&self, kind: Kind) -> u64 {
        let found = self.all.iter().find(|(of, _)| *of == kind);
        found.map_or(0, |(_, count)| *count)
    }

    /// Items after training.
    fn after_training(&self) -> u64 {
        let later = self.all.iter().filter(|(of, _)| *of != Kind::Training);
        later.map(|(_, count)| count).sum()
    }
}

/// The gold of training that the person has not answered yet, in its order.
pub(super) fn untrained<'a>(
    connection: &Connection,
    rules: &'a Rules,
    person: i64,
) -> Result<Vec<&'a Gold>> {
    let done = used(connection, person, Kind::Training)?;
    let left = rules.training().iter();
    Ok(left
        .filter(|gold| !done.contains(&key_of(gold, 0)))
        .collect())
}

/// The gold of training that comes next, if some is left.
pub(super) fn training(
    transaction: &Transaction<'_>,
    rules: &Rules,
    person: i64,
) -> Result<Option<New>> {
    let left = untrained(transaction, rules, person)?;
    let next = left.first();
    next.map(|gold| of_gold(transaction, gold, Kind::Training, 0))
        .transpose()
}

/// The keys of items of a kind that the person has answered.
fn used(connection: &Connection, person: i64, kind: Kind) -> Result<BTreeSet<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM items WHERE person = ?1 AND kind = ?2 AND first IS NOT NULL",
    )?;
    let keys = statement.query_map(params![person, kind.name()], |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// The check that is due, where there is something to make it of.
pub(super) fn check(
    transaction: &Transaction<'_>,
    rules: &Rules,
    person: &Person,
    counts: &Counts,
) -> Result<Option<New>> {
    let number = counts.after_training();
    for (kind, every) in [
        (Kind::Gold, rules.gold_every),
        (Kind::Attention, rules.attention_every),
        (Kind::Repeat, rules.repeat_every),
    ] {
        if counts.get(kind) >= due(person, kind, every, number) {
            continue;
        }
        let made = match kind {
            Kind::Gold => silent(transaction, rules, person)?,
            Kind::Attention => attention(transaction, rules, person, counts.get(kind))?,
            _ => repeat(transaction, person)?,
        };
        if made.is_some() {
            return Ok(made);
        }
    }
    Ok(None)
}

/// Gold that the person has seen least often, in an order of the person's own.
fn silent(transaction: &Transaction<'_>, rules: &Rules, person: &Person) -> Result<Option<New>> {
    let mut gold: Vec<&Gold> = rules.silent().iter().collect();
    if gold.is_empty() {
        return Ok(None);
    }
    gold.sort_by_cached_key(|gold| drawn(&[&person.name, &gold_key(&gold.comparison)], 0));
    let used = used(transaction, person.id, Kind::Gold)?;
    for round in 0.. {
        let is_new = |gold: &&&Gold| !used.contains(&key_of(gold, round));
        if let Some(gold) = gold.iter().find(is_new) {
            return of_gold(transaction, gold, Kind::Gold, round).map(Some);
        }
    }
    Ok(None)
}

fn key_of(gold: &Gold, round: u64) -> String {
    format!("{}/{round}", gold_key(&gold.comparison))
}

fn of_gold(transaction: &Transaction<'_>, gold: &Gold, kind: Kind, round: u64) -> Result<New> {
    Ok(New {
        kind,
        key: key_of(gold, round),
        comparison: add_comparison(transaction, &gold.comparison)?,
        gold: Some(gold.answer.clone()),
        why: gold.why.clone(),
        hints: hinted::of(transaction, &gold_key(&gold.comparison))?.hints,
    })
}

/// Work that the person has judged a while ago, and once.
fn repeat(transaction: &Transaction<'_>, person: &Person) -> Result<Option<New>> {
    let found: Option<(String, i64)> = transaction
        .prepare_cached(
            "SELECT key, comparison FROM items AS mine
             WHERE person = ?1 AND kind = 'work' AND state = 'answered'
             AND number + ?2 <= (SELECT count(*) FROM items WHERE person = ?1)
             AND NOT EXISTS (SELECT 1 FROM items WHERE person = ?1 AND kind = 'repeat' AND key = mine.key)
             AND (SELECT answer FROM judgements WHERE item = mine.id ORDER BY id DESC LIMIT 1)
                 NOT IN ('\"abstain\"', '\"skip\"')
             ORDER BY number LIMIT 1",
        )?
        .query_row(params![person.id, GAP as i64], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((key, comparison)) = found else {
        return Ok(None);
    };
    Ok(Some(New {
        kind: Kind::Repeat,
        hints: hinted::of(transaction, &key)?.hints,
        key,
        comparison,
        gold: None,
        why: String::new(),
    }))
}

/// Work that the person has judged before the last, with one response that asks to be chosen.
fn attention(
    transaction: &Transaction<'_>,
    rules: &Rules,
    person: &Person,
    number: u64,
) -> Result<Option<New>> {
    let found: Option<(String, i64)> = transaction
        .prepare_cached(
            "SELECT key, comparison FROM items WHERE person = ?1 AND kind = 'work' AND state = 'answered'
             ORDER BY number DESC LIMIT 1 OFFSET 1",
        )?
        .query_row([person.id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((key, comparison)) = found else {
        return Ok(None);
    };
    let Comparison {
        query, responses, ..
    } = store::comparison(transaction, comparison)?;
    if responses.len() < 2 {
        return Ok(None);
    }
    let wanted = drawn(&[&person.name, "attention place"], number) as usize % responses.len();
    let text = |passage: Passage| Passage::of_text(passage.text.unwrap_or_default());
    let mut responses: Vec<Passage> = responses.into_iter().map(text).collect();
    responses[wanted] = Passage::of_text(rules.attention_text.clone());
    let changed = Comparison {
        query: text(query),
        responses,
        source: None,
    };
    let mut hints: Vec<Hint> = hinted::of(transaction, &key)?.hints;
    hints.retain(|hint| hint.response != wanted);
    Ok(Some(New {
        kind: Kind::Attention,
        key: format!("attention/{number}"),
        comparison: add_comparison(transaction, &changed)?,
        gold: Some(Answer::Best(wanted)),
        why: String::new(),
        hints,
    }))
}

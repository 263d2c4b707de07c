//! What is shown to whom: an item is one comparison for one person, in an order of responses of its own, which is kept.

use anyhow::Result;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::messages::{Hint, Item};
use super::people::Person;
use super::rules::{Hints, Rules};
use super::turned::inverse;
use crate::digest;
use crate::label::store;
use crate::label::{Answer, Comparison};

/// Why an item is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A run asks.
    Work,
    /// To teach: gold, with feedback.
    Training,
    /// To measure: gold, without a word.
    Gold,
    /// To measure: what the same person judged before.
    Repeat,
    /// To measure: a response that says that it is to be chosen.
    Attention,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Work => "work",
            Kind::Training => "training",
            Kind::Gold => "gold",
            Kind::Repeat => "repeat",
            Kind::Attention => "attention",
        }
    }

    pub(super) fn of(name: &str) -> Result<Kind> {
        let all = [
            Kind::Work,
            Kind::Training,
            Kind::Gold,
            Kind::Repeat,
            Kind::Attention,
        ];
        let found = all.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| anyhow::anyhow!("an item is of no kind that this program knows"))
    }
}

/// An item that is to be made.
pub(super) struct New {
    pub(super) kind: Kind,
    /// Tells it from others of the kind; of work and repeats, what the run asks it under.
    pub(super) key: String,
    /// Its row in the store.
    pub(super) comparison: i64,
    /// What is right, where that is known.
    pub(super) gold: Option<Answer>,
    pub(super) why: String,
    /// By places of the store and bytes.
    pub(super) hints: Vec<Hint>,
}

/// What measures need of a comparison, so that they need not read it again. Places are those of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct About {
    /// Who answers in fewer milliseconds has not read the query and all responses.
    pub(super) least_ms: u64,
    /// How far two ratings are apart at most that say the same.
    pub(super) tolerance: f64,
    /// The response that is longer than all others.
    pub(super) longest: Option<usize>,
    /// For each place, the first that has the same text.
    pub(super) same: Vec<usize>,
}

impl About {
    fn of(comparison: &Comparison, rules: &Rules) -> About {
        let texts: Vec<&str> = comparison
            .passages()
            .map(|passage| passage.text.as_deref().unwrap_or_default())
            .collect();
        let lengths: Vec<u64> = texts.iter().map(|t| t.chars().count() as u64).collect();
        let (responses, own) = (&texts[1..], &lengths[1..]);
        let most = own.iter().max();
        let mut longest = (0..own.len()).filter(|place| Some(&own[*place]) == most);
        let longest = longest.next().filter(|_| longest.next().is_none());
        let first = |text: &&str| responses.iter().position(|other| other == text);
        let characters: u64 = lengths.iter().sum();
        let least = match rules.characters_per_second > 0.0 {
            true => characters as f64 * 1000.0 / rules.characters_per_second,
            false => 0.0,
        };
        About {
            least_ms: least as u64,
            tolerance: rules.tolerance(),
            longest: longest.filter(|_| own.len() > 1),
            same: responses.iter().filter_map(first).collect(),
        }
    }
}

/// An item as the store has it.
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) key: String,
    pub(super) comparison: i64,
    pub(super) number: u64,
    /// For each place on the page, that in the store.
    pub(super) places: Vec<usize>,
    pub(super) gold: Option<Answer>,
    pub(super) why: String,
    pub(super) hints: Vec<Hint>,
    /// `open`, `answered`, or `dropped` where somebody else has answered it.
    pub(super) state: String,
    /// Until when it is kept for the person.
    pub(super) lease: i64,
    /// The key of the label that it became.
    pub(super) label: Option<String>,
}

const ITEM: &str =
    "SELECT id, name, kind, key, comparison, number, places, gold, why, hints, state, lease, label
                    FROM items";

fn row(row: &rusqlite::Row<'_>) -> Result<Row> {
    let [kind, places, hints]: [String; 3] = [row.get(2)?, row.get(6)?, row.get(9)?];
    let gold: Option<String> = row.get(7)?;
    Ok(Row {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: Kind::of(&kind)?,
        key: row.get(3)?,
        comparison: row.get(4)?,
        number: row.get::<_, u32>(5)?.into(),
        places: serde_json::from_str(&places)?,
        gold: gold.map(|gold| serde_json::from_str(&gold)).transpose()?,
        why: row.get(8)?,
        hints: serde_json::from_str(&hints)?,
        state: row.get(10)?,
        lease: row.get(11)?,
        label: row.get(12)?,
    })
}

fn find(
    connection: &Connection,
    which: &str,
    values: impl rusqlite::Params,
) -> Result<Option<Row>> {
    let mut statement = connection.prepare_cached(&format!("{ITEM} {which}"))?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(row).transpose()
}

/// The person's item of this name.
pub(super) fn named(connection: &Connection, person: i64, name: &str) -> Result<Option<Row>> {
    find(
        connection,
        "WHERE name = ?2 AND person = ?1",
        params![person, name],
    )
}

/// What the person has not answered yet.
pub(super) fn open(connection: &Connection, person: i64) -> Result<Option<Row>> {
    let which = "WHERE person = ?1 AND state = 'open' ORDER BY id LIMIT 1";
    find(connection, which, [person])
}

/// The item that the person answered so many items ago, by their first answers; 1 for the last.
pub(super) fn answered(connection: &Connection, person: i64, ago: u32) -> Result<Option<Row>> {
    let which = "WHERE person = ?1 AND first IS NOT NULL ORDER BY first DESC LIMIT 1 OFFSET ?2";
    let passed = ago.saturating_sub(1);
    find(connection, which, params![person, passed])
}

/// Makes an item, or takes it up again where the person had it before.
pub(super) fn make(
    transaction: &Transaction<'_>,
    rules: &Rules,
    person: &Person,
    new: &New,
    lease: i64,
) -> Result<Row> {
    let comparison = store::comparison(transaction, new.comparison)?;
    let parts = [person.name.as_str(), new.kind.name(), new.key.as_str()].map(str::as_bytes);
    let places = drawn(&parts, comparison.responses.len());
    let person_id = person.id.to_le_bytes();
    // An answer to the same question of another store is no answer to this one.
    let room = super::identity(transaction)?;
    let digest = digest::of_parts(&[
        b"item",
        room.as_bytes(),
        &person_id,
        parts[1],
        b"/",
        parts[2],
    ]);
    let name = &digest[..24];
    let gold = new.gold.as_ref().map(serde_json::to_string).transpose()?;
    transaction
        .prepare_cached(
            "INSERT INTO items (name, person, kind, key, comparison, number, places, gold, why, hints, about, state,
                                lease)
             VALUES (?1, ?2, ?3, ?4, ?5, 1 + (SELECT count(*) FROM items WHERE person = ?2), ?6, ?7, ?8, ?9, ?10,
                     'open', ?11)
             ON CONFLICT (person, kind, key) DO UPDATE SET state = 'open', lease = excluded.lease",
        )?
        .execute(params![
            name,
            person.id,
            new.kind.name(),
            new.key,
            new.comparison,
            serde_json::to_string(&places)?,
            gold,
            new.why,
            serde_json::to_string(&new.hints)?,
            serde_json::to_string(&About::of(&comparison, rules))?,
            lease
        ])?;
    let which = "WHERE person = ?1 AND kind = ?2 AND key = ?3";
    let made = find(
        transaction,
        which,
        params![person.id, new.kind.name(), new.key],
    )?;
    made.ok_or_else(|| anyhow::anyhow!("an item that was just made is not there"))
}

/// The order of so many responses, which follows from who is shown what.
fn drawn(parts: &[&[u8]], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by_cached_key(|place| {
        let place = (*place as u64).to_le_bytes();
        let separated = parts.iter().flat_map(|part| [*part, &[0][..]]);
        digest::of_parts(&separated.chain([&place[..]]).collect::<Vec<_>>())
    });
    places
}

/// The item as the person sees it.
pub(super) fn show(connection: &Connection, row: &Row, rules: &Rules) -> Result<Item> {
    let comparison = store::comparison(connection, row.comparison)?;
    let text = |place: &usize| {
        comparison.responses[*place]
            .text
            .clone()
            .unwrap_or_default()
    };
    let before = rules.hints == Hints::Before;
    Ok(Item {
        id: row.name.clone(),
        query: comparison.query.text.clone().unwrap_or_default(),
        responses: row.places.iter().map(text).collect(),
        mode: rules.mode,
        hints: before.then(|| hints(row, &comparison)),
        earlier: latest(connection, row.id)?,
        number: row.number,
        training: row.kind == Kind::Training,
    })
}

/// Hints by the places on the page, in characters.
pub(super) fn hints(row: &Row, comparison: &Comparison) -> Vec<Hint> {
    let inverse = inverse(&row.places);
    let shown = |hint: &Hint| {
        let text = comparison.responses.get(hint.response)?.text.as_deref()?;
        let characters = |end: usize| Some(text.get(..end)?.chars().count());
        Some(Hint {
            response: *inverse.get(hint.response)?,
            start: characters(hint.start)?,
            end: characters(hint.end)?,
            note: hint.note.clone(),
        })
    };
    let mut all: Vec<Hint> = row.hints.iter().filter_map(shown).collect();
    all.sort_by_key(|hint| (hint.response, hint.start, hint.end));
    all
}

/// What was said last of an item, as it was shown.
fn latest(connection: &Connection, item: i64) -> Result<Option<Answer>> {
    let shown: Option<String> = connection
        .prepare_cached("SELECT shown FROM judgements WHERE item = ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([item], |row| row.get(0))
        .optional()?;
    Ok(shown
        .map(|shown| serde_json::from_str(&shown))
        .transpose()?)
}

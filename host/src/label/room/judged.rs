//! Everything that people said, with what is known of how they said it.

use anyhow::Result;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::Room;
use super::items::About;
use super::messages::Given;
use crate::label::Answer;

pub use super::items::Kind;

/// What comes with an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Besides {
    /// Milliseconds from when the item was shown to the answer.
    pub shown_ms: u64,
    /// How often the choice was changed before it was sent.
    pub changes: u64,
    /// How sure the person is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// How much better the best is, from 1 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<u8>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why the person would not judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the query says, in the person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub naive: Option<String>,
    /// Whether hints were seen before the answer.
    pub hints_shown: bool,
}

impl Besides {
    pub(super) fn of(given: &Given) -> Besides {
        // What was left empty was not said.
        let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        Besides {
            shown_ms: given.shown_ms,
            changes: given.changes,
            confidence: given.confidence,
            strength: given.strength,
            note: said(&given.note),
            reason: said(&given.reason),
            naive: said(&given.naive),
            hints_shown: given.hints_shown,
        }
    }
}

/// One person's word on one item, as it stands now. Earlier answers of the same person to the same item are counted
/// in `answers`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// Who.
    pub person: String,
    /// Why it was shown.
    pub kind: Kind,
    /// What a run asked it under; of other kinds, a name.
    pub key: String,
    /// Which of the person's items it is, from 1.
    pub number: u64,
    /// For each place on the page, that in the store.
    pub places: Vec<usize>,
    /// By the places of the store.
    pub answer: Answer,
    /// By the places on the page.
    pub shown: Answer,
    /// What is right, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gold: Option<Answer>,
    /// How often it was answered.
    pub answers: u64,
    /// What came with the latest answer.
    pub latest: Besides,
    /// What came with the first answer, when the item was new to the person.
    pub first: Besides,
    /// When it was first answered.
    pub time: i64,
    #[serde(skip)]
    pub(super) person_id: i64,
    #[serde(skip)]
    pub(super) about: About,
    /// Whether the first answer was to pass on.
    #[serde(skip)]
    pub(super) first_skips: bool,
}

impl Room {
    /// What everybody said of every item, in the order of the first answers.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn judgements(&self) -> Result<Vec<Judged>> {
        self.look(all)
    }
}

/// The same.
pub(super) fn all(connection: &Connection) -> Result<Vec<Judged>> {
    let mut statement = connection.prepare_cached(
        "SELECT people.name, items.kind, items.key, items.number, items.places, latest.answer, latest.shown,
                items.gold, (SELECT count(*) FROM judgements WHERE item = items.id), latest.said, begun.said,
                begun.time, people.id, items.about, begun.answer
         FROM items JOIN people ON people.id = items.person
         JOIN judgements AS begun ON begun.id = items.first
         JOIN judgements AS latest ON latest.id = (SELECT max(id) FROM judgements WHERE item = items.id)
         ORDER BY items.first",
    )?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(judged(row)?);
    }
    Ok(all)
}

fn judged(row: &rusqlite::Row<'_>) -> Result<Judged> {
    let text = |at: usize| row.get::<_, String>(at);
    let gold: Option<String> = row.get(7)?;
    Ok(Judged {
        person: row.get(0)?,
        kind: Kind::of(&text(1)?)?,
        key: row.get(2)?,
        number: row.get::<_, u32>(3)?.into(),
        places: serde_json::from_str(&text(4)?)?,
        answer: serde_json::from_str(&text(5)?)?,
        shown: serde_json::from_str(&text(6)?)?,
        gold: gold.map(|gold| serde_json::from_str(&gold)).transpose()?,
        answers: row.get::<_, u32>(8)?.into(),
        latest: serde_json::from_str(&text(9)?)?,
        first: serde_json::from_str(&text(10)?)?,
        time: row.get(11)?,
        person_id: row.get(12)?,
        about: serde_json::from_str(&text(13)?)?,
        first_skips: serde_json::from_str::<Answer>(&text(14)?)? == Answer::Skip,
    })
}

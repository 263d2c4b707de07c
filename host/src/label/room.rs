//! The room in which people judge what runs ask: who they are, what each is shown, in which order, and what they
//! answer. What is kept is on the disk before it is acknowledged. Knows no clock, no network and no config: the time
//! and the rules come from whoever opens it.

use std::path::Path;

use anyhow::{Context, Error, Result};
use rusqlite::Transaction;

use super::store::Store;
use crate::terminal::Line;

mod answer;
mod checks;
mod disagreements;
mod excluded;
mod gold;
mod hinted;
mod items;
mod judged;
mod learned;
mod messages;
mod next;
mod people;
mod quality;
mod queue;
mod rules;
mod turned;

pub use disagreements::{Disagreement, Opinion};
pub use gold::read as read_gold;
pub use hinted::{Beside, gold_key, keep as keep_hints};
pub use judged::{Besides, Judged, Kind};
pub use learned::{Choice, choice, chosen};
pub use messages::{Feedback, Given, Hint, Item, Next, Progress, Taken};
pub(crate) use people::{HOST, token};
pub use people::{Person, Role};
pub use quality::{Agreeing, OfPerson, Quality, Right, Same, Share};
pub use rules::{Gold, Hints, Mode, Rules};

/// What a person or a page asks that cannot be; whoever asks can do otherwise. All else that goes wrong is no fault
/// of theirs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such item, person or comparison.
    #[error("{0}")]
    Unknown(String),
    /// It does not fit what was asked.
    #[error("{0}")]
    Malformed(String),
    /// Something else was said under the same name before.
    #[error("{0}")]
    Conflict(String),
}

/// Refuses what is not there.
fn unknown(what: impl std::fmt::Display, hint: &str) -> Error {
    Refusal::Unknown(format!("{what}\nhint: {hint}")).into()
}

/// Refuses what does not fit.
fn malformed(what: impl std::fmt::Display, hint: &str) -> Error {
    Refusal::Malformed(format!("{what}\nhint: {hint}")).into()
}

/// As many statements are kept ready: more than there are.
const STATEMENTS: usize = 128;

/// A store with the rules by which people judge what is asked in it.
#[derive(Debug)]
pub struct Room {
    store: Store,
    rules: Rules,
    /// The last question that stands in the queue; none before the queue was brought in line with the rules.
    known: Option<i64>,
}

impl Room {
    /// The room of the store at `path`, which is made when it is not there.
    ///
    /// # Errors
    /// It is no store, or may not be written to.
    pub fn open(path: &Path, rules: Rules) -> Result<Room> {
        let store = Store::create(path)?;
        store
            .connection()
            .set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Room {
            store,
            rules,
            known: None,
        })
    }

    /// The room of the store at `path`, to look at: nothing of it is changed.
    ///
    /// # Errors
    /// There is no store, or it cannot be read.
    pub fn read(path: &Path, rules: Rules) -> Result<Room> {
        Ok(Room {
            store: Store::read(path)?,
            rules,
            known: None,
        })
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What tells this store from others: 16 hexadecimal digits that were drawn when it was made.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn id(&self) -> Result<String> {
        self.look(identity)
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// All that `act` does, or nothing of it; on the disk when this returns.
    fn write<T>(&mut self, act: impl FnOnce(&Transaction<'_>, &Rules) -> Result<T>) -> Result<T> {
        let about = format!(
            "cannot write to the store `{}`",
            Line(self.store.path().display())
        );
        let rules = &self.rules;
        let done = self.store.writing(|transaction| act(transaction, rules));
        // What is refused is no failure to write.
        done.map_err(|error| match error.is::<Refusal>() {
            true => error,
            false => error.context(about),
        })
    }

    /// What `look` finds.
    fn look<T>(&self, look: impl FnOnce(&rusqlite::Connection) -> Result<T>) -> Result<T> {
        look(self.store.connection()).with_context(|| {
            format!(
                "cannot read the store `{}`",
                Line(self.store.path().display())
            )
        })
    }
}

/// What tells a store from others.
fn identity(connection: &rusqlite::Connection) -> Result<String> {
    Ok(connection.query_row("SELECT id FROM room", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests;

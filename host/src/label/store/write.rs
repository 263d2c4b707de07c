//! What goes into a store: labels, with the comparisons, judges and sources that they are of.

use anyhow::{Context, Result, bail};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};

use super::access::explained;
use super::{Store, get};
use crate::digest;
use crate::label::{Comparison, Label, Labeler, Passage, Source};
use crate::terminal::Line;

impl Store {
    /// Keeps all of `labels`, each under a key of its own, or none of them. A key that is there
    /// already adds nothing, so that who does not know whether it was heard may say it again.
    /// Returns how many were new.
    pub fn add<'a>(
        &mut self,
        labels: impl IntoIterator<Item = (String, &'a Label)>,
    ) -> Result<usize> {
        let path = Line(self.path.display()).to_string();
        let about = || format!("cannot write to the store `{path}`");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(explained)
            .with_context(about)?;
        let mut new = 0;
        for (key, label) in labels {
            label
                .check()
                .with_context(|| format!("label `{}` is malformed", Line(&key)))?;
            new += usize::from(add(&transaction, &key, label).with_context(about)?);
        }
        transaction
            .commit()
            .map_err(explained)
            .with_context(about)?;
        Ok(new)
    }

    /// All that `act` does, or nothing of it; on the disk when this returns.
    pub(in crate::label) fn writing<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(explained)?;
        let done = act(&transaction)?;
        transaction.commit().map_err(explained)?;
        Ok(done)
    }
}

/// Adds one label; false when it was said under this key before.
pub(in crate::label) fn add(
    transaction: &Transaction<'_>,
    key: &str,
    label: &Label,
) -> Result<bool> {
    let comparison = add_comparison(transaction, &label.comparison)?;
    let labeler = add_labeler(transaction, &label.labeler)?;
    let said = (comparison, labeler, serde_json::to_string(&label.answer)?);
    // The time is when it was first heard, whoever says it again.
    let known: Option<(i64, i64, String)> = transaction
        .prepare_cached("SELECT comparison, labeler, answer FROM labels WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    if let Some(known) = known {
        if said != known && !is_corrected_to(transaction, key, &said)? {
            bail!(another(key, &known, &said));
        }
        return Ok(false);
    }
    transaction
        .prepare_cached(
            "INSERT INTO labels (key, comparison, labeler, answer, time) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![key, said.0, said.1, said.2, label.time])?;
    Ok(true)
}

/// Whether a correction says the same, by the same judge.
fn is_corrected_to(
    transaction: &Transaction<'_>,
    key: &str,
    (comparison, labeler, answer): &(i64, i64, String),
) -> Result<bool> {
    let mut statement = transaction.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM labels JOIN corrections ON corrections.label = labels.id
         WHERE key = ?1 AND comparison = ?2 AND labeler = ?3 AND corrections.answer = ?4)",
    )?;
    Ok(statement.query_row(params![key, comparison, labeler, answer], get)?)
}

/// Why a label under a key that is there is refused.
fn another(key: &str, known: &(i64, i64, String), said: &(i64, i64, String)) -> String {
    let key = Line(key);
    if said.0 != known.0 {
        return format!(
            "label `{key}` is there, about other responses\nhint: give this one a key of its own"
        );
    }
    if said.1 != known.1 {
        return format!(
            "label `{key}` is there, by another judge\nhint: a question has one answer; what somebody else \
             thinks of the comparison is a label of its own, by `attune label import`"
        );
    }
    format!(
        "label `{key}` is there with another answer, `{}`\nhint: `attune label correct` changes what a \
         person has answered",
        Line(&known.2)
    )
}

/// The id of a comparison, which is added where it is not there.
pub(in crate::label) fn add_comparison(
    transaction: &Transaction<'_>,
    comparison: &Comparison,
) -> Result<i64> {
    let digest = digest::of_bytes(&serde_json::to_vec(comparison)?);
    let known = transaction
        .prepare_cached("SELECT id FROM comparisons WHERE digest = ?1")?
        .query_row([&digest], get)
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let source = match &comparison.source {
        Some(Source { checkpoint, config }) => Some(id_of(
            transaction,
            "INSERT INTO sources (checkpoint, config) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET config = excluded.config RETURNING id",
            params![checkpoint, config],
        )?),
        None => None,
    };
    let Passage { text, tokens } = &comparison.query;
    let id = id_of(
        transaction,
        "INSERT INTO comparisons (digest, source, query_text, query_tokens)
         VALUES (?1, ?2, ?3, ?4) RETURNING id",
        params![digest, source, text, tokens.as_ref().map(|t| bytes(t))],
    )?;
    for (place, Passage { text, tokens }) in comparison.responses.iter().enumerate() {
        transaction
            .prepare_cached("INSERT INTO responses VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![
                id,
                place as i64,
                text,
                tokens.as_ref().map(|t| bytes(t))
            ])?;
    }
    Ok(id)
}

pub(super) fn add_labeler(transaction: &Transaction<'_>, labeler: &Labeler) -> Result<i64> {
    let none = String::new();
    let (kind, name, version, sha256) = match labeler {
        Labeler::Person(name) => ("person", name, &none, &none),
        Labeler::Plugin {
            name,
            version,
            sha256,
        } => ("plugin", name, version, sha256),
        Labeler::Unknown => ("unknown", &none, &none, &none),
    };
    id_of(
        transaction,
        "INSERT INTO labelers (kind, name, version, sha256) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET kind = excluded.kind RETURNING id",
        params![kind, name, version, sha256],
    )
}

fn id_of(
    transaction: &Transaction<'_>,
    statement: &str,
    values: impl rusqlite::Params,
) -> Result<i64> {
    let mut statement = transaction.prepare_cached(statement)?;
    Ok(statement.query_row(values, get)?)
}

fn bytes(tokens: &[u32]) -> Vec<u8> {
    tokens.iter().flat_map(|id| id.to_le_bytes()).collect()
}

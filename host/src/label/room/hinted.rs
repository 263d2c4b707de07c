//! What a run knows of what it asks besides the comparison: hints of its labeler for the people, and how much its
//! reward models disagree. Kept when it is asked, so that no plugin is needed when it is shown.

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension, params};

use super::messages::Hint;
use crate::digest;
use crate::label::Comparison;
use crate::label::store::Store;

/// What is known of a comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// What is to be seen beside its responses: places of the store, and bytes of the texts.
    pub hints: Vec<Hint>,
    /// How much models disagree on it; none where nobody asked them.
    pub doubt: Option<f64>,
}

/// The key under which hints of gold are kept.
#[must_use]
pub fn gold_key(comparison: &Comparison) -> String {
    let bytes = serde_json::to_vec(comparison).unwrap_or_default();
    format!("gold/{}", &digest::of_bytes(&bytes)[..16])
}

/// Keeps what is known of comparisons by their keys; what was known before stays.
///
/// # Errors
/// The store cannot be written to.
pub fn keep(store: &mut Store, known: &[(String, Beside)]) -> Result<()> {
    let about = "cannot keep hints in the store";
    let kept = store.writing(|transaction| {
        let mut insert = transaction.prepare_cached(
            "INSERT INTO hints (key, hints, doubt) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?;
        for (key, Beside { hints, doubt }) in known {
            insert.execute(params![key, serde_json::to_string(hints)?, doubt])?;
        }
        Ok(())
    });
    kept.context(about)
}

/// What is known of the comparison under `key`.
pub(super) fn of(connection: &Connection, key: &str) -> Result<Beside> {
    let found: Option<(String, Option<f64>)> = connection
        .prepare_cached("SELECT hints, doubt FROM hints WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((hints, doubt)) = found else {
        return Ok(Beside::default());
    };
    Ok(Beside {
        hints: serde_json::from_str(&hints)?,
        doubt,
    })
}

//! The file that keeps labels: SQLite, written by several processes at once. A label that
//! [`Store::add`] has acknowledged is on the disk and there once.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Comparison, Label, Labeler, Passage, Source};
use crate::outside::{self, Kind};
use crate::terminal::Line;

mod access;
mod asked;
mod copy;
mod corrections;
mod import;
mod write;

pub(super) use corrections::correct;
pub use corrections::{Correction, Earlier, Kept};
pub use import::Added;
pub(super) use write::{add, add_comparison};

/// What to do about a store that something else has written to.
const DAMAGED: &str = "something else has changed the store; put back a copy of it";

/// Whether a path names a store rather than a file of labels: by what the file is; where it has nothing yet, or is not
/// there, by its name.
pub fn is_store(path: &Path) -> bool {
    match outside::look(path) {
        Ok(Kind::Sqlite) => true,
        Ok(Kind::Empty) | Err(_) => path.extension().is_some_and(|ending| ending == "db"),
        Ok(_) => false,
    }
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// Where the file was copied to be read; removed after the connection is closed.
    _copy: Option<TempDir>,
}

impl Store {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All labels with their keys, in the order in which they came, each with its latest answer.
    pub fn labels(&self) -> Result<Vec<(String, Label)>> {
        let found = self.found().with_context(|| self.about_reading())?;
        let keyed = found.into_iter().map(|found| (found.key, found.label));
        Ok(keyed.collect())
    }

    /// What is read and written by those who keep more than labels in it.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn found(&self) -> Result<Vec<Found>> {
        let mut statement = self
            .connection
            .prepare(&format!("{LABELS} ORDER BY labels.id"))?;
        let mut rows = statement.query([])?;
        let mut labels = Vec::new();
        while let Some(row) = rows.next()? {
            labels.push(label(&self.connection, row)?);
        }
        Ok(labels)
    }

    fn about_reading(&self) -> String {
        format!("cannot read the store `{}`", Line(self.path.display()))
    }
}

/// A label where it lies.
struct Found {
    id: i64,
    key: String,
    label: Label,
}

/// What [`label`] reads.
const LABELS: &str = "
    SELECT labels.id, labels.key, labels.comparison,
           labelers.kind, labelers.name, labelers.version, labelers.sha256,
           iif(latest.id IS NULL, labels.answer, latest.answer),
           iif(latest.id IS NULL, labels.time, latest.time)
    FROM labels JOIN labelers ON labelers.id = labels.labeler
    LEFT JOIN corrections AS latest
    ON latest.id = (SELECT max(id) FROM corrections WHERE label = labels.id)";

/// The label under this key.
fn find(connection: &Connection, key: &str) -> Result<Option<Found>> {
    let mut statement = connection.prepare_cached(&format!("{LABELS} WHERE labels.key = ?1"))?;
    let mut rows = statement.query([key])?;
    let row = rows.next()?;
    row.map(|row| label(connection, row)).transpose()
}

/// The label under this key, as it counts now.
pub(super) fn find_label(connection: &Connection, key: &str) -> Result<Option<Label>> {
    Ok(find(connection, key)?.map(|found| found.label))
}

fn label(connection: &Connection, row: &rusqlite::Row<'_>) -> Result<Found> {
    let (id, key): (i64, String) = (row.get(0)?, row.get(1)?);
    let answer: String = row.get(7)?;
    let read = || -> Result<Label> {
        let label = Label {
            comparison: comparison(connection, row.get(2)?)?,
            labeler: labeler(row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?)?,
            answer: serde_json::from_str(&answer)?,
            time: row.get(8)?,
        };
        label.check()?;
        Ok(label)
    };
    let label =
        read().with_context(|| format!("label `{}` is damaged\nhint: {DAMAGED}", Line(&key)))?;
    Ok(Found { id, key, label })
}

/// The comparison of this id.
pub(super) fn comparison(connection: &Connection, id: i64) -> Result<Comparison> {
    let mut head = connection.prepare_cached(
        "SELECT query_text, query_tokens, checkpoint, config
         FROM comparisons LEFT JOIN sources ON sources.id = comparisons.source
         WHERE comparisons.id = ?1",
    )?;
    let (query, source) = head.query_row([id], |row| {
        let source = row.get::<_, Option<String>>(2)?.zip(row.get(3)?);
        let source = source.map(|(checkpoint, config)| Source { checkpoint, config });
        Ok((passage(row)?, source))
    })?;
    let mut parts = connection.prepare_cached(
        "SELECT text, tokens FROM responses WHERE comparison = ?1 ORDER BY place",
    )?;
    let responses: Vec<Passage> = parts.query_map([id], passage)?.collect::<Result<_, _>>()?;
    if responses.is_empty() {
        bail!("comparison {id} has no responses\nhint: {DAMAGED}");
    }
    Ok(Comparison {
        query,
        responses,
        source,
    })
}

fn get<T: rusqlite::types::FromSql>(row: &rusqlite::Row<'_>) -> rusqlite::Result<T> {
    row.get(0)
}

fn labeler(kind: String, name: String, version: String, sha256: String) -> Result<Labeler> {
    Ok(match kind.as_str() {
        "person" => Labeler::Person(name),
        "plugin" => Labeler::Plugin {
            name,
            version,
            sha256,
        },
        "unknown" => Labeler::Unknown,
        _ => bail!(
            "a labeler is of the kind `{}`, which this program does not know",
            Line(kind)
        ),
    })
}

fn passage(row: &rusqlite::Row<'_>) -> rusqlite::Result<Passage> {
    let tokens: Option<Vec<u8>> = row.get(1)?;
    Ok(Passage {
        text: row.get(0)?,
        tokens: tokens.map(|bytes| {
            let whole = bytes.chunks_exact(4);
            whole
                .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
                .collect()
        }),
    })
}

#[cfg(test)]
mod tests;

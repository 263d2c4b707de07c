//! The file that keeps labels: SQLite, written by several processes at once. A label that
//! [`Store::add`] has acknowledged is on the disk and there once.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{Comparison, Label, Labeler, Passage, Source};
use crate::digest;

mod asked;

/// How long one process waits for another to finish a write.
const PATIENCE: Duration = Duration::from_secs(60);
/// What to do about a store that something else has written to.
const DAMAGED: &str = "something else has changed the store; put back a copy of it";
/// Marks the file as ours: "attn".
const APPLICATION: i32 = 0x6174_746e;

/// From an empty file to today's tables, a step a version. What is released is never edited.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE labelers (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
        sha256 TEXT NOT NULL, UNIQUE (kind, name, version, sha256)
    ) STRICT;
    CREATE TABLE sources (
        id INTEGER PRIMARY KEY, checkpoint TEXT NOT NULL, config TEXT NOT NULL,
        UNIQUE (checkpoint, config)
    ) STRICT;
    CREATE TABLE comparisons (
        id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, source INTEGER REFERENCES sources,
        query_text TEXT, query_tokens BLOB
    ) STRICT;
    CREATE TABLE responses (
        comparison INTEGER NOT NULL REFERENCES comparisons, place INTEGER NOT NULL, text TEXT,
        tokens BLOB, PRIMARY KEY (comparison, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE labels (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,
        comparison INTEGER NOT NULL REFERENCES comparisons,
        labeler INTEGER NOT NULL REFERENCES labelers, answer TEXT NOT NULL, time INTEGER
    ) STRICT;
    CREATE INDEX labels_of_a_comparison ON labels (comparison);
",
    "
    CREATE TABLE asked (
        key TEXT NOT NULL UNIQUE, comparison INTEGER NOT NULL REFERENCES comparisons
    ) STRICT;
",
];

/// An open store.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// The store at `path`, made when there is none.
    pub fn create(path: &Path) -> Result<Store> {
        let about = || format!("cannot open the store `{}`", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).with_context(about)?;
        }
        let connection = Connection::open(path)
            .context("hint: name a file in a folder that can be written to")
            .with_context(about)?;
        let mut store = Store {
            connection,
            path: path.to_path_buf(),
        };
        store.prepare().with_context(about)?;
        Ok(store)
    }

    /// The store at `path`, which must be there.
    pub fn open(path: &Path) -> Result<Store> {
        if !path.is_file() {
            bail!(
                "there is no store `{}`\nhint: `attune label import` makes one",
                path.display()
            );
        }
        Store::create(path)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn prepare(&mut self) -> Result<()> {
        let connection = &mut self.connection;
        connection.busy_timeout(PATIENCE)?;
        let tables = |connection: &Connection| -> rusqlite::Result<i64> {
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        };
        let known = tables(connection).context(
            "it is no SQLite database\nhint: name a store, or a file that is not there yet",
        )?;
        let application: i32 = connection.pragma_query_value(None, "application_id", get)?;
        if known > 0 && application != APPLICATION {
            bail!("it is a database of another program\nhint: name another file");
        }
        // Readers see the last commit while somebody writes, and a commit waits for the disk.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.pragma_query_value(None, "user_version", get)?;
        let done = usize::try_from(version).unwrap_or(usize::MAX);
        if done > MIGRATIONS.len() {
            bail!(
                "it has version {version}, this program knows 1 to {}\nhint: use the program that \
                 wrote it, or a newer one",
                MIGRATIONS.len()
            );
        }
        for step in &MIGRATIONS[done..] {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
        Ok(transaction.commit()?)
    }

    /// Keeps all of `labels`, each under a key of its own, or none of them. A key that is there
    /// already adds nothing, so that who does not know whether it was heard may say it again.
    /// Returns how many were new.
    pub fn add<'a>(
        &mut self,
        labels: impl IntoIterator<Item = (String, &'a Label)>,
    ) -> Result<usize> {
        let path = self.path.display().to_string();
        let about = || format!("cannot write to the store `{path}`");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .with_context(about)?;
        let mut new = 0;
        for (key, label) in labels {
            label
                .check()
                .with_context(|| format!("label `{key}` is malformed"))?;
            new += usize::from(add(&transaction, &key, label).with_context(about)?);
        }
        transaction.commit().with_context(about)?;
        Ok(new)
    }

    /// All labels with their keys, in the order in which they came.
    pub fn labels(&self) -> Result<Vec<(String, Label)>> {
        let read = || -> Result<_> {
            let mut statement = self.connection.prepare(
                "SELECT labels.key, labels.answer, labels.time, labels.comparison,
                        labelers.kind, labelers.name, labelers.version, labelers.sha256
                 FROM labels JOIN labelers ON labelers.id = labels.labeler ORDER BY labels.id",
            )?;
            let mut rows = statement.query([])?;
            let mut labels = Vec::new();
            while let Some(row) = rows.next()? {
                let answer: String = row.get(1)?;
                let label = Label {
                    answer: serde_json::from_str(&answer)?,
                    time: row.get(2)?,
                    comparison: self.comparison(row.get(3)?)?,
                    labeler: labeler(row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?)?,
                };
                let key: String = row.get(0)?;
                label
                    .check()
                    .with_context(|| format!("label `{key}` is damaged\nhint: {DAMAGED}"))?;
                labels.push((key, label));
            }
            Ok(labels)
        };
        read().with_context(|| format!("cannot read the store `{}`", self.path.display()))
    }

    fn comparison(&self, id: i64) -> Result<Comparison> {
        let mut head = self.connection.prepare_cached(
            "SELECT query_text, query_tokens, checkpoint, config
             FROM comparisons LEFT JOIN sources ON sources.id = comparisons.source
             WHERE comparisons.id = ?1",
        )?;
        let (query, source) = head.query_row([id], |row| {
            let source = row.get::<_, Option<String>>(2)?.zip(row.get(3)?);
            let source = source.map(|(checkpoint, config)| Source { checkpoint, config });
            Ok((passage(row)?, source))
        })?;
        let mut parts = self.connection.prepare_cached(
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
}

fn get<T: rusqlite::types::FromSql>(row: &rusqlite::Row<'_>) -> rusqlite::Result<T> {
    row.get(0)
}

/// Adds one label; false when the same is there under this key.
fn add(transaction: &Transaction<'_>, key: &str, label: &Label) -> Result<bool> {
    let comparison = add_comparison(transaction, &label.comparison)?;
    let labeler = add_labeler(transaction, &label.labeler)?;
    let answer = serde_json::to_string(&label.answer)?;
    let said = (comparison, labeler, answer);
    // The time is when it was first heard, whoever says it again.
    let known = transaction
        .prepare_cached("SELECT comparison, labeler, answer FROM labels WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    if let Some(known) = known {
        if said != known {
            bail!(
                "label `{key}` is there with another answer\nhint: an answer is kept as it was first \
                 given; who has changed their mind gives it again under another key or in another store"
            );
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

fn add_comparison(transaction: &Transaction<'_>, comparison: &Comparison) -> Result<i64> {
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

fn add_labeler(transaction: &Transaction<'_>, labeler: &Labeler) -> Result<i64> {
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

fn labeler(kind: String, name: String, version: String, sha256: String) -> Result<Labeler> {
    Ok(match kind.as_str() {
        "person" => Labeler::Person(name),
        "plugin" => Labeler::Plugin {
            name,
            version,
            sha256,
        },
        "unknown" => Labeler::Unknown,
        _ => bail!("a labeler is of the kind `{kind}`, which this program does not know"),
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

fn bytes(tokens: &[u32]) -> Vec<u8> {
    tokens.iter().flat_map(|id| id.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests;

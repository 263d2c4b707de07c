//! Opening a store: to write, which brings its tables up to date; or to read, which changes nothing and
//! works where nothing can be written, whichever version the file has.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::copy::{beside, copied};
use super::{DAMAGED, Store, get};
use crate::outside::{self, Kind};
use crate::terminal::Line;

/// How long one process waits for another to finish a write.
const PATIENCE: Duration = Duration::from_secs(60);
/// Marks the file as ours: "attn".
const APPLICATION: i32 = 0x6174_746e;

/// From one version of the tables to the next.
pub(super) struct Step {
    /// What a writer makes.
    tables: &'static str,
    /// What a reader sees instead of them in a file that does not have them yet.
    absent: &'static str,
}

/// From an empty file to today's tables, a step a version. What is released is never edited.
pub(super) const STEPS: &[Step] = &[
    Step {
        tables: "
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
        // Without these a file is none of ours, or an empty one.
        absent: "",
    },
    Step {
        tables: "
    CREATE TABLE asked (
        key TEXT NOT NULL UNIQUE, comparison INTEGER NOT NULL REFERENCES comparisons
    ) STRICT;
",
        absent: "CREATE TEMP TABLE asked (key TEXT, comparison INTEGER);",
    },
    Step {
        tables: "
    CREATE TABLE corrections (
        id INTEGER PRIMARY KEY, label INTEGER NOT NULL REFERENCES labels, answer TEXT NOT NULL,
        time INTEGER
    ) STRICT;
    CREATE INDEX corrections_of_a_label ON corrections (label);
",
        absent: "
    CREATE TEMP TABLE corrections (id INTEGER PRIMARY KEY, label INTEGER, answer TEXT, time INTEGER);
",
    },
    // The room: people, what they are shown and what they say.
    Step {
        tables: "
    CREATE TABLE people (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, token TEXT UNIQUE,
        excluded INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE decisions (
        id INTEGER PRIMARY KEY, person INTEGER NOT NULL REFERENCES people, what TEXT NOT NULL,
        why TEXT NOT NULL, by TEXT NOT NULL, time INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE hints (key TEXT NOT NULL UNIQUE, hints TEXT NOT NULL, doubt REAL) STRICT;
    CREATE TABLE queue (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,
        comparison INTEGER NOT NULL REFERENCES comparisons, needed INTEGER NOT NULL,
        given INTEGER NOT NULL, doubt REAL
    ) STRICT;
    CREATE INDEX open_questions ON queue (given, id) WHERE given < needed;
    CREATE TABLE items (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, person INTEGER NOT NULL REFERENCES people,
        kind TEXT NOT NULL, key TEXT NOT NULL, comparison INTEGER NOT NULL REFERENCES comparisons,
        number INTEGER NOT NULL, places TEXT NOT NULL, gold TEXT, why TEXT NOT NULL,
        hints TEXT NOT NULL, about TEXT NOT NULL, state TEXT NOT NULL, lease INTEGER NOT NULL,
        label TEXT, first INTEGER, UNIQUE (person, kind, key)
    ) STRICT;
    CREATE INDEX open_items ON items (person) WHERE state = 'open';
    CREATE INDEX answered_items ON items (person, first) WHERE first IS NOT NULL;
    CREATE INDEX items_of_a_key ON items (key);
    CREATE TABLE judgements (
        id INTEGER PRIMARY KEY, item INTEGER NOT NULL REFERENCES items,
        person INTEGER NOT NULL REFERENCES people, client TEXT NOT NULL, answer TEXT NOT NULL,
        shown TEXT NOT NULL, said TEXT NOT NULL, time INTEGER NOT NULL, UNIQUE (person, client)
    ) STRICT;
    CREATE INDEX judgements_of_an_item ON judgements (item);
    CREATE TABLE adjudications (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, label TEXT NOT NULL, by TEXT NOT NULL,
        time INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX adjudications_of_a_key ON adjudications (key);
",
        // What is looked at where nobody was ever invited.
        absent: "
    CREATE TEMP TABLE people (id INTEGER PRIMARY KEY, name TEXT, role TEXT, token TEXT, excluded INTEGER);
    CREATE TEMP TABLE items (
        id INTEGER PRIMARY KEY, name TEXT, person INTEGER, kind TEXT, key TEXT, comparison INTEGER, number INTEGER,
        places TEXT, gold TEXT, why TEXT, hints TEXT, about TEXT, state TEXT, lease INTEGER, label TEXT, first INTEGER
    );
    CREATE TEMP TABLE judgements (
        id INTEGER PRIMARY KEY, item INTEGER, person INTEGER, client TEXT, answer TEXT, shown TEXT, said TEXT,
        time INTEGER
    );
    CREATE TEMP TABLE adjudications (id INTEGER PRIMARY KEY, key TEXT, label TEXT, by TEXT, time INTEGER);
",
    },
    // By which a browser tells this store from another that is served at the same address.
    Step {
        tables: "
    CREATE TABLE room (id TEXT NOT NULL) STRICT;
    INSERT INTO room VALUES (lower(hex(randomblob(8))));
",
        absent: "CREATE TEMP TABLE room (id TEXT);",
    },
];

impl Store {
    /// The store at `path`, to write to; made when there is none.
    pub fn create(path: &Path) -> Result<Store> {
        must_be_store(path)?;
        let about = || format!("cannot write to the store `{}`", Line(path.display()));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .context("hint: name a file in a folder that can be written to")
                .with_context(about)?;
        }
        let mut connection = Connection::open(path)
            .map_err(|error| match path.exists() {
                true => explained(error),
                false => anyhow::Error::from(error)
                    .context("hint: name a file in a folder that can be written to"),
            })
            .with_context(about)?;
        prepare(&mut connection).with_context(about)?;
        Ok(Store {
            connection,
            path: path.to_path_buf(),
            _copy: None,
        })
    }

    /// The store at `path`, which must be there, to write to.
    pub fn open(path: &Path) -> Result<Store> {
        must_be_there(path)?;
        Store::create(path)
    }

    /// The store at `path`, which must be there, to read only: nothing of it is changed, and it may lie
    /// where nothing can be written.
    pub fn read(path: &Path) -> Result<Store> {
        must_be_there(path)?;
        let about = || format!("cannot read the store `{}`", Line(path.display()));
        let in_place = match in_place(path) {
            Err(error) if is_denied(&error) => None,
            opened => opened.map_err(explained).with_context(about)?,
        };
        let (connection, copy) = match in_place {
            Some(connection) => (connection, None),
            None => {
                let (copy, file) = copied(path).with_context(about)?;
                let connection = Connection::open(file).with_context(about)?;
                (connection, Some(copy))
            }
        };
        Ok(Store {
            connection: prepare_reading(connection).with_context(about)?,
            path: path.to_path_buf(),
            _copy: copy,
        })
    }
}

/// Refuses what cannot be a store, whatever it is called.
fn must_be_there(path: &Path) -> Result<()> {
    if !path.is_file() {
        bail!(
            "there is no store `{}`\nhint: `attune label import` makes one",
            Line(path.display())
        );
    }
    must_be_store(path)
}

/// Refuses a file that is something else; an empty one may become a store.
fn must_be_store(path: &Path) -> Result<()> {
    let hint = match outside::look(path) {
        Err(_) | Ok(Kind::Sqlite | Kind::Empty) => return Ok(()),
        Ok(kind) => match kind.remedy() {
            Some(hint) => format!("it is {}\nhint: {hint}", kind.what()),
            None => format!(
                "it is {}, and no SQLite database\nhint: name a store, or a file that is not there yet; `attune label \
                 import` puts a file's labels into one",
                kind.what()
            ),
        },
    };
    bail!("`{}` is no store: {hint}", Line(path.display()))
}

/// Brings the tables up to date.
fn prepare(connection: &mut Connection) -> Result<()> {
    if connection.is_readonly("main")? {
        bail!(denied());
    }
    let done = version(connection)?;
    // Readers see the last commit while somebody writes, and a commit waits for the disk.
    let keep = |connection: &Connection| -> rusqlite::Result<()> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)
    };
    keep(connection).map_err(explained)?;
    if done == STEPS.len() {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(explained)?;
    // Somebody else may have taken some steps meanwhile.
    for step in &STEPS[version(&transaction)?..] {
        transaction.execute_batch(step.tables)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", STEPS.len() as i64)?;
    transaction.commit().map_err(explained)
}

/// Puts empty tables where the file is too old to have them, beside the file.
fn prepare_reading(mut connection: Connection) -> Result<Connection> {
    let done = version(&connection)?;
    if done == 0 {
        // Somebody is about to make it.
        connection = Connection::open_in_memory()?;
        prepare(&mut connection)?;
    }
    let read = |connection: &Connection| -> rusqlite::Result<()> {
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        if done > 0 {
            for step in &STEPS[done..] {
                connection.execute_batch(step.absent)?;
            }
        }
        connection.pragma_update(None, "query_only", true)
    };
    read(&connection).map_err(explained)?;
    Ok(connection)
}

/// How many of the steps the file has taken; refuses what is no store of ours.
fn version(connection: &Connection) -> Result<usize> {
    connection.busy_timeout(PATIENCE)?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, get::<i64>);
    let known = tables(connection).map_err(explained)?;
    let application = pragma("application_id").map_err(explained)?;
    if known > 0 && application != i64::from(APPLICATION) {
        bail!("it is a database of another program\nhint: name another file");
    }
    let version = pragma("user_version").map_err(explained)?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    if done > STEPS.len() {
        bail!(
            "it has version {version}, this program knows 1 to {}\nhint: use the program that wrote \
             it, or a newer one",
            STEPS.len()
        );
    }
    Ok(done)
}

fn tables(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], get)
}

/// The file as it lies there; none where SQLite would have to leave files of ours beside one that is not ours
/// to write.
fn in_place(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    // It is there while somebody writes, and readers must then ask what is safe to read.
    let is_shared = beside(path, "-shm").is_file();
    if connection.is_readonly("main")? && !is_shared {
        return Ok(None);
    }
    tables(&connection)?;
    Ok(Some(connection))
}

fn is_denied(error: &rusqlite::Error) -> bool {
    use ErrorCode::{CannotOpen, PermissionDenied, ReadOnly};
    matches!(
        error.sqlite_error_code(),
        Some(CannotOpen | PermissionDenied | ReadOnly)
    )
}

fn denied() -> &'static str {
    "the file or its folder may not be written to\nhint: copy the store to a folder of your own; where it \
     is, it can be read, by `stats`, `export`, `pending` and by training"
}

/// SQLite's error with what it means here, and what to do.
pub(super) fn explained(error: rusqlite::Error) -> anyhow::Error {
    use ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase};
    let meaning = match error.sqlite_error_code() {
        _ if is_denied(&error) => denied().to_owned(),
        Some(NotADatabase) => {
            "it is no SQLite database\nhint: name a store, or a file that is not there yet"
                .to_owned()
        }
        Some(DatabaseBusy | DatabaseLocked) => format!(
            "somebody else has been writing to it for {} s\nhint: try again when that is done",
            PATIENCE.as_secs()
        ),
        Some(DiskFull) => "the disk is full\nhint: make room, and do the same again".to_owned(),
        Some(DatabaseCorrupt) => format!("it is damaged\nhint: {DAMAGED}"),
        _ => return error.into(),
    };
    anyhow::Error::from(error).context(meaning)
}

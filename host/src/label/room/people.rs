//! Who may come in: people by personal links, of which the store keeps a hash alone. Links are revoked and people
//! excluded by somebody, with a reason, and all of that is kept.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Error, Result};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::{Room, malformed, unknown};
use crate::digest;
use crate::terminal::Line;

/// Bytes of chance in a link.
const BYTES: usize = 32;
/// Characters of a name, at most.
const NAME: usize = 80;

/// As whoever started a server signs, who is nobody of the store.
pub(crate) const HOST: &str = "host";

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Judge.
    Labeler,
    /// Judge, and see and decide what others did.
    Researcher,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Labeler => "labeler",
            Role::Researcher => "researcher",
        }
    }
}

/// Somebody who was invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// By which the room knows the person.
    pub id: i64,
    /// By which labels do.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// Whether what the person says counts no more.
    pub excluded: bool,
    /// Whether a personal link leads in: there was one, and it was not revoked.
    pub link: bool,
}

impl Room {
    /// A link's token for a person; one who was invited before has a new link, and the old one is revoked. `by`: whoever
    /// decides it, which is kept.
    ///
    /// # Errors
    /// The name is empty, too long or has control characters, or nothing can be written.
    pub fn invite(&mut self, name: &str, role: Role, by: &str, now: i64) -> Result<String> {
        check_name(name)?;
        let token = token()?;
        let hash = digest::of_bytes(token.as_bytes());
        self.write(|transaction, _| {
            let id: i64 = transaction
                .prepare_cached(
                    "INSERT INTO people (name, role, token) VALUES (?1, ?2, ?3)
                     ON CONFLICT (name) DO UPDATE SET role = excluded.role, token = excluded.token
                     RETURNING id",
                )?
                .query_row(params![name, role.name(), hash], |row| row.get(0))?;
            decide(transaction, id, ("invited", role.name(), by), now)
        })?;
        Ok(token)
    }

    /// Has the person's link lead nowhere any more. What the person said stays, and who decided it is kept.
    ///
    /// # Errors
    /// There is no such person, or nothing can be written.
    pub fn revoke(&mut self, name: &str, by: &str, now: i64) -> Result<()> {
        self.write(|transaction, _| {
            let person = named(transaction, name)?.ok_or_else(|| nobody(name))?;
            transaction.execute("UPDATE people SET token = NULL WHERE id = ?1", [person.id])?;
            decide(transaction, person.id, ("revoked", "", by), now)
        })
    }

    /// Whose link has this token; nobody where it was revoked.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn who(&self, token: &str) -> Result<Option<Person>> {
        let hash = digest::of_bytes(token.as_bytes());
        self.look(|connection| {
            let mut find = connection.prepare_cached(
                "SELECT id, name, role, excluded, token IS NOT NULL FROM people WHERE token = ?1",
            )?;
            Ok(find.query_row([hash], person).optional()?)
        })
    }

    /// All who were invited, in the order of their names.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn people(&self) -> Result<Vec<Person>> {
        self.look(all)
    }
}

/// What to say where nobody is called so.
pub(super) fn nobody(name: &str) -> Error {
    unknown(
        format!("there is no person `{}`", Line(name)),
        "`attune label people` prints who there is, `attune label invite` invites somebody",
    )
}

/// The person of this id.
pub(super) fn of(connection: &Connection, id: i64) -> Result<Person> {
    let mut find = connection.prepare_cached(
        "SELECT id, name, role, excluded, token IS NOT NULL FROM people WHERE id = ?1",
    )?;
    let found = find.query_row([id], person).optional()?;
    found.ok_or_else(|| unknown("there is no such person", "open the personal link again"))
}

/// All people by their names.
pub(super) fn all(connection: &Connection) -> Result<Vec<Person>> {
    let mut find = connection.prepare_cached(
        "SELECT id, name, role, excluded, token IS NOT NULL FROM people ORDER BY name",
    )?;
    let all = find.query_map([], person)?.collect::<Result<_, _>>()?;
    Ok(all)
}

pub(super) fn named(connection: &Connection, name: &str) -> Result<Option<Person>> {
    let mut find = connection.prepare_cached(
        "SELECT id, name, role, excluded, token IS NOT NULL FROM people WHERE name = ?1",
    )?;
    Ok(find.query_row([name], person).optional()?)
}

/// Somebody who was never invited, and gave labels otherwise.
pub(super) fn known_by_labels(transaction: &Transaction<'_>, name: &str) -> Result<Option<Person>> {
    let has_labels: bool = transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM labelers WHERE kind = 'person' AND name = ?1)",
        [name],
        |row| row.get(0),
    )?;
    if !has_labels {
        return Ok(None);
    }
    transaction.execute(
        "INSERT INTO people (name, role) VALUES (?1, ?2)",
        params![name, Role::Labeler.name()],
    )?;
    named(transaction, name)
}

fn person(row: &rusqlite::Row<'_>) -> rusqlite::Result<Person> {
    let role: String = row.get(2)?;
    Ok(Person {
        id: row.get(0)?,
        name: row.get(1)?,
        role: match role.as_str() {
            "researcher" => Role::Researcher,
            // Whatever else stands there may do the least.
            _ => Role::Labeler,
        },
        excluded: row.get(3)?,
        link: row.get(4)?,
    })
}

/// Keeps what was decided of somebody, why and by whom.
pub(super) fn decide(
    transaction: &Transaction<'_>,
    person: i64,
    (what, why, by): (&str, &str, &str),
    now: i64,
) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO decisions (person, what, why, by, time) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![person, what, why, by, now])?;
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let length = name.chars().count();
    if name == HOST {
        let what = format!("nobody can be called `{HOST}`, who is whoever started the server");
        return Err(malformed(what, "add something to the name"));
    }
    if length == 0 || length > NAME || name.trim() != name {
        let what = format!(
            "the name `{}` has {length} characters, must have 1 to {NAME} and no space around them",
            Line(name)
        );
        return Err(malformed(
            what,
            "a name stands beside every label of the person",
        ));
    }
    if Line(name).to_string() != name {
        let what = format!(
            "the name `{}` has characters that cannot be seen",
            Line(name)
        );
        return Err(malformed(what, "use letters, digits and spaces"));
    }
    Ok(())
}

/// A word that nobody can guess, of letters and digits.
pub(crate) fn token() -> Result<String> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("the system gives no chance to make a link of")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

//! Leaving somebody out of what is learned, and taking the person in again.

use anyhow::Result;
use rusqlite::{Transaction, params};

use super::people::{self, Person};
use super::{Room, malformed, queue};

/// Characters of a reason, at most.
const WHY: usize = 2000;

impl Room {
    /// Has what a person says count no more, or again: in what is learned from now on. Whoever gave labels can be
    /// named, invited or not.
    ///
    /// # Errors
    /// There is no such person, or nothing can be written.
    pub fn exclude(
        &mut self,
        name: &str,
        excluded: bool,
        why: &str,
        by: &str,
        now: i64,
    ) -> Result<()> {
        if why.chars().count() > WHY {
            let what = format!("the reason has more than {WHY} characters");
            return Err(malformed(what, "say it in fewer words"));
        }
        self.write(|transaction, _| {
            let person = match people::named(transaction, name)? {
                Some(person) => person,
                None => people::known_by_labels(transaction, name)?
                    .ok_or_else(|| people::nobody(name))?,
            };
            transaction.execute(
                "UPDATE people SET excluded = ?2 WHERE id = ?1",
                params![person.id, excluded],
            )?;
            if !excluded {
                count_again(transaction, &person)?;
            }
            let what = if excluded { "excluded" } else { "included" };
            people::decide(transaction, person.id, (what, why, by), now)
        })
    }
}

/// Has what the person said while excluded be the run's own labels where nobody else has answered since: a run may wait
/// for them, and the person is not asked again.
fn count_again(transaction: &Transaction<'_>, person: &Person) -> Result<()> {
    let said = {
        let mut find = transaction.prepare_cached(
            "SELECT items.key, items.label FROM items JOIN queue ON queue.key = items.key
             WHERE person = ?1 AND kind = 'work' AND first IS NOT NULL AND items.label != items.key AND given < needed",
        )?;
        let rows = find.query_map([person.id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<(String, String)>>>()?
    };
    for (key, label) in said {
        if queue::is_answered(transaction, &key)? {
            continue;
        }
        for (table, column) in [("labels", "key"), ("items", "label")] {
            let update = format!("UPDATE {table} SET {column} = ?1 WHERE {column} = ?2");
            transaction.execute(&update, [&key, &label])?;
        }
        queue::count(transaction, &key)?;
    }
    Ok(())
}

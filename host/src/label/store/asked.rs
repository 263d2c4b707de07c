//! What a run asks, before anybody has answered: comparisons under keys of the run's own. A label
//! under the same key is the answer.

use anyhow::{Context, Result, bail};
use rusqlite::{OptionalExtension, TransactionBehavior, params};

use super::access::explained;
use super::write::add_comparison;
use super::{Store, comparison, get};
use crate::label::{Comparison, Label};
use crate::terminal::Line;

impl Store {
    /// Keeps all of `comparisons`, or none. A key that is there already must be of the same one.
    pub fn ask<'a>(
        &mut self,
        comparisons: impl IntoIterator<Item = (String, &'a Comparison)>,
    ) -> Result<()> {
        let about = format!("cannot write to the store `{}`", Line(self.path.display()));
        let ask = || -> Result<()> {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(explained)?;
            for (key, asked) in comparisons {
                let id = add_comparison(&transaction, asked)?;
                let known: Option<i64> = transaction
                    .prepare_cached("SELECT comparison FROM asked WHERE key = ?1")?
                    .query_row([&key], get)
                    .optional()?;
                match known {
                    Some(known) if known == id => {}
                    Some(_) => bail!(
                        "`{}` was asked before, about other responses\nhint: start a new run directory, \
                         or use another store",
                        Line(key)
                    ),
                    None => {
                        transaction
                            .prepare_cached("INSERT INTO asked (key, comparison) VALUES (?1, ?2)")?
                            .execute(params![key, id])?;
                    }
                }
            }
            transaction.commit().map_err(explained)
        };
        ask().context(about)
    }

    /// What was asked under keys that begin with `prefix` and has no answer yet, oldest first.
    pub fn pending(&self, prefix: &str) -> Result<Vec<(String, Comparison)>> {
        let mut statement = self.connection.prepare(
            "SELECT asked.key, asked.comparison FROM asked
             LEFT JOIN labels ON labels.key = asked.key
             WHERE labels.id IS NULL AND substr(asked.key, 1, length(?1)) = ?1
             ORDER BY asked.rowid",
        )?;
        let rows: Vec<(String, i64)> = statement
            .query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let read = |(key, id): (String, i64)| Ok((key, comparison(&self.connection, id)?));
        rows.into_iter().map(read).collect()
    }

    /// What was asked under `key`.
    pub fn asked(&self, key: &str) -> Result<Comparison> {
        let id: Option<i64> = self
            .connection
            .query_row("SELECT comparison FROM asked WHERE key = ?1", [key], get)
            .optional()?;
        let Some(id) = id else {
            bail!(
                "nobody asked `{}` in the store `{}`\nhint: `attune label pending` prints what was asked",
                Line(key),
                Line(self.path.display())
            );
        };
        comparison(&self.connection, id)
    }

    /// All labels under keys that begin with `prefix`, in the order in which they came.
    pub fn labels_under(&self, prefix: &str) -> Result<Vec<(String, Label)>> {
        let mut labels = self.labels()?;
        labels.retain(|(key, _)| key.starts_with(prefix));
        Ok(labels)
    }
}

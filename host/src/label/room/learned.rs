//! Which labels a reward model learns from, where people gave them: what an excluded person said is left out, another's
//! word on the same question takes its place where there is one, and what somebody has decided comes before all.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::people;
use crate::label::store::{self, Store};
use crate::label::{Label, Labeler};
use crate::terminal::Line;

/// What a reward model learns instead of some of the run's own labels. It is kept beside the model, so that a training
/// that goes on learns from what it was begun with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Who was excluded when the training was begun.
    pub excluded: Vec<String>,
    /// For each of the run's own labels that is not learned from, the key of the one in its place; none where there is
    /// none.
    pub instead: BTreeMap<String, Option<String>>,
}

/// What is learned of `labels`, by what is decided now; nothing of what those said who are `besides` excluded.
///
/// # Errors
/// The store cannot be read.
pub fn choice(store: &Store, labels: &[(String, Label)], besides: &[&str]) -> Result<Choice> {
    let choose = || -> Result<Choice> {
        let connection = store.connection();
        let people = people::all(connection)?;
        let excluded = people.into_iter().filter(|person| person.excluded);
        let excluded = excluded.map(|person| person.name);
        let mut excluded: Vec<String> = excluded.collect();
        let more = besides.iter().map(|name| (*name).to_owned());
        let more: Vec<String> = more.filter(|name| !excluded.contains(name)).collect();
        excluded.extend(more);
        let mut instead = BTreeMap::new();
        for (key, label) in labels {
            let found = match decided(connection, key)? {
                Some(decided) => Some(Some(decided)),
                None if is_by(label, &excluded) => Some(other(connection, key, &excluded)?),
                None => None,
            };
            instead.extend(found.map(|found| (key.clone(), found)));
        }
        Ok(Choice { excluded, instead })
    };
    choose().with_context(|| about(store))
}

/// The labels with others in their places, or without them, as `choice` says.
///
/// # Errors
/// A label that was chosen is gone, or the store cannot be read.
pub fn chosen(store: &Store, labels: Vec<(String, Label)>, choice: &Choice) -> Result<Vec<Label>> {
    let mut all = Vec::new();
    for (key, label) in labels {
        match choice.instead.get(&key) {
            None => all.push(label),
            Some(None) => {}
            Some(Some(other)) => {
                let found = store::find_label(store.connection(), other);
                let found = found.with_context(|| about(store))?.with_context(|| {
                    format!(
                        "label `{}`, which this training learned from, is gone from the store\nhint: put the store back",
                        Line(other)
                    )
                })?;
                all.push(found);
            }
        }
    }
    Ok(all)
}

fn about(store: &Store) -> String {
    format!("cannot read the store `{}`", Line(store.path().display()))
}

fn is_by(label: &Label, names: &[String]) -> bool {
    matches!(&label.labeler, Labeler::Person(name) if names.contains(name))
}

/// The label of what was decided last of a question.
pub(super) fn decided(connection: &Connection, key: &str) -> Result<Option<String>> {
    let mut find = connection.prepare_cached(
        "SELECT label FROM adjudications WHERE key = ?1 ORDER BY id DESC LIMIT 1",
    )?;
    Ok(find.query_row([key], |row| row.get(0)).optional()?)
}

/// The first label of the question by somebody who is not excluded.
fn other(connection: &Connection, key: &str, excluded: &[String]) -> Result<Option<String>> {
    // The character after a slash is a zero.
    let (prefix, end) = (format!("more/{key}/"), format!("more/{key}0"));
    let mut find = connection.prepare_cached(
        "SELECT labels.key, labelers.name FROM labels JOIN labelers ON labelers.id = labels.labeler
         WHERE labels.key > ?1 AND labels.key < ?2 ORDER BY labels.id",
    )?;
    let mut rows = find.query([&prefix, &end])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        if !excluded.contains(&name) {
            return Ok(Some(row.get(0)?));
        }
    }
    Ok(None)
}

//! Answers that a person gave again. The latest counts wherever labels are read; the earlier ones stay in the
//! file, and no label is added by a correction.

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde::Serialize;

use super::access::explained;
use super::{Found, Store, find, get};
use crate::label::{Answer, Label, Labeler};
use crate::terminal::Line;

/// What a person says now instead of what the same person said before.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction {
    /// The key of the label.
    pub key: String,
    /// What counts from now on.
    pub answer: Answer,
    /// Who says so.
    pub labeler: Labeler,
    /// When, in milliseconds since 1970 (UTC).
    pub time: Option<i64>,
}

/// What was said at one time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Earlier {
    /// What the judge said.
    pub answer: Answer,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
}

/// A label with all that was said before it was corrected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kept {
    /// The key of the label.
    pub key: String,
    /// As it counts now.
    #[serde(flatten)]
    pub label: Label,
    /// What it was before, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
}

impl Store {
    /// Keeps all of `corrections`, or none of them. What says the same as what counts already adds nothing.
    /// Returns how many were new.
    pub fn correct(&mut self, corrections: &[Correction]) -> Result<usize> {
        let path = Line(self.path.display()).to_string();
        let about = || format!("cannot write to the store `{path}`");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(explained)
            .with_context(about)?;
        let mut new = 0;
        for correction in corrections {
            new += usize::from(correct(&transaction, correction)?);
        }
        transaction
            .commit()
            .map_err(explained)
            .with_context(about)?;
        Ok(new)
    }

    /// All labels with what was said before.
    pub fn history(&self) -> Result<Vec<Kept>> {
        let read = || -> Result<Vec<Kept>> {
            let mut said = said(&self.connection)?;
            let kept = self.found()?.into_iter().map(|Found { id, key, label }| {
                let mut earlier = said.remove(&id).unwrap_or_default();
                // The last is what counts.
                earlier.pop();
                Kept {
                    key,
                    label,
                    earlier,
                }
            });
            Ok(kept.collect())
        };
        read().with_context(|| self.about_reading())
    }

    /// How many labels were corrected.
    pub fn corrected(&self) -> Result<usize> {
        let count = "SELECT count(DISTINCT label) FROM corrections";
        let count: rusqlite::Result<i64> = self.connection.query_row(count, [], get);
        let count = count.with_context(|| self.about_reading())?;
        Ok(usize::try_from(count)?)
    }
}

/// Keeps one correction; false when it is what counts already.
pub(in crate::label) fn correct(connection: &Connection, correction: &Correction) -> Result<bool> {
    let key = Line(&correction.key);
    let Some(Found { id, label, .. }) = find(connection, &correction.key)? else {
        let asked = connection
            .prepare_cached("SELECT comparison FROM asked WHERE key = ?1")?
            .query_row([&correction.key], get::<i64>)
            .optional()?;
        bail!(match asked {
            Some(_) => format!("`{key}` has no answer yet\nhint: `attune label answer` gives one"),
            None => format!("there is no label `{key}`\nhint: `attune label list` prints all keys"),
        });
    };
    let by = |labeler: &Labeler| Line(crate::label::stats::name(labeler)).to_string();
    match &label.labeler {
        Labeler::Person(_) if label.labeler == correction.labeler => {}
        Labeler::Person(_) => bail!(
            "label `{key}` is by `{}`, the correction by `{}`\nhint: a label is corrected by whoever gave it; \
             what somebody else thinks of the comparison is a label of its own, by `attune label import`",
            by(&label.labeler),
            by(&correction.labeler)
        ),
        Labeler::Plugin { .. } | Labeler::Unknown => bail!(
            "label `{key}` is by `{}`, and only a person's label can be corrected\nhint: leave it out",
            by(&label.labeler)
        ),
    }
    let corrected = Label {
        answer: correction.answer.clone(),
        ..label.clone()
    };
    corrected
        .check()
        .with_context(|| format!("label `{key}`"))?;
    if corrected.answer == label.answer {
        return Ok(false);
    }
    let answer = serde_json::to_string(&corrected.answer)?;
    connection
        .prepare_cached("INSERT INTO corrections (label, answer, time) VALUES (?1, ?2, ?3)")?
        .execute(params![id, answer, correction.time])?;
    Ok(true)
}

/// All that was said of each label that was corrected, oldest first.
fn said(connection: &Connection) -> Result<HashMap<i64, Vec<Earlier>>> {
    let mut statement = connection.prepare(
        "SELECT id, answer, time, 0 FROM labels WHERE id IN (SELECT label FROM corrections)
         UNION ALL SELECT label, answer, time, id FROM corrections ORDER BY 1, 4",
    )?;
    let mut rows = statement.query([])?;
    let mut said: HashMap<i64, Vec<Earlier>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let answer: String = row.get(1)?;
        said.entry(row.get(0)?).or_default().push(Earlier {
            answer: serde_json::from_str(&answer)?,
            time: row.get(2)?,
        });
    }
    Ok(said)
}

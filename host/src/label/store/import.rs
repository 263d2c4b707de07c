//! Labels of files. A label is known by what it says and where it is from, not by its file: the same one in a file
//! that grew, or was written anew, is there already. What a file says several times is several labels.

use std::collections::HashMap;

use anyhow::{Context, Result};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::access::explained;
use super::write::{add_comparison, add_labeler};
use super::{Store, get};
use crate::digest;
use crate::label::{Label, Labeler};
use crate::terminal::Line;

/// Begins the keys of labels that the program that wrote their file tells apart by numbers of its own.
const ORIGIN: &str = "origin:";

/// What of a file's labels was not in the store before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Added {
    /// Labels.
    pub new: usize,
    /// Labels that were there, whose judge says something else in the file.
    pub corrected: usize,
}

/// What a label says, by the ids of the store: comparison, judge, answer and time.
type Said = (i64, i64, String, Option<i64>);

/// Labels that say the same.
#[derive(Default)]
struct Same {
    /// How many of them the store had before.
    before: usize,
    /// How many of them the file had until here.
    passed: usize,
}

impl Store {
    /// Keeps all labels of a file that are not there yet, or none. `origins`: how the program that wrote the file
    /// tells each label from others; `file`: the file's SHA-256, by which labels were known once.
    pub fn import(
        &mut self,
        labels: &[Label],
        origins: &[Option<String>],
        file: &str,
    ) -> Result<Added> {
        let path = Line(self.path.display()).to_string();
        let about = || format!("cannot write to the store `{path}`");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(explained)
            .with_context(about)?;
        let mut import = Import {
            transaction: &transaction,
            same: HashMap::new(),
            named: HashMap::new(),
            added: Added::default(),
        };
        for (row, (label, origin)) in labels.iter().zip(origins).enumerate() {
            let before = import.id_under(&format!("{file}:{row}"));
            if before.with_context(about)?.is_none() {
                import.add(label, origin.as_deref()).with_context(about)?;
            }
        }
        let added = import.added;
        transaction
            .commit()
            .map_err(explained)
            .with_context(about)?;
        Ok(added)
    }
}

/// A file on its way into the store.
struct Import<'a> {
    transaction: &'a Transaction<'a>,
    /// Labels that say the same, of those with an origin and of those without.
    same: HashMap<(Said, bool), Same>,
    /// How many labels of the file have this key but for the number at its end.
    named: HashMap<String, usize>,
    added: Added,
}

impl Import<'_> {
    fn add(&mut self, label: &Label, origin: Option<&str>) -> Result<()> {
        let said = (
            add_comparison(self.transaction, &label.comparison)?,
            add_labeler(self.transaction, &label.labeler)?,
            serde_json::to_string(&label.answer)?,
            label.time,
        );
        // Who is not known may be somebody else the next time.
        let is_person = matches!(label.labeler, Labeler::Person(_));
        let origin = origin.filter(|_| is_person);
        let key = match origin {
            None => None,
            Some(origin) => {
                // Programs number from 1 wherever they are installed; when it was judged tells those apart.
                let name = named(&(origin, &label.comparison, &label.labeler, label.time))?;
                let number = self.named.entry(name.clone()).or_default();
                *number += 1;
                Some(format!("{ORIGIN}{name}:{}", *number - 1))
            }
        };
        if let Some(key) = &key
            && let Some(id) = self.id_under(key)?
        {
            return self.correct(id, &said);
        }
        let known = (said, key.is_some());
        if !self.same.contains_key(&known) {
            let before = self.stored(&known)?;
            self.same.insert(known.clone(), Same { before, passed: 0 });
        }
        let same = self.same.entry(known.clone()).or_default();
        same.passed += 1;
        let (before, number) = (same.before, same.passed - 1);
        if number < before {
            return Ok(());
        }
        let ((comparison, labeler, answer, time), _) = known;
        let key = match key {
            Some(key) => key,
            None => format!("{}:{number}", named(&label)?),
        };
        self.transaction
            .prepare_cached(
                "INSERT INTO labels (key, comparison, labeler, answer, time) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![key, comparison, labeler, answer, time])?;
        self.added.new += 1;
        Ok(())
    }

    fn id_under(&self, key: &str) -> Result<Option<i64>> {
        let mut find = self
            .transaction
            .prepare_cached("SELECT id FROM labels WHERE key = ?1")?;
        Ok(find.query_row([key], get).optional()?)
    }

    /// How many labels of the store say so, now or before they were corrected. With an origin, those of another
    /// origin are others.
    fn stored(
        &self,
        ((comparison, labeler, answer, time), has_origin): &(Said, bool),
    ) -> Result<usize> {
        let mut count = self.transaction.prepare_cached(
            "SELECT count(*) FROM labels
             WHERE comparison = ?1 AND labeler = ?2
             AND (answer = ?3 AND time IS ?4 OR EXISTS (
                 SELECT 1 FROM corrections AS later
                 WHERE later.label = labels.id AND later.answer = ?3 AND later.time IS ?4))
             AND NOT (?5 AND substr(key, 1, length(?6)) = ?6)",
        )?;
        let values = params![comparison, labeler, answer, time, has_origin, ORIGIN];
        Ok(count.query_row(values, get::<i64>)?.try_into()?)
    }

    /// Notes what the judge of a label says now, unless it was said before: a file that is older turns nothing back.
    fn correct(&mut self, label: i64, (.., answer, time): &Said) -> Result<()> {
        let mut find = self.transaction.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM labels WHERE id = ?1 AND answer = ?2
             UNION ALL SELECT 1 FROM corrections WHERE label = ?1 AND answer = ?2)",
        )?;
        if find.query_row(params![label, answer], get::<bool>)? {
            return Ok(());
        }
        self.transaction
            .prepare_cached("INSERT INTO corrections (label, answer, time) VALUES (?1, ?2, ?3)")?
            .execute(params![label, answer, time])?;
        self.added.corrected += 1;
        Ok(())
    }
}

fn named(what: &impl Serialize) -> Result<String> {
    Ok(digest::of_bytes(&serde_json::to_vec(what)?))
}

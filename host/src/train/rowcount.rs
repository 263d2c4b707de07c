//! What became of the rows of data: nothing is left out unseen.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::rows::Rows;
use crate::terminal::Line;

/// Most reasons that are told one by one.
const REASONS: usize = 4;

/// What became of the rows of a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RowCount {
    /// The file.
    pub path: PathBuf,
    /// How it was read.
    pub form: String,
    /// Rows that were read.
    pub read: usize,
    /// Rows that the task was shown: all, or those that were needed so far of rows that are read when they are needed.
    pub looked_at: usize,
    /// Rows that cannot be read, by what is wrong with them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unreadable: BTreeMap<String, usize>,
    /// Rows that make queries.
    pub queries: usize,
    /// Rows of which the task says that they are none of its business; it gives no reason.
    pub not_applicable: usize,
    /// Rows that break a rule of the task or on which it failed, by what it says of them.
    pub failed: BTreeMap<String, usize>,
    /// What else a person should know.
    pub notes: Vec<String>,
}

impl RowCount {
    pub(super) fn of(rows: &Rows) -> RowCount {
        RowCount {
            path: rows.path.clone(),
            form: rows.form.to_string(),
            read: rows.len(),
            looked_at: 0,
            unreadable: unreadable(rows),
            queries: 0,
            not_applicable: 0,
            failed: BTreeMap::new(),
            notes: rows.notes.clone(),
        }
    }

    /// Rows that are read and shown to the task only when they are needed.
    fn is_partial(&self) -> bool {
        self.looked_at < self.read
    }

    /// Rows that broke a rule or that the task failed on.
    pub(super) fn num_failed(&self) -> usize {
        self.failed.values().sum()
    }
}

impl fmt::Display for RowCount {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RowCount {
            path,
            form,
            read,
            looked_at,
            unreadable,
            queries,
            not_applicable,
            failed,
            notes,
        } = self;
        let path = Line(path.display());
        write!(to, "{read} in `{path}` ({form}), ")?;
        if self.is_partial() {
            write!(to, "read when they are needed; of {looked_at} so far, ")?;
        }
        write!(to, "{queries} make queries")?;
        if *not_applicable > 0 {
            write!(to, ", {not_applicable} do not apply, as the task says")?;
        }
        if !failed.is_empty() {
            write!(to, ", {} left out with an error", self.num_failed())?;
        }
        if !unreadable.is_empty() {
            let count: usize = unreadable.values().sum();
            write!(to, ", {count} more cannot be read and are left out")?;
        }
        for (reason, count) in most_frequent(failed).chain(most_frequent(unreadable)) {
            write!(to, "\n           {count} x {}", Line(reason))?;
        }
        for note in notes {
            write!(to, "\n           note: {note}")?;
        }
        Ok(())
    }
}

/// The most frequent reasons, and the rest as one.
fn most_frequent(reasons: &BTreeMap<String, usize>) -> impl Iterator<Item = (&str, usize)> {
    let mut sorted: Vec<(&str, usize)> = reasons.iter().map(|(r, n)| (r.as_str(), *n)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    if sorted.len() > REASONS {
        let rest = sorted.split_off(REASONS);
        sorted.push(("other reasons", rest.iter().map(|(_, count)| count).sum()));
    }
    sorted.into_iter()
}

/// What is wrong with rows that cannot be read, in words that are the same for all that are wrong so, and where the first
/// such row is.
fn unreadable(rows: &Rows) -> BTreeMap<String, usize> {
    let mut kinds: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for (place, error) in &rows.bad {
        let said = format!("{error:#}");
        let said = said.lines().next().unwrap_or_default();
        let kind = said.split(" at column ").next().unwrap_or_default();
        let first = || (format!("{kind}, first {}", rows.place_of(*place)), 0);
        kinds.entry(kind.to_owned()).or_insert_with(first).1 += 1;
    }
    kinds.into_values().collect()
}

/// A count while it is made.
pub(super) struct Tally {
    pub(super) count: RowCount,
    /// What is wrong with the first row that failed, and where it is.
    pub(super) first: Option<String>,
}

impl Tally {
    pub(super) fn of(rows: &Rows) -> Tally {
        Tally {
            count: RowCount::of(rows),
            first: None,
        }
    }

    /// Counts a row on which the task failed.
    pub(super) fn fail(&mut self, text: &str, place: impl FnOnce() -> String) {
        self.first
            .get_or_insert_with(|| format!("{}: {text}", place()));
        *self.count.failed.entry(reason(text)).or_default() += 1;
    }
}

/// Why a row failed, in words that are the same for all rows that fail so: without the row's number.
fn reason(text: &str) -> String {
    const ROW: &str = "row ";
    let mut parts = text.split(ROW);
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_digit());
        said.push_str(ROW);
        if rest.len() < part.len() {
            said.push('N');
        }
        said.push_str(rest);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_without_the_numbers_of_rows() {
        assert_eq!(
            reason("data row 17 has no field \"row 3x\""),
            "data row N has no field \"row Nx\""
        );
        assert_eq!(reason("a row of 5 words, row "), "a row of 5 words, row ");
    }
}

//! What became of the rows of data: nothing is left out unseen.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::rows::Rows;
use crate::terminal::Line;

/// Most reasons that are told one by one.
const REASONS: usize = 4;
/// Most reasons that are counted one by one: where there are more, they say more of each row than of its kind.
const KINDS: usize = 64;
/// What the rest of them is called.
const OTHERS: &str = "other reasons";

/// What became of the rows of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreadable: BTreeMap<String, usize>,
    /// Rows that make queries.
    pub queries: usize,
    /// Rows of which the task says that they are none of its business.
    pub not_applicable: usize,
    /// Those of them of which it says why, by what it says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, usize>,
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
            dropped: BTreeMap::new(),
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

    /// How many rows do not apply, and why most of them do not, where the task says so.
    pub(super) fn none_of_its_business(&self) -> String {
        let said = most_frequent(&self.dropped);
        let said: Vec<String> = said
            .map(|(reason, count)| format!("{count} x {}", Line(reason)))
            .collect();
        let why = match said.is_empty() {
            true => String::new(),
            false => format!(": {}", said.join(", ")),
        };
        format!("{} do not apply{why}", self.not_applicable)
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
            dropped,
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
        for (reason, count) in [dropped, failed, unreadable]
            .into_iter()
            .flat_map(most_frequent)
        {
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
    // The rest may have been counted as one already.
    sorted.sort_by_key(|(reason, count)| (*reason == OTHERS, std::cmp::Reverse(*count)));
    let known = sorted
        .iter()
        .filter(|(reason, _)| *reason != OTHERS)
        .count();
    let rest = sorted.split_off(known.min(REASONS));
    let rest: usize = rest.iter().map(|(_, count)| count).sum();
    sorted.extend((rest > 0).then_some((OTHERS, rest)));
    sorted.into_iter()
}

/// What is wrong with rows that cannot be read, in words that are the same for all that are wrong so, and where the first
/// such row is.
fn unreadable(rows: &Rows) -> BTreeMap<String, usize> {
    let kinds = rows.bad.kinds();
    let kinds = kinds.map(|(kind, place, count)| {
        let first = rows.place_of(place);
        (format!("{kind}, first {first}"), count)
    });
    let others = Some(rows.bad.others()).filter(|count| *count > 0);
    let others = others.map(|count| (OTHERS.to_owned(), count));
    kinds.chain(others).collect()
}

/// A count while it is made.
#[derive(Clone)]
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

    /// Counts a row that the task drops, by what it says of it, if anything.
    pub(super) fn leave_out(&mut self, why: Option<&str>) {
        self.count.not_applicable += 1;
        if let Some(text) = why {
            add(&mut self.count.dropped, text);
        }
    }

    /// Counts a row on which the task failed.
    pub(super) fn fail(&mut self, text: &str, place: impl FnOnce() -> String) {
        self.first
            .get_or_insert_with(|| format!("{}: {text}", place()));
        add(&mut self.count.failed, text);
    }
}

fn add(reasons: &mut BTreeMap<String, usize>, text: &str) {
    let reason = reason(text);
    let is_told = reasons.len() < KINDS || reasons.contains_key(&reason);
    let kind = if is_told { reason } else { OTHERS.to_owned() };
    *reasons.entry(kind).or_default() += 1;
}

/// Why a row makes no query, in words that are the same for all rows of which that is so: without the row's number.
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

    #[test]
    fn rows_that_are_dropped_are_counted_by_reason() {
        let mut tally = Tally::of(&Rows::numbered(9));
        tally.leave_out(Some("has no text"));
        for row in 0..5 {
            tally.leave_out(Some(&format!("row {row} is short")));
        }
        tally.leave_out(None);
        let count = tally.count;
        let dropped = [("has no text", 1), ("row N is short", 5)];
        let dropped = dropped.map(|(reason, count)| (reason.to_owned(), count));
        assert_eq!(count.dropped, BTreeMap::from(dropped));
        let said = "7 do not apply, as the task says\n           5 x row N is short\n           1 x has no text";
        assert!(count.to_string().contains(said), "{count}");
        let why = "7 do not apply: 5 x row N is short, 1 x has no text";
        assert_eq!(count.none_of_its_business(), why);
    }

    #[test]
    fn reasons_that_are_each_row_s_own_become_one() {
        let mut tally = Tally::of(&Rows::numbered(9));
        for words in 0..1000 {
            tally.leave_out(Some(&format!("has {words} words")));
        }
        tally.leave_out(Some("has 0 words"));
        let count = tally.count;
        assert_eq!(count.dropped.len(), KINDS + 1);
        assert_eq!(count.dropped.values().sum::<usize>(), 1001);
        let said = count.to_string();
        assert!(said.contains("\n           2 x has 0 words\n"), "{said}");
        assert!(said.ends_with("\n           996 x other reasons"), "{said}");
    }

    #[test]
    fn counts_of_before_are_read() {
        let count = Tally::of(&Rows::numbered(9)).count;
        let written = serde_json::to_value(&count).unwrap();
        assert!(written.get("dropped").is_none() && written.get("unreadable").is_none());
        assert_eq!(serde_json::from_value::<RowCount>(written).unwrap(), count);
    }
}

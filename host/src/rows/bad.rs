//! Rows that cannot be read and are passed over: counted by what is wrong with them, and kept one by one only where each is
//! told, since of a large file there may be millions.

use std::collections::BTreeMap;

use anyhow::Error;

/// Kinds that are told apart; more are one.
const KINDS: usize = 64;

/// What is wrong with rows, and how many there are.
#[derive(Debug, Default)]
pub struct Bad {
    count: usize,
    /// The first by its place, as people count.
    first: Option<(u64, String)>,
    kinds: BTreeMap<String, Kind>,
    others: usize,
    /// Each, where they are told one by one.
    each: Option<Vec<(u64, Error)>>,
}

#[derive(Debug)]
struct Kind {
    first: u64,
    count: usize,
}

impl Bad {
    /// None so far, of which each will be told.
    pub(super) fn one_by_one() -> Bad {
        Bad {
            each: Some(Vec::new()),
            ..Bad::default()
        }
    }

    pub(super) fn push(&mut self, place: u64, error: Error) {
        let said = format!("{error:#}");
        self.count += 1;
        let kind = said.lines().next().unwrap_or_default();
        let kind = kind.split(" at column ").next().unwrap_or_default();
        let is_full = self.kinds.len() >= KINDS;
        if let Some(known) = self.kinds.get_mut(kind) {
            known.count += 1;
        } else if is_full {
            self.others += 1;
        } else {
            let first = Kind {
                first: place,
                count: 1,
            };
            self.kinds.insert(kind.to_owned(), first);
        }
        self.first.get_or_insert((place, said));
        if let Some(each) = &mut self.each {
            each.push((place, error));
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The place of the first, and what is wrong with it.
    #[must_use]
    pub fn first(&self) -> Option<(u64, &str)> {
        self.first
            .as_ref()
            .map(|(place, said)| (*place, said.as_str()))
    }

    /// What is wrong, in words that are the same for all rows that are wrong so, where the first of them is, and how many
    /// there are.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, u64, usize)> {
        let kinds = self.kinds.iter();
        kinds.map(|(said, kind)| (said.as_str(), kind.first, kind.count))
    }

    /// Rows that are wrong in ways that are too many to be told apart.
    #[must_use]
    pub fn others(&self) -> usize {
        self.others
    }

    /// Each, with its place.
    pub(super) fn take_each(&mut self) -> Vec<(u64, Error)> {
        self.each.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn rows_without_end_are_few_kinds() {
        let mut bad = Bad::default();
        for row in 0..1000 {
            bad.push(row, anyhow!("is cut at column {row}\nhint: look"));
            bad.push(row, anyhow!("there is no `{row}`"));
        }
        assert_eq!(bad.len(), 2000);
        assert_eq!(bad.first(), Some((0, "is cut at column 0\nhint: look")));
        let kinds: Vec<_> = bad.kinds().collect();
        assert_eq!(kinds.len(), KINDS);
        assert_eq!(kinds[0], ("is cut", 0, 1000));
        assert_eq!(kinds[1], ("there is no `0`", 0, 1));
        assert_eq!(bad.others(), 1000 - (KINDS - 1));
        assert!(bad.take_each().is_empty());
    }
}

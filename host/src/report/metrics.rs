//! A run's metrics as columns, and few points of many that show what all of them do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::lines;

/// The numbers of `metrics.jsonl`, a column for each key.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    updates: Vec<u64>,
    keys: Vec<String>,
    /// By key: as many as there are updates; not a number where there is none.
    columns: Vec<Vec<f64>>,
    /// The line of each update in the file, from 0.
    lines: Vec<usize>,
}

/// Points of several keys, as a page draws them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Series {
    /// The updates that are shown, counted from 0.
    pub update: Vec<u64>,
    /// For each key a number for each of these updates; none where there is none.
    pub series: BTreeMap<String, Vec<Option<f64>>>,
}

impl Metrics {
    /// Reads the file; one that is not there is empty, and a last line that is being written is left out.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(path: &Path) -> Result<Metrics> {
        Ok(Metrics::of(&lines::whole(path)?))
    }

    /// Of the file's whole lines.
    pub(super) fn of(bytes: &[u8]) -> Metrics {
        let mut metrics = Metrics::default();
        let mut places = HashMap::new();
        for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let Ok(Numbers(numbers)) = serde_json::from_slice(line) else {
                continue;
            };
            let Some((_, update)) = numbers.iter().find(|(key, _)| key == "update") else {
                continue;
            };
            metrics.updates.push(*update as u64);
            metrics.lines.push(number);
            let row = metrics.updates.len();
            for (key, value) in numbers.into_iter().filter(|(key, _)| key != "update") {
                let place = *places.entry(key).or_insert_with_key(|key| {
                    metrics.keys.push(key.clone());
                    metrics.columns.push(Vec::new());
                    metrics.keys.len() - 1
                });
                let column = &mut metrics.columns[place];
                column.resize(row - 1, f64::NAN);
                column.push(value);
            }
        }
        let rows = metrics.updates.len();
        let columns = metrics.columns.iter_mut();
        columns.for_each(|column| column.resize(rows, f64::NAN));
        metrics
    }

    /// The names of all numbers, in the order in which the file has them.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The updates that the file has, counted from 0.
    #[must_use]
    pub fn updates(&self) -> &[u64] {
        &self.updates
    }

    /// All numbers of a key, one for each update; not a number where there is none.
    #[must_use]
    pub fn column(&self, key: &str) -> Option<&[f64]> {
        let place = self.keys.iter().position(|known| known == key)?;
        Some(&self.columns[place])
    }

    /// The last number of a key.
    #[must_use]
    pub fn last(&self, key: &str) -> Option<f64> {
        let column = self.column(key)?.iter();
        column.copied().rfind(|value| value.is_finite())
    }

    /// The line of the file in which the update of a row stands, from 0.
    pub(super) fn line(&self, row: usize) -> usize {
        self.lines[row]
    }

    /// About `points` of all updates, of `keys` or, where none are named, of all: of each of as many stretches of equal
    /// length the rows in which a key is least and most, so that no spike is lost, and the first and the last.
    #[must_use]
    pub fn down_sampled(&self, keys: &[String], points: usize) -> Series {
        let named = keys.iter().filter(|key| self.column(key).is_some());
        let keys: Vec<&String> = match keys {
            [] => self.keys.iter().collect(),
            _ => named.collect(),
        };
        let columns: Vec<&[f64]> = keys.iter().filter_map(|key| self.column(key)).collect();
        let rows = chosen(&columns, self.updates.len(), points);
        let of = |column: &&[f64]| -> Vec<Option<f64>> {
            let values = rows.iter().map(|row| column[*row]);
            values
                .map(|value| value.is_finite().then_some(value))
                .collect()
        };
        Series {
            update: rows.iter().map(|row| self.updates[*row]).collect(),
            series: keys
                .into_iter()
                .cloned()
                .zip(columns.iter().map(of))
                .collect(),
        }
    }
}

/// The rows that are kept of `count`, in their order.
pub(super) fn chosen(columns: &[&[f64]], count: usize, points: usize) -> Vec<usize> {
    if count <= points.max(2) || columns.is_empty() {
        return (0..count).collect();
    }
    // Each stretch keeps up to two rows a key.
    let stretches = (points / (2 * columns.len())).max(1);
    let mut rows = BTreeSet::from([0, count - 1]);
    for stretch in 0..stretches {
        let (from, to) = (
            stretch * count / stretches,
            (stretch + 1) * count / stretches,
        );
        for column in columns {
            let finite = || (from..to).filter(|row| column[*row].is_finite());
            rows.extend(finite().min_by(|a, b| column[*a].total_cmp(&column[*b])));
            rows.extend(finite().max_by(|a, b| column[*a].total_cmp(&column[*b])));
        }
    }
    rows.into_iter().collect()
}

/// A line's names and numbers, read without a tree of values: a page of 10,000 updates waits for it.
struct Numbers(Vec<(String, f64)>);

impl<'de> serde::Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Numbers;

            fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                to.write_str("an object of numbers")
            }

            fn visit_map<M: MapAccess<'de>>(
                self,
                mut map: M,
            ) -> std::result::Result<Numbers, M::Error> {
                let mut pairs = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Option<f64>>()? {
                    pairs.push((key, value.unwrap_or(f64::NAN)));
                }
                Ok(Numbers(pairs))
            }
        }
        from.deserialize_map(Pairs)
    }
}

//! Numbers of a run: an ordered record of name and value, and its log of JSON lines.
//!
//! One line an update, `{"update":3,"objective/kl":0.2}`, written by one call and then synced.
//! A number that is not finite is `null`. Does not know what the names mean.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use crate::disk::{append, unwritten};

/// Names and values in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    entries: Vec<(String, f64)>,
}

impl Record {
    /// Sets a value; a name that is there keeps its place.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.entries.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.entries.push((name, value)),
        }
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.entries
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| *value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
    }
}

impl<N: Into<String>> Extend<(N, f64)> for Record {
    fn extend<I: IntoIterator<Item = (N, f64)>>(&mut self, entries: I) {
        entries
            .into_iter()
            .for_each(|(name, value)| self.set(name, value));
    }
}

/// A file of JSON lines that only grows, except on resume.
#[derive(Debug)]
pub struct MetricsLog {
    file: File,
    path: PathBuf,
}

impl MetricsLog {
    /// An empty log; what the file held is gone.
    pub fn create(path: &Path) -> Result<MetricsLog> {
        let file =
            File::create(path).with_context(|| format!("could not create `{}`", path.display()))?;
        Ok(MetricsLog {
            file,
            path: path.to_owned(),
        })
    }

    /// The log up to and including `last_update`; later lines and a torn last line are cut off.
    pub fn resume(path: &Path, last_update: u64) -> Result<MetricsLog> {
        let failed = || format!("could not resume the log `{}`", path.display());
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).with_context(failed)?;
        let bytes = std::fs::read(path).with_context(failed)?;
        let kept: usize = whole_lines(&bytes)
            .take_while(|line| parse(line).is_some_and(|(update, _)| update <= last_update))
            .map(<[u8]>::len)
            .sum();
        file.set_len(kept as u64).with_context(failed)?;
        file.seek(SeekFrom::End(0)).with_context(failed)?;
        file.sync_all().with_context(failed)?;
        Ok(MetricsLog {
            file,
            path: path.to_owned(),
        })
    }

    /// Adds one line.
    pub fn append(&mut self, update: u64, record: &Record) -> Result<()> {
        let mut object = Map::new();
        object.insert("update".into(), update.into());
        // `Value::from` turns what is not finite into null.
        object.extend(
            record
                .iter()
                .map(|(name, value)| (name.to_owned(), Value::from(value))),
        );
        let mut line = Value::Object(object).to_string();
        line.push('\n');
        append(&mut self.file, &self.path, line.as_bytes())?;
        let synced = self.file.sync_data();
        synced.map_err(|error| unwritten(&self.path, line.len() as u64, error.into()))
    }
}

/// Every whole line of a log; `null` reads as not a number.
pub fn read(path: &Path) -> Result<Vec<(u64, Record)>> {
    let bytes =
        std::fs::read(path).with_context(|| format!("could not read `{}`", path.display()))?;
    let lines = whole_lines(&bytes).enumerate().map(|(idx, line)| {
        parse(line).with_context(|| {
            format!(
                "line {} of `{}` is not a metrics line",
                idx + 1,
                path.display()
            )
        })
    });
    lines.collect()
}

fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.ends_with(b"\n"))
}

fn parse(line: &[u8]) -> Option<(u64, Record)> {
    let object: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let update = object.get("update")?.as_u64()?;
    let mut record = Record::default();
    let values = object.iter().filter(|(name, _)| *name != "update");
    record.extend(values.map(|(name, value)| (name.as_str(), value.as_f64().unwrap_or(f64::NAN))));
    Some((update, record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn record(value: f64) -> Record {
        let mut record = Record::default();
        record.extend([("z", value), ("a", f64::INFINITY)]);
        record
    }

    #[test]
    fn a_killed_and_resumed_log_equals_an_uninterrupted_one() {
        let folder = tempfile::tempdir().unwrap();
        let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
        let mut log = MetricsLog::create(&whole).unwrap();
        (0..6).for_each(|update| log.append(update, &record(update as f64 / 3.0)).unwrap());

        let mut log = MetricsLog::create(&killed).unwrap();
        (0..5).for_each(|update| log.append(update, &record(update as f64 / 3.0)).unwrap());
        OpenOptions::new()
            .append(true)
            .open(&killed)
            .unwrap()
            .write_all(b"{\"update\":5,\"z")
            .unwrap();
        let mut log = MetricsLog::resume(&killed, 2).unwrap();
        (3..6).for_each(|update| log.append(update, &record(update as f64 / 3.0)).unwrap());

        assert_eq!(
            std::fs::read(&whole).unwrap(),
            std::fs::read(&killed).unwrap()
        );
        let lines = read(&killed).unwrap();
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[1].1.get("z"), Some(1.0 / 3.0));
        assert!(lines[1].1.get("a").unwrap().is_nan());
        assert_eq!(
            lines[1].1.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            ["z", "a"]
        );
    }

    #[test]
    fn resuming_nothing_starts_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        MetricsLog::resume(&path, 9)
            .unwrap()
            .append(10, &record(1.0))
            .unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"update\":10,\"z\":1.0,\"a\":null}\n"
        );
    }
}

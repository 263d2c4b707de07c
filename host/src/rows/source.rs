//! A file of rows as it is opened: what it is, and what its name says.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Result, bail};
use serde::de::IgnoredAny;

use super::FORMS;
use super::opened::{Itself, Opened};
use crate::outside::{HEAD, Kind, without_mark};

/// Bytes that are read at a time.
const BUFFER: usize = 1 << 16;

/// What a name says that its file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Json,
    Csv,
    Tsv,
    Parquet,
    Text,
    /// Nothing that is known.
    Other,
}

impl Ending {
    fn of(path: &Path) -> Ending {
        let ending = |path: &Path| {
            let ending = path.extension().unwrap_or_default();
            ending.to_string_lossy().to_lowercase()
        };
        let mut said = ending(path);
        if ["gz", "gzip", "zst", "zstd"].contains(&said.as_str()) {
            said = ending(&path.with_extension(""));
        }
        match said.as_str() {
            "json" | "jsonl" | "ndjson" | "jsonlines" | "jl" => Ending::Json,
            "csv" => Ending::Csv,
            "tsv" | "tab" => Ending::Tsv,
            "parquet" | "pq" => Ending::Parquet,
            "txt" | "text" | "md" | "log" => Ending::Text,
            _ => Ending::Other,
        }
    }

    pub(super) fn what(self) -> &'static str {
        match self {
            Ending::Json => "JSON",
            Ending::Csv => "CSV",
            Ending::Tsv => "TSV",
            Ending::Parquet => "Parquet",
            Ending::Text => "plain text",
            Ending::Other => "nothing",
        }
    }
}

/// A file that was looked at and not read yet.
pub(super) struct Source {
    pub(super) kind: Kind,
    pub(super) ending: Ending,
    /// All bytes, unpacked, without a byte order mark.
    pub(super) reader: Box<dyn BufRead>,
    pub(super) itself: Itself,
    /// Bytes of the mark.
    pub(super) mark: u64,
    head: Vec<u8>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Source> {
        let there = || format!("hint: name a file that is there; {FORMS}");
        if path.is_dir() {
            bail!("it is a folder\n{}", there());
        }
        let opened = Opened::at(path).map_err(|error| match error.is::<io::Error>() {
            true => error.context(there()),
            false => error,
        })?;
        let Opened { kind, head, .. } = opened;
        let mark = head.len() - without_mark(&head).len();
        let mut reader = BufReader::with_capacity(BUFFER, opened.reader);
        reader.read_exact(&mut head[..mark].to_vec())?;
        Ok(Source {
            kind,
            ending: Ending::of(path),
            reader: Box::new(reader),
            itself: opened.itself,
            mark: mark as u64,
            head,
        })
    }

    /// What was looked at.
    pub(super) fn head(&self) -> &[u8] {
        without_mark(&self.head)
    }

    /// The lines that were looked at and are not cut.
    pub(super) fn whole_lines(&self) -> Vec<&str> {
        let text = std::str::from_utf8(self.head()).unwrap_or_default();
        let whole = match self.head.len() < HEAD {
            true => text,
            false => text.rsplit_once('\n').map_or("", |(whole, _)| whole),
        };
        whole
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect()
    }

    /// Whether the first value is JSON, as far as it was looked at.
    pub(super) fn begins_json(&self) -> bool {
        let text = without_mark(&self.head);
        let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Err(error)) => error.is_eof(),
            first => first.is_some(),
        }
    }
}

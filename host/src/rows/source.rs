//! A file as it is opened: what it is, what its name says, and its bytes, unpacked where they are packed.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use serde::de::IgnoredAny;

use super::FORMS;
use crate::outside::{HEAD, Kind, kind_of, without_mark};

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
    pub(super) reader: Box<dyn io::BufRead>,
    head: Vec<u8>,
    path: PathBuf,
    packed: bool,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Source> {
        let there = || format!("hint: name a file that is there; {FORMS}");
        if path.is_dir() {
            bail!("it is a folder\n{}", there());
        }
        let mut reader: Box<dyn Read> = Box::new(File::open(path).with_context(there)?);
        let mut head = beginning(&mut reader).with_context(there)?;
        let mut kind = kind_of(&head);
        let packed = matches!(kind, Kind::Gzip | Kind::Zstd);
        if packed {
            let whole = Cursor::new(head).chain(reader);
            reader = match kind {
                Kind::Gzip => Box::new(MultiGzDecoder::new(whole)),
                _ => Box::new(zstd::stream::read::Decoder::new(whole)?),
            };
            head = beginning(&mut reader).with_context(|| {
                format!(
                    "it is {} and damaged\nhint: fetch it or pack it again",
                    kind.what()
                )
            })?;
            kind = kind_of(&head);
        }
        let text = without_mark(&head).to_vec();
        Ok(Source {
            kind,
            ending: Ending::of(path),
            reader: Box::new(BufReader::new(Cursor::new(text).chain(reader))),
            head,
            path: path.to_owned(),
            packed,
        })
    }

    /// The file itself, where it is not packed.
    pub(super) fn plain_file(&self) -> Option<io::Result<File>> {
        (!self.packed).then(|| File::open(&self.path))
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

fn beginning(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

//! Where rows are: in memory, in a file that is read again where it is needed, or nowhere, being only numbers.

use std::fs::{File, Metadata};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use super::lines::LONGEST;
use super::starts::Starts;
use crate::outside::without_mark;

const FULL: &str =
    "cannot keep rows that do not fit in memory\nhint: let TMPDIR name a folder with more space";

/// The rows of a file.
#[derive(Debug)]
pub(super) enum Kept {
    /// JSON texts.
    Held(Vec<String>),
    /// Lines of a file.
    Lying(Lying),
    /// So many numbers.
    Numbered(usize),
}

/// Lines that are read when they are wanted.
#[derive(Debug)]
pub(super) struct Lying {
    file: File,
    /// Where each line begins, in bytes.
    starts: Starts,
    /// How what stands there becomes JSON.
    lines: Lines,
    /// A copy that is being made, until it is whole.
    copy: Option<(BufWriter<File>, u64)>,
    /// The file that was named, where it is itself read again, and what it was.
    itself: Option<(PathBuf, Stamp)>,
}

/// What the lines of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    Json,
    Text,
}

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    written: Option<SystemTime>,
}

impl Stamp {
    fn of(meta: &Metadata) -> Stamp {
        Stamp {
            bytes: meta.len(),
            written: meta.modified().ok(),
        }
    }
}

impl Kept {
    pub(super) fn len(&self) -> usize {
        match self {
            Kept::Held(texts) => texts.len(),
            Kept::Lying(lying) => lying.starts.len(),
            Kept::Numbered(count) => *count,
        }
    }

    /// Takes a row's JSON.
    pub(super) fn push(&mut self, json: String) -> Result<()> {
        match self {
            Kept::Held(texts) => texts.push(json),
            Kept::Lying(lying) => lying.push(json)?,
            Kept::Numbered(_) => bail!("numbered rows are not read"),
        }
        Ok(())
    }

    /// All rows are known.
    pub(super) fn close(&mut self) -> Result<()> {
        let Kept::Lying(lying) = self else {
            return Ok(());
        };
        lying.starts.close();
        match lying.copy.take() {
            Some((mut copy, _)) => Ok(copy.flush().context(FULL)?),
            None => Ok(()),
        }
    }

    /// The JSON of the row at `index`.
    pub(super) fn get(&self, index: usize) -> Result<String> {
        match self {
            Kept::Held(texts) => Ok(texts[index].clone()),
            Kept::Lying(lying) => lying.get(index),
            Kept::Numbered(_) => Ok(format!("{{\"row\":{index}}}")),
        }
    }
}

impl Lying {
    /// The lines of the file at `path`, none of which is known yet.
    pub(super) fn of(path: &Path, lines: Lines) -> Result<Lying> {
        let file = File::open(path)?;
        let stamp = Stamp::of(&file.metadata()?);
        Ok(Lying {
            file,
            starts: Starts::default(),
            lines,
            copy: None,
            itself: Some((path.to_owned(), stamp)),
        })
    }

    /// A copy of rows that cannot be found again where they come from; it is gone when the program ends.
    pub(super) fn copied() -> Result<Lying> {
        let copy = tempfile::tempfile().context(
            "cannot make a file for rows that do not fit in memory\nhint: let TMPDIR name a folder with space",
        )?;
        Ok(Lying {
            file: copy.try_clone()?,
            starts: Starts::default(),
            lines: Lines::Json,
            copy: Some((BufWriter::new(copy), 0)),
            itself: None,
        })
    }

    fn push(&mut self, json: String) -> Result<()> {
        let (copy, bytes) = self.copy.as_mut().context("the copy of rows is closed")?;
        self.starts.push(*bytes);
        // An element of an array may go over several lines; in its texts no line ends as such.
        let json = json.replace(['\n', '\r'], " ");
        *bytes += json.len() as u64 + 1;
        writeln!(copy, "{json}").context(FULL)
    }

    /// Whether it is the file that was named that is read again.
    pub(super) fn is_itself(&self) -> bool {
        self.itself.is_some()
    }

    /// Takes a line of the file itself.
    pub(super) fn found(&mut self, start: u64) {
        self.starts.push(start);
    }

    fn get(&self, index: usize) -> Result<String> {
        if let Some((path, stamp)) = &self.itself {
            let now = std::fs::metadata(path).map(|meta| Stamp::of(&meta));
            if now.as_ref().ok() != Some(stamp) {
                bail!(
                    "`{}` was changed while its rows are read\nhint: put it back as it was, and go on with `--resume`",
                    path.display()
                );
            }
        }
        let start = self.starts.get(index).context("there is no such row")?;
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(start))?;
        let line = line_of(&mut reader)?;
        let text = std::str::from_utf8(without_mark(&line))?;
        match self.lines {
            Lines::Json => Ok(text.trim().to_owned()),
            Lines::Text => Ok(serde_json::to_string(text)?),
        }
    }
}

/// Bytes up to the end of a line.
fn line_of(reader: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    for byte in reader.take(LONGEST).bytes() {
        match byte? {
            b'\n' | b'\r' => break,
            other => line.push(other),
        }
    }
    Ok(line)
}

/// Numbers that mostly follow one another, in little space.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// Where a number does not follow the one before: its index, and itself.
    begun: Vec<(usize, u64)>,
    len: usize,
}

impl Numbers {
    /// As many, from 0.
    pub(super) fn up_to(len: usize) -> Numbers {
        let begun = vec![(0, 0)];
        Numbers { begun, len }
    }

    pub(super) fn push(&mut self, number: u64) {
        let follows = self
            .begun
            .last()
            .is_some_and(|(index, first)| first + (self.len - index) as u64 == number);
        if !follows {
            self.begun.push((self.len, number));
        }
        self.len += 1;
    }

    pub(super) fn get(&self, index: usize) -> Option<u64> {
        if index >= self.len {
            return None;
        }
        let after = self.begun.partition_point(|(begun, _)| *begun <= index);
        let (begun, first) = self.begun[after - 1];
        Some(first + (index - begun) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_was_pushed() {
        let pushed = [1, 2, 3, 7, 8, 5, 5, 6, 100];
        let mut numbers = Numbers::default();
        pushed.iter().for_each(|number| numbers.push(*number));
        let got = (0..pushed.len()).map(|index| numbers.get(index).unwrap());
        assert_eq!(got.collect::<Vec<_>>(), pushed);
        assert_eq!(numbers.get(pushed.len()), None);
        assert_eq!(numbers.begun.len(), 5);
    }
}

//! Files that labels travel in. Each format says what of a label it cannot carry; nothing is dropped
//! in silence.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::Label;

mod lines;
mod original;

/// No line may be longer: a file without line breaks is not read into memory to find that out.
const LONGEST_LINE: u64 = 64 << 20;
/// Nor may a file that has to be read whole.
const LARGEST_FILE: u64 = 4 << 30;

/// How labels are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Attune's own: a label a line, as JSON, with everything.
    Lines,
    /// The original implementation's: a JSON array of token ids.
    Original,
}

impl Format {
    /// All formats with their names.
    pub const ALL: &[(&str, Format)] = &[("jsonl", Format::Lines), ("original", Format::Original)];
}

/// A file, and what of the labels is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The file.
    pub bytes: Vec<u8>,
    /// How many labels are in it.
    pub labels: usize,
    /// How many labels lack what, for everything that the format cannot carry.
    pub lost: BTreeMap<String, usize>,
}

impl Written {
    fn lose(&mut self, what: impl Into<String>) {
        *self.lost.entry(what.into()).or_default() += 1;
    }
}

/// All labels of a file. An error names the file, the line or row, and the field.
pub fn read(path: &Path, format: Format) -> Result<Vec<Label>> {
    let about = || format!("cannot read labels from `{}`", path.display());
    let file = std::fs::File::open(path).with_context(about)?;
    let labels = match format {
        Format::Lines => lines::read(BufReader::new(file)),
        Format::Original => original::read(&whole(file).with_context(about)?),
    };
    let labels = labels.with_context(about)?;
    if labels.is_empty() {
        return Err(anyhow!("it has no labels\nhint: is it the right file?")).with_context(about);
    }
    Ok(labels)
}

/// Labels as a file.
pub fn write(labels: &[Label], format: Format) -> Result<Written> {
    match format {
        Format::Lines => lines::write(labels),
        Format::Original => original::write(labels),
    }
}

fn whole(file: std::fs::File) -> Result<String> {
    let mut text = String::new();
    let read = file.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST_FILE {
        bail!(
            "it is larger than {} GiB\nhint: split it",
            LARGEST_FILE >> 30
        );
    }
    Ok(text)
}

/// Calls `each` with the number, from 1, and the text of every line that is not empty.
fn for_lines(
    mut file: impl BufRead,
    mut each: impl FnMut(usize, &str) -> Result<()>,
) -> Result<()> {
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = file
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut bytes)?;
        if read == 0 {
            break;
        }
        if read as u64 == LONGEST_LINE && bytes.last() != Some(&b'\n') {
            bail!(
                "line {number} is longer than {} MiB\nhint: a label is a line; is it the right format?",
                LONGEST_LINE >> 20
            );
        }
        let text = std::str::from_utf8(&bytes)
            .with_context(|| format!("line {number} is not UTF-8 text"))?;
        // Spreadsheets put a byte order mark before the first line.
        let text = text.trim_start_matches('\u{feff}').trim();
        if !text.is_empty() {
            each(number, text)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

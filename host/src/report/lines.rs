//! Files of JSON lines as they are while somebody writes them: what is whole is read, and a torn last line is left for
//! later. Knows lines, not what they say.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How much of a file's end is read at first, to find its last lines.
const END: u64 = 1 << 16;

/// All bytes up to the end of the last whole line; none where there is no file.
pub(super) fn whole(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.with_context(|| format!("cannot read `{}`", path.display()))?,
    };
    bytes.truncate(end_of_lines(&bytes));
    Ok(bytes)
}

/// Where the last whole line ends.
fn end_of_lines(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte == b'\n');
    last.map_or(0, |at| at + 1)
}

/// What all whole lines say that say such a thing, each with its number from 0. Where a process was killed in the middle of
/// a line and went on, that line is none.
pub(super) fn values<T: DeserializeOwned>(bytes: &[u8]) -> impl Iterator<Item = (usize, T)> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate();
    lines.filter_map(|(number, line)| Some((number, serde_json::from_slice(line).ok()?)))
}

/// The file's whole lines from its end, as many as `enough` asks for: it is shown the lines found so far, oldest first,
/// until it says true or all are there.
pub(super) fn from_end(path: &Path, enough: impl Fn(&[Value]) -> bool) -> Result<Vec<Value>> {
    let about = || format!("cannot read `{}`", path.display());
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened.with_context(about)?,
    };
    let len = file.metadata().with_context(about)?.len();
    let mut wanted = END;
    loop {
        let from = len.saturating_sub(wanted);
        file.seek(SeekFrom::Start(from)).with_context(about)?;
        let mut bytes = Vec::new();
        (&file)
            .take(len - from)
            .read_to_end(&mut bytes)
            .with_context(about)?;
        bytes.truncate(end_of_lines(&bytes));
        // What stands before the first line break is the rest of a line, unless it is the file's begin.
        let begin = match from {
            0 => 0,
            _ => bytes
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(bytes.len(), |at| at + 1),
        };
        let found: Vec<Value> = values(&bytes[begin..]).map(|(_, value)| value).collect();
        if from == 0 || enough(&found) {
            return Ok(found);
        }
        wanted = wanted.saturating_mul(4);
    }
}

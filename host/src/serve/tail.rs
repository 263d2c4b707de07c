//! A file of JSON lines while it grows: what was added since it was last looked at, by its place in the file. A last line
//! that is not whole yet is waited for. A file that is shorter than it was, or another one under the same name, was cut by
//! a run that goes on from a checkpoint. Costs who writes it nothing: it is opened, read from there on and closed.

use std::fs::File;
use std::io::{ErrorKind, Read, Result, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// Bytes that are read at a time; a longer line is passed over.
const MOST: u64 = 16 << 20;

/// Where somebody is in a file that grows.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    /// Bytes that were read: whole lines.
    at: u64,
    /// Which file it was.
    file: Option<u64>,
}

/// What was added.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Grown {
    /// Whole lines, of which all are JSON.
    pub(super) lines: Vec<Value>,
    /// Whether what was read before holds no more; reading goes on at the end of what is there now.
    pub(super) cut: bool,
}

#[derive(Deserialize)]
struct Numbered {
    update: u64,
}

impl Tail {
    /// From the end of what is there.
    pub(super) fn at_end(path: &Path) -> Result<Tail> {
        Tail::behind(path, |_| true)
    }

    /// From behind the last line of an update up to `update`.
    pub(super) fn after(path: &Path, update: u64) -> Result<Tail> {
        Tail::behind(path, |line| {
            serde_json::from_slice::<Numbered>(line).is_ok_and(|line| line.update <= update)
        })
    }

    /// From behind the last whole line that is meant.
    fn behind(path: &Path, is_meant: impl Fn(&[u8]) -> bool) -> Result<Tail> {
        let mut tail = Tail {
            path: path.to_owned(),
            at: 0,
            file: None,
        };
        let Some(mut file) = tail.open()? else {
            return Ok(tail);
        };
        tail.file = identity(&file)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut end = whole(&bytes);
        while end > 0 {
            let start = whole(&bytes[..end - 1]);
            if is_meant(&bytes[start..end]) {
                break;
            }
            end = start;
        }
        tail.at = end as u64;
        Ok(tail)
    }

    /// What was added since the last time.
    pub(super) fn more(&mut self) -> Result<Grown> {
        let Some(mut file) = self.open()? else {
            let cut = std::mem::take(&mut self.at) > 0;
            self.file = None;
            return Ok(Grown {
                cut,
                ..Grown::default()
            });
        };
        let (length, is) = (file.metadata()?.len(), identity(&file)?);
        let was = std::mem::replace(&mut self.file, is);
        if length < self.at || (was.is_some() && was != is) {
            return self.cut();
        }
        if length == self.at {
            return Ok(Grown::default());
        }
        file.seek(SeekFrom::Start(self.at))?;
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        let end = match whole(&bytes) {
            0 if bytes.len() as u64 == MOST => bytes.len(),
            end => end,
        };
        let mut lines = Vec::new();
        for line in bytes[..end].split_inclusive(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(line) => lines.push(line),
                // In the middle of a line: it was cut, and grew again past this place.
                Err(_) => return self.cut(),
            }
        }
        self.at += end as u64;
        Ok(Grown { lines, cut: false })
    }

    /// Goes to the end of what is there now.
    pub(super) fn cut(&mut self) -> Result<Grown> {
        *self = Tail::at_end(&self.path)?;
        Ok(Grown {
            cut: true,
            ..Grown::default()
        })
    }

    fn open(&self) -> Result<Option<File>> {
        match File::open(&self.path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Where the last whole line ends.
fn whole(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte == b'\n');
    last.map_or(0, |at| at + 1)
}

/// By which a file is known that has taken another's place under its name.
#[cfg(unix)]
fn identity(file: &File) -> Result<Option<u64>> {
    use std::os::unix::fs::MetadataExt;
    Ok(Some(file.metadata()?.ino()))
}

#[cfg(not(unix))]
fn identity(_: &File) -> Result<Option<u64>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::Write;

    fn add(path: &Path, text: &str) {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn updates(grown: &Grown) -> Vec<u64> {
        assert!(!grown.cut);
        let update = |line: &Value| line["update"].as_u64().unwrap();
        grown.lines.iter().map(update).collect()
    }

    #[test]
    fn lines_come_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut tail = Tail::at_end(&path).unwrap();
        assert_eq!(tail.more().unwrap(), Grown::default());
        add(&path, "{\"update\":0}\n{\"update\":1}\n{\"upd");
        assert_eq!(updates(&tail.more().unwrap()), [0, 1]);
        assert_eq!(updates(&tail.more().unwrap()), [0; 0]);
        add(&path, "ate\":2}\n");
        assert_eq!(updates(&tail.more().unwrap()), [2]);
        let mut later = Tail::after(&path, 0).unwrap();
        assert_eq!(updates(&later.more().unwrap()), [1, 2]);
        let mut later = Tail::after(&path, 9).unwrap();
        assert_eq!(updates(&later.more().unwrap()), [0; 0]);
        let mut end = Tail::at_end(&path).unwrap();
        assert_eq!(updates(&end.more().unwrap()), [0; 0]);
    }

    #[test]
    fn a_file_that_was_cut_is_told_from_one_that_grew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        add(&path, "{\"update\":0}\n{\"update\":1}\n{\"update\":2}\n");
        let mut tail = Tail::at_end(&path).unwrap();
        // Shorter.
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(13).unwrap();
        assert!(tail.more().unwrap().cut);
        add(&path, "{\"update\":1}\n");
        assert_eq!(updates(&tail.more().unwrap()), [1]);
        // Shorter, and by now longer than before, so that the place is within a line.
        file.set_len(13).unwrap();
        add(&path, "{\"update\":1,\"objective/kl\":0.25}\n");
        assert!(tail.more().unwrap().cut);
        // Another file.
        std::fs::write(
            folder.path().join("other"),
            "{\"update\":7}\n{\"update\":8}\n",
        )
        .unwrap();
        std::fs::rename(folder.path().join("other"), &path).unwrap();
        assert!(tail.more().unwrap().cut);
        std::fs::remove_file(&path).unwrap();
        assert!(tail.more().unwrap().cut);
        add(&path, "{\"update\":0}\n");
        assert_eq!(updates(&tail.more().unwrap()), [0]);
    }
}

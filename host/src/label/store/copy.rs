//! A copy of a store that lies where SQLite cannot read it: where nothing can be written beside it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// What SQLite keeps beside a store while it is written to, and after a kill.
const PARTS: [&str; 3] = ["", "-wal", "-journal"];
/// How often a copy is tried while somebody writes.
const TRIES: usize = 40;
/// How long to wait for the end of a write.
const PAUSE: Duration = Duration::from_millis(50);

/// A copy in a folder of our own, made while nobody wrote.
pub(super) fn copied(path: &Path) -> Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir().context("no folder for a copy of it could be made")?;
    let copy = folder.path().join("labels.db");
    for _ in 0..TRIES {
        let before = stamps(path);
        for part in PARTS {
            let (from, to) = (beside(path, part), beside(&copy, part));
            if from.is_file() {
                // Not with its permissions: the copy is written to.
                std::io::copy(&mut File::open(&from)?, &mut File::create(&to)?)?;
            } else if to.is_file() {
                fs::remove_file(to)?;
            }
        }
        if stamps(path) == before {
            return Ok((folder, copy));
        }
        std::thread::sleep(PAUSE);
    }
    bail!("somebody writes to it all the time\nhint: try again later")
}

/// Lengths and times of all parts of a store.
fn stamps(path: &Path) -> [Option<(u64, Option<SystemTime>)>; PARTS.len()] {
    PARTS.map(|part| {
        let about = fs::metadata(beside(path, part)).ok()?;
        Some((about.len(), about.modified().ok()))
    })
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

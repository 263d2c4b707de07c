//! What projects in languages without a compiler have in common: their modules, when what was built of them
//! is still good, and the words of the program that builds. It knows no language.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::project::{Built, keep};
use crate::tool::{IMPORTING, Stderr, finish, limit, write_atomically};

/// What keeps chance and time out of a component; empty where there is none.
pub(crate) const PIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pin.so"));
pub(crate) const WIT: &str = include_str!("../../wit/0.1/plugin.wit");

/// Lines of what a program says that an author reads.
const MOST_LINES: usize = 40;

/// The kinds of plugins.
pub(crate) const KINDS: [&str; 3] = ["task", "labeler", "shaper"];

/// Which files of a project are its modules.
pub(crate) struct Sources {
    /// Whether a file of this name is one.
    pub(crate) is_module: fn(&str) -> bool,
    /// Whether a folder, of this name, holds no part of a plugin.
    pub(crate) is_foreign: fn(&Path, &str) -> bool,
}

impl Sources {
    /// The modules of the project in `folder` by their paths, with `/` between folders.
    pub(crate) fn read(&self, folder: &Path) -> Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        self.collect(folder, "", &mut found)?;
        Ok(found)
    }

    fn collect(
        &self,
        folder: &Path,
        prefix: &str,
        found: &mut BTreeMap<String, String>,
    ) -> Result<()> {
        let about = || format!("cannot read `{}`", folder.display());
        for entry in std::fs::read_dir(folder).with_context(about)? {
            let path = entry.with_context(about)?.path();
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                if !(self.is_foreign)(&path, name) {
                    self.collect(&path, &format!("{prefix}{name}/"), found)?;
                }
            } else if (self.is_module)(name) {
                let text = text_of(&path)?;
                found.insert(format!("{prefix}{name}"), text);
            }
        }
        Ok(())
    }
}

/// Builds the project in `folder` to `out`, or to NAME.wasm among the project's `target/plugins`; or finds
/// that what is there was made of the same `inputs`. An `out` that is a folder gets NAME.wasm too.
pub(crate) fn build_once(
    folder: &Path,
    name: &str,
    out: Option<&Path>,
    inputs: impl Hash,
    make: impl FnOnce() -> Result<Vec<u8>>,
) -> Result<Built> {
    let file = format!("{name}.wasm");
    let path = match out {
        None => folder.join("target/plugins").join(file),
        Some(place) if place.is_dir() => place.join(file),
        Some(path) => path.to_owned(),
    };
    let record = path.with_extension("inputs");
    let inputs = fingerprint(inputs);
    let recorded = |bytes: &[u8]| format!("{inputs} {}\n", fingerprint(bytes));
    if let (Ok(kept), Ok(bytes)) = (std::fs::read_to_string(&record), std::fs::read(&path))
        && kept == recorded(&bytes)
    {
        return keep(name, path, &bytes);
    }
    let bytes = make()?;
    let built = keep(name, path, &bytes)?;
    write_atomically(&record, recorded(&bytes).as_bytes())?;
    Ok(built)
}

/// The text of a module; where it is none, the line is named.
fn text_of(path: &Path) -> Result<String> {
    let about = || format!("cannot read `{}`", path.display());
    let bytes = std::fs::read(path).with_context(about)?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        anyhow!(
            "{}: line {line} is not UTF-8\nhint: save it as UTF-8",
            about()
        )
    })
}

fn fingerprint(what: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// What is said of a program that builds, when it does not.
pub(crate) struct Words {
    /// What it means that it failed.
    pub(crate) refusal: &'static str,
    /// What to do then.
    pub(crate) hint: &'static str,
}

/// Runs the program that builds; what it says is what the author has to read. `Some` of its time when that was over
/// before it had ended.
pub(crate) fn run(command: &mut Command, words: &Words) -> Result<Option<Duration>> {
    run_within(command, words, limit(IMPORTING)?)
}

/// The same, whatever the user says of time.
pub(crate) fn run_within(
    command: &mut Command,
    words: &Words,
    limit: Duration,
) -> Result<Option<Duration>> {
    let ended = finish(command, limit, Stderr::Kept, &mut |_| {})?;
    if ended.stopped.is_some() {
        return Ok(ended.stopped);
    }
    let said = shortened(ended.stderr.trim());
    if !ended.status.success() {
        let said = match said.is_empty() {
            true => format!("its program ended with {}, without a word", ended.status),
            false => said,
        };
        // What a component says while it is made is kept, up to a bound.
        let hint = match said.contains("BrokenPipeError") {
            true => {
                "it printed more than there is room for while it is made into a component; is there a loop without an end?"
            }
            false => words.hint,
        };
        bail!("{}:\n{said}\nhint: {hint}", words.refusal);
    }
    if !said.is_empty() {
        // A warning stops no build, but is not to be lost.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{said}\n").as_bytes());
    }
    Ok(None)
}

/// The beginning and the end of what is too long to read.
fn shortened(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    if lines.len() <= MOST_LINES {
        return said.to_owned();
    }
    let (first, last) = (
        &lines[..MOST_LINES / 2],
        &lines[lines.len() - MOST_LINES / 2..],
    );
    let lost = lines.len() - MOST_LINES;
    format!(
        "{}\n… {lost} lines left out …\n{}",
        first.join("\n"),
        last.join("\n")
    )
}

/// Refuses a name that a file of a plugin cannot have; `place` says where it stands.
pub(crate) fn check_name(place: &str, name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits) {
        return Ok(());
    }
    bail!(
        "{place} `{name}` cannot be a plugin's\nhint: use lower-case letters, digits and hyphens, such as \
         `plain-words`"
    )
}

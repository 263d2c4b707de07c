//! Calling outside programs: quietly, with the end of what they said in the error, or where the
//! reader sees them. It knows nothing about what they are for.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

mod environment;
mod process;

pub(crate) use environment::{clear, isolate};
pub use process::end_if_interrupted;
pub(crate) use process::{Stderr, run as finish};

/// How many lines of a failed program's words are passed on.
const LINES_TOLD: usize = 6;
/// What a program may say for another to read.
const MOST_CAPTURED: usize = 64 << 20;
/// Sets the seconds that any tool may take, in place of the limits below.
const LIMIT: &str = "ATTUNE_TOOL_SECONDS";
/// What answers at once: versions, what is in a project.
const ASKING: Duration = Duration::from_secs(120);
/// What compiles, and downloads what it compiles.
pub(crate) const COMPILING: Duration = Duration::from_secs(3600);
/// What downloads packages.
pub(crate) const INSTALLING: Duration = Duration::from_secs(1800);
/// What imports a plugin, and makes a component of that.
pub(crate) const IMPORTING: Duration = Duration::from_secs(120);

/// A command line as a reader would type it.
pub fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The time that a tool may take: the usual one, or what the user says.
pub(crate) fn limit(usual: Duration) -> Result<Duration> {
    let Ok(text) = std::env::var(LIMIT) else {
        return Ok(usual);
    };
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => bail!("{LIMIT} is `{text}`\nhint: it is a number of seconds, 1 or more, such as 600"),
    }
}

/// Says that a program took longer than it may.
pub(crate) fn too_long(what: &str, limit: Duration, hint: &str) -> anyhow::Error {
    let seconds = limit.as_secs();
    anyhow::anyhow!(
        "{what} did not end within {seconds} s\nhint: {hint}; where it needs longer, {LIMIT}={} gives it that",
        5 * seconds
    )
}

/// Runs a command quietly and returns its standard output, or the end of what it said as an error.
pub fn capture(command: &mut Command) -> Result<String> {
    captured(command, ASKING)
}

/// The same for what takes longer.
pub fn capture_within(command: &mut Command, usual: Duration) -> Result<String> {
    captured(command, limit(usual)?)
}

fn captured(command: &mut Command, limit: Duration) -> Result<String> {
    let shown = shown(command);
    let mut said = Vec::new();
    let ended = finish(command, limit, Stderr::Kept, &mut |line| {
        if said.len() + line.len() <= MOST_CAPTURED {
            said.extend_from_slice(line);
        }
    })?;
    if let Some(limit) = ended.stopped {
        return Err(too_long(
            &format!("`{shown}`"),
            limit,
            "see what it waits for",
        ));
    }
    if !ended.status.success() {
        let lines: Vec<_> = ended
            .stderr
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let tail = lines[lines.len().saturating_sub(LINES_TOLD)..].join("\n    ");
        bail!("`{shown}` failed with {}:\n    {tail}", ended.status);
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Whether a program can be started at all.
pub fn exists(program: &str) -> bool {
    capture(Command::new(program).arg("--version")).is_ok()
}

/// The cargo that runs us, or the one on the path, about to work in `folder`; it hears nothing of what the
/// user's own builds are told.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    isolate(&mut command);
    command
}

/// The current toolchain's compiler.
pub fn rustc() -> Command {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    isolate(&mut command);
    command
}

/// A program of another language, by its name.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    isolate(&mut command);
    command
}

/// Writes a file through a temporary one in the same folder, so that no half file is ever seen.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, 0o644)
}

/// The same for a program, which anyone may start.
pub(crate) fn write_program(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, bytes, 0o755)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Temporary files are private by default; this one is for all.
    let ordinary = std::fs::Permissions::from_mode(mode);
    let written = || {
        std::fs::create_dir_all(folder)?;
        let mut builder = tempfile::Builder::new();
        let file = builder.permissions(ordinary).tempfile_in(folder)?;
        std::fs::write(file.path(), bytes)?;
        Ok(file.persist(path)?)
    };
    written().map(drop).map_err(|error: std::io::Error| {
        let hint = match error.kind() {
            ErrorKind::StorageFull => "make room on that disk, or write to another",
            _ => "check that you may write there",
        };
        let (name, len) = (path.display(), bytes.len());
        let cannot = format!("cannot write `{name}`, which takes {len} bytes\nhint: {hint}");
        anyhow::Error::from(error).context(cannot)
    })
}

//! Calling outside programs: quietly, with the end of what they said in the error, or where the
//! reader sees them. It knows nothing about what they are for.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// How many lines of a failed program's words are passed on.
const LINES_TOLD: usize = 6;

/// A command line as a reader would type it.
pub fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a command quietly and returns its standard output, or the end of what it said as an error.
pub fn capture(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<_> = said
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let tail = lines[lines.len().saturating_sub(LINES_TOLD)..].join("\n    ");
        bail!("`{shown}` failed with {}:\n    {tail}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command whose words the reader should see as they come: a compiler's, for one.
pub fn watched(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed with {status}\nhint: what is wrong is said above");
    }
    Ok(())
}

/// Whether a program can be started at all.
pub fn exists(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The cargo that runs us, or the one on the path, about to work in `folder`.
pub fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

/// The current toolchain's compiler.
pub fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
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
    let cannot = || {
        format!(
            "cannot write {}\nhint: check that you may write there",
            path.display()
        )
    };
    std::fs::create_dir_all(folder).with_context(cannot)?;
    // Temporary files are private by default; this one is for all.
    let ordinary = std::fs::Permissions::from_mode(mode);
    let file = tempfile::Builder::new()
        .permissions(ordinary)
        .tempfile_in(folder)
        .with_context(cannot)?;
    std::fs::write(file.path(), bytes).with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    Ok(())
}

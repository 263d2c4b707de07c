//! Running one step: saying what it is, running a command, saying how long it took.
//! It knows nothing about what the steps are for.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
pub(crate) use attune_build::tool::exists;
use attune_build::tool::{capture_within, shown};

/// Downloads and benchmarks may take their time.
const PATIENCE: Duration = Duration::from_secs(6 * 3600);

/// Runs `work` under a headline and prints the time it took.
pub(crate) fn step<T>(headline: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {headline}");
    let start = Instant::now();
    let value = work()?;
    println!("    done in {:.1} s", start.elapsed().as_secs_f64());
    Ok(value)
}

/// Says that a step has nothing to do.
pub(crate) fn up_to_date(what: &str) {
    println!("ok  {what}: up to date");
}

/// Runs a command whose output the reader should see.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    println!("    $ {shown}");
    let status = command
        .status()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed with {status}");
    }
    Ok(())
}

/// Runs a command quietly and returns its standard output, or the end of what it said as an error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    capture_within(command, PATIENCE)
}

/// The cargo that runs us, about to work in `folder` as the user's environment says: it builds this checkout.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    // What the cargo that runs us says of our own package. Some build scripts look at it, `ring`'s among them, so that what
    // we build would be built once more by whoever calls cargo themselves.
    let is_ours =
        |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_ours) {
            command.env_remove(&name);
        }
    }
    command
}

/// Whether this process may install system packages.
pub(crate) fn is_root() -> bool {
    capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

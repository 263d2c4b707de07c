//! The `web` verb: checks the pages in `web/`, and that `web/dist`, which is committed so that `cargo build` needs no
//! Node, is what they make. It knows npm and the names of its scripts; what these do is in `web/package.json`.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::layout::Layout;
use crate::stamp::{Stamp, sha256_of_file};
use crate::step::{exists, run as run_command, step, up_to_date};

/// What `cargo xtask web` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Build web/dist anew instead of comparing it; commit what changes
    #[arg(long)]
    write: bool,
    /// Run the tests in a real Chromium too: the system's, or the one that CHROMIUM names
    #[arg(long)]
    browser: bool,
}

/// Installs, checks, tests, and builds or compares.
pub(crate) fn run(layout: &Layout, options: &Options) -> Result<()> {
    install(layout)?;
    let npm = |headline: &str, script: &str| {
        step(&format!("web: {headline}"), || {
            run_command(npm(layout).args(["run", "--silent", script]))
        })
    };
    npm("types", "check")?;
    npm("unit tests", "test")?;
    if options.write {
        npm("build web/dist", "build")?;
    }
    npm("compare web/dist with its sources", "check:dist")?;
    if options.browser {
        npm("tests in Chromium", "browser")?;
    }
    Ok(())
}

/// Installs what `web/package-lock.json` names. No package's own script is run: all of them are files of JavaScript,
/// or hold the program that they need.
fn install(layout: &Layout) -> Result<()> {
    if !exists("npm") {
        bail!(
            "npm is not installed\nhint: install Node 18 or later; Debian: apt-get install nodejs npm"
        );
    }
    let made = layout.web().join("node_modules/.package-lock.json");
    let stamp = Stamp::new(
        layout,
        "web",
        sha256_of_file(&layout.web().join("package-lock.json"))?,
    );
    if stamp.is_current(&[&made as &Path]) {
        up_to_date("web: packages");
        return Ok(());
    }
    step("web: packages", || {
        run_command(npm(layout).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))
    })?;
    stamp.set()
}

fn npm(layout: &Layout) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(layout.web());
    command
}

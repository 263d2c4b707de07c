//! `attune plugin lock`: pins an experiment to the plugins that it has now.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::cli::load;
use crate::experiment::parts::{self, Lock};
use crate::run_dir::replace;

#[derive(Args)]
pub(in crate::cli) struct LockArgs {
    /// The experiment, a TOML file; the lock is written beside it
    file: PathBuf,
    /// Override one key, such as `labeler.plugin=mine.wasm`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

pub(super) fn run(args: &LockArgs) -> Result<()> {
    let mut config = load(&args.file, &args.overrides)?;
    // What an older lock says is what is to be replaced.
    config.session.allow_changed_plugins = true;
    let identities = parts::identities(&config)
        .with_context(|| format!("in config `{}`", args.file.display()))?;
    let path = Lock::path(&args.file);
    replace(&path, Lock::pin(&identities).to_toml()?.as_bytes())
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    for identity in &identities {
        println!("{} {} {}", identity.name, identity.version, identity.sha256);
    }
    println!("pinned in {}", path.display());
    Ok(())
}

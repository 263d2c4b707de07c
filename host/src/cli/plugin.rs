//! `attune plugin …`: a plugin's life from nothing to a run.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Subcommand;

use crate::cli::sandboxed_only;
use crate::kit::subject::Search;
use crate::role::Trust;

mod bench;
mod build;
mod check;
mod describe;
mod list;
mod lock;
mod new;
mod replay;
mod test;

#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// Make a new plugin's project: source, tests, golden cases, README
    New(new::NewArgs),
    /// Build a project to a component
    ///
    /// The same source gives the same bytes, wherever it lies.
    Build(build::BuildArgs),
    /// Look for what is wrong with a plugin, and say how to mend it
    ///
    /// Contract, imports, settings, size, limits, golden cases; and purity: the same rows again, in
    /// another order, in parts and in another instance must give the same bits.
    Check(check::CheckArgs),
    /// Put golden cases to a plugin and show where its answers differ
    Test(test::TestArgs),
    /// Measure what a plugin costs: compiling, loading, a call, a row
    Bench(bench::BenchArgs),
    /// Put the recorded responses of a run to another plugin: old and new scores side by side
    Replay(replay::ReplayArgs),
    /// Print what a plugin is, what it wants and which settings it has
    Describe {
        /// A project's folder, a `.wasm` file, or a plugin's name
        plugin: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Load its shared library, `NAME.so`, without a sandbox
        #[arg(long)]
        native: bool,
    },
    /// Pin an experiment to the plugins that it has now, by name, version and SHA-256
    ///
    /// The lock lies beside the config. A run with another plugin is refused, unless it is allowed by
    /// --allow-changed-plugins.
    Lock(lock::LockArgs),
    /// List the plugins that can be named without a path
    List {
        /// Print whole hashes
        #[arg(long)]
        long: bool,
    },
}

pub(super) fn run(command: &PluginCommand) -> Result<()> {
    match command {
        PluginCommand::New(args) => new::run(args),
        PluginCommand::Build(args) => build::run(args),
        PluginCommand::Check(args) => check::run(args),
        PluginCommand::Test(args) => test::run(args),
        PluginCommand::Describe {
            plugin,
            json,
            native,
        } => describe::describe(plugin, trust(*native), *json),
        PluginCommand::Bench(args) => bench::run(args),
        PluginCommand::Replay(args) => replay::run(args),
        PluginCommand::Lock(args) => lock::run(args),
        PluginCommand::List { long } => list::list(*long),
    }
}

/// What `--native` says.
fn trust(native: bool) -> Trust {
    if native {
        Trust::Native
    } else {
        Trust::Sandboxed
    }
}

/// How a plugin is found that is named on the command line.
fn search<'a>(cases: Option<&'a Path>, target_dir: Option<&'a Path>) -> Search<'a> {
    Search {
        cases,
        target_dir,
        sandboxed_only: sandboxed_only(),
    }
}

/// The current folder, where no other is named.
fn here() -> PathBuf {
    PathBuf::from(".")
}

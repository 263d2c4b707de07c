//! `attune plugin replay`: what another plugin would have said of a run's responses.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::search;
use crate::cli;
use crate::kit::replayed::{Asked, read, replay};
use crate::kit::subject::Subject;
use crate::run_dir::RunDir;

mod table;

#[derive(Args)]
pub(in crate::cli) struct ReplayArgs {
    /// The run directory
    run: PathBuf,
    /// The other plugin: a project's folder, a `.wasm` file, or a name
    #[arg(long)]
    plugin: String,
    /// Whose answers it is compared with, by its name in the run; the one of the same kind when there
    /// is but one
    #[arg(long, value_name = "NAME")]
    against: Option<String>,
    /// Settings of the other plugin, such as `scale=5`, in place of the run's; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Files of the other plugin, such as `lexicon=words.txt`, in place of the run's; may be repeated
    #[arg(long = "asset", value_name = "NAME=FILE")]
    assets: Vec<String>,
    /// Begin with the other plugin's defaults. When left out, a plugin of the same name has the
    /// settings that the run gave it, and any plugin has the run's files that it asks for by name
    #[arg(long)]
    defaults: bool,
    /// How many of the largest changes are shown
    #[arg(long, default_value_t = 10)]
    show: usize,
    /// Print one JSON object a response
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ReplayArgs) -> Result<()> {
    let run_dir = RunDir::open(&args.run)?;
    let recorded = read(&run_dir)?;
    let config = cli::load(&run_dir.config(), &[])?;
    let subject = Subject::find(&args.plugin, search(None, None))?;
    let asked = Asked {
        against: args.against.as_deref(),
        settings: &args.settings,
        assets: &args.assets,
        defaults: args.defaults,
    };
    let replay = replay(&recorded, &config, &subject, &asked)?;
    if args.json {
        for row in &replay.rows {
            println!("{}", table::as_json(row, &replay.against, &subject));
        }
        return Ok(());
    }
    table::print(&replay, &subject, args.show);
    Ok(())
}

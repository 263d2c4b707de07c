//! `attune plugin …`

use anyhow::Result;
use clap::Subcommand;

use crate::cli::parts::{find, search_path};
use crate::plugin;

#[derive(Subcommand)]
pub(super) enum PluginCommand {
    /// Print what a plugin is, what it wants and which settings it has
    Describe {
        /// A `.wasm` file, or the name of a plugin that ships with Attune
        plugin: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the plugins that can be named without a path
    List,
}

pub(super) fn run(command: &PluginCommand) -> Result<()> {
    match command {
        PluginCommand::Describe { plugin, json } => describe(plugin, *json),
        PluginCommand::List => list(),
    }
}

fn describe(name: &str, as_json: bool) -> Result<()> {
    let path = find(name)?;
    let description = plugin::describe(&path)?;
    let value = serde_json::to_value(&description)?;
    if as_json {
        println!("{}", serde_json::to_string_pretty(&value)?);
        return Ok(());
    }
    println!("{}", toml::to_string_pretty(&value)?);
    Ok(())
}

fn list() -> Result<()> {
    for folder in search_path() {
        println!("{}", folder.display());
        let mut files: Vec<_> = std::fs::read_dir(&folder)?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "wasm"))
            .collect();
        files.sort();
        for file in files {
            match plugin::describe(&file) {
                Ok(d) => println!(
                    "  {:<14} {:<8} {:<8} {}",
                    d.name, d.kind, d.version, d.summary
                ),
                Err(error) => println!("  {}: {error:#}", file.display()),
            }
        }
    }
    Ok(())
}

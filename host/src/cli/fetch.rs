//! `attune fetch`: what examples need, from a package index.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::fetch::{EXAMPLES, fetch};
use crate::terminal::Word;

#[derive(Args)]
pub(super) struct FetchArgs {
    /// What to fetch; a list of what there is when left out
    name: Option<String>,
    /// The folder to put it in; one of its name when left out
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

pub(super) fn run(args: &FetchArgs) -> Result<()> {
    let Some(name) = &args.name else {
        for example in &EXAMPLES {
            println!("{}: {}", example.name, example.about);
        }
        return Ok(());
    };
    let to = args.to.clone().unwrap_or_else(|| name.into());
    let example = fetch(name, &to, &mut |line| println!("{line}"))?;
    let (command, config) = example.then;
    println!(
        "next:\n  attune {command} {}",
        Word(to.join(config).display())
    );
    Ok(())
}

//! `attune plugin build`: from a project's folder to a component, or to a library.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use attune_build::Project;
use clap::Args;

use crate::cli::sandboxed_only;
use crate::kit::build;
use crate::plugin;
use crate::role::Trust;

#[derive(Args)]
pub(in crate::cli) struct BuildArgs {
    /// The project's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where it goes; `target/plugins/NAME.wasm`, or `NAME.so`, when left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the compiler keeps its work; a folder in your cache, shared by all projects, when left out
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// Build a shared library, for configs that say `trust = "native"`
    #[arg(long)]
    native: bool,
}

pub(super) fn run(args: &BuildArgs) -> Result<()> {
    let project = Project::open(&args.folder)?;
    let begun = Instant::now();
    let (out, target_dir) = (args.out.as_deref(), args.target_dir.as_deref());
    let trust = super::trust(args.native);
    let built = build(&project, trust, out, target_dir)?;
    // What cannot be loaded is no plugin, whatever the compiler says. A library is not even loaded
    // where that is forbidden.
    if trust == Trust::Native && sandboxed_only() {
        println!("{} ({} KB)", built.path.display(), built.len.div_ceil(1000));
        return Ok(());
    }
    let about = plugin::describe(&built.path, trust)?;
    println!(
        "{} {}, a {}: {} ({} KB, {}) in {:.1} s",
        about.name,
        about.version,
        about.kind,
        built.path.display(),
        built.len.div_ceil(1000),
        if built.changed { "new" } else { "as it was" },
        begun.elapsed().as_secs_f64()
    );
    println!("sha256 {}", about.sha256);
    Ok(())
}

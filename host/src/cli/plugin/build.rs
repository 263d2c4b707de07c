//! `attune plugin build`: from a project's folder to a component.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use attune_build::{Built, Project};
use clap::Args;

use crate::plugin;
use crate::role::Trust;

#[derive(Args)]
pub(in crate::cli) struct BuildArgs {
    /// The project's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Where the component goes; `target/plugins/NAME.wasm` when left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the compiler keeps its work; a folder in your cache, shared by all projects, when left out
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
}

pub(super) fn run(args: &BuildArgs) -> Result<()> {
    let project = Project::open(&args.folder)?;
    let begun = Instant::now();
    let built = build(&project, args.out.as_deref(), args.target_dir.as_deref())?;
    // What cannot be loaded is no plugin, whatever the compiler says.
    let about = plugin::describe(&built.path, Trust::Sandboxed)?;
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

/// Builds a project; what goes wrong is said with its folder.
pub(super) fn build(
    project: &Project,
    out: Option<&Path>,
    target_dir: Option<&Path>,
) -> Result<Built> {
    project
        .build(out, target_dir)
        .with_context(|| format!("cannot build the plugin in `{}`", project.folder.display()))
}

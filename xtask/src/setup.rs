//! The `setup` verb: everything that a build, a test or the demo needs and that is not committed.
//! It knows the order; each step's own module knows the rest.

use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::layout::Layout;
use crate::step::{cargo, run as run_command, step};
use crate::wasm;
use crate::{libtorch, plugins};

/// Runs every step that is not up to date. Fetching first: it fails fast where it fails.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    let start = Instant::now();
    libtorch::ensure(layout)?;
    let toolchain = wasm::ensure()?;
    plugins::build(layout, &toolchain)?;
    fetch(layout)?;
    println!("setup took {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Builds the host as the demo and the tests use it.
pub(crate) fn build_host(layout: &Layout) -> Result<()> {
    step(
        "attune: build (the first time takes about ten minutes on two cores)",
        || run_command(cargo(layout.root()).args(["build", "--workspace"])),
    )
}

/// Has the program fetch what the examples need; it knows what is there already.
fn fetch(layout: &Layout) -> Result<()> {
    build_host(layout)?;
    let fetch = |name: &str| {
        let mut fetch = Command::new(layout.host_binary());
        run_command(fetch.args(["fetch", name, "--to"]).arg(layout.deps()))
    };
    step("examples: model and data", || fetch("sentiment"))?;
    step("examples: news", || fetch("news"))?;
    // Only some systems reach such an archive, and nothing but that example needs it.
    if let Err(error) = step("examples: package descriptions", || fetch("tldr-packages")) {
        println!("examples/tldr-packages is left out: {error:#}");
    }
    Ok(())
}

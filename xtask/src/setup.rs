//! The `setup` verb: everything that a build, a test or the demo needs and that is not committed.
//! It knows the order; each step's own module knows the rest.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::step::{cargo, run as run_command, step, up_to_date};
use crate::wasm;
use crate::{corpus, libtorch, plugins};

/// Runs every step that is not up to date. Fetching first: it fails fast where it fails.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    let start = Instant::now();
    libtorch::ensure(layout)?;
    let toolchain = wasm::ensure()?;
    corpus::ensure_model(layout)?;
    corpus::ensure_data(layout)?;
    plugins::build(layout, &toolchain)?;
    import_model(layout)?;
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

/// Brings the model into the form the host reads. A complete folder is one that has its final name.
fn import_model(layout: &Layout) -> Result<()> {
    let model = layout.model();
    if model.exists() {
        up_to_date("imported model");
        return Ok(());
    }
    build_host(layout)?;
    step("model SmolLM2-135M-Instruct: import", || {
        let part = model.with_extension("importing");
        if part.exists() {
            fs::remove_dir_all(&part)
                .with_context(|| format!("cannot remove {}", part.display()))?;
        }
        run_command(
            Command::new(layout.host_binary())
                .args(["model", "import"])
                .args([&layout.gguf(), &part]),
        )?;
        fs::rename(&part, &model).with_context(|| format!("cannot rename {}", part.display()))
    })
}

//! The peer's Python: PyTorch and transformers, which nothing but comparisons needs. It knows how to make
//! or check one and how to run the parity script; it knows nothing about what is compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use attune_build::pip::Python;

use crate::layout::Layout;
use crate::setup;
use crate::stamp::Stamp;
use crate::step::{capture, run as run_command, step, up_to_date};

/// What the comparison's scripts import.
const TEST: &str = "import torch, transformers, numpy, safetensors";

/// The Python to run the scripts with: the given one if it has what they need, else one of our own.
pub(crate) fn ensure(layout: &Layout, given: Option<&Path>) -> Result<PathBuf> {
    let requirements = layout.root().join("scripts/requirements.txt");
    if let Some(python) = given {
        capture(Command::new(python).args(["-c", TEST])).with_context(|| {
            format!(
                "{} lacks what the comparison needs\nhint: install scripts/requirements.txt there, or leave out --python",
                python.display()
            )
        })?;
        return Ok(python.into());
    }
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let python = layout.peer().join("bin/python");
    let stamp = Stamp::new(layout, "peer", wanted);
    if stamp.is_current(&[&python]) {
        up_to_date("PyTorch and transformers");
        return Ok(python);
    }
    step(
        "PyTorch and transformers: install in .deps/peer (about 5 GB; minutes)",
        || {
            run_command(
                Python::find()?
                    .command()
                    .args(["-m", "venv"])
                    .arg(layout.peer()),
            )?;
            let pip = [
                "-m",
                "pip",
                "--disable-pip-version-check",
                "install",
                "--quiet",
            ];
            run_command(
                Command::new(&python)
                    .args(pip)
                    .arg("--requirement")
                    .arg(&requirements),
            )?;
            if let Err(error) = capture(Command::new(&python).args(["-c", TEST])) {
                bail!("what was installed in .deps/peer cannot be imported: {error:#}");
            }
            stamp.set()
        },
    )?;
    Ok(python)
}

/// The `parity` verb: sets up, builds the host and runs the scripts, for language models, reward models and
/// supervised fine-tuning, with the user's further arguments.
pub(crate) fn parity(layout: &Layout, python: Option<&Path>, args: &[String]) -> Result<()> {
    setup::run(layout)?;
    setup::build_host(layout)?;
    let python = ensure(layout, python)?;
    for (title, script) in [
        (
            "parity with transformers: language models",
            "scripts/parity.py",
        ),
        (
            "parity with transformers: reward models",
            "scripts/reward_parity.py",
        ),
        (
            "parity with transformers: supervised fine-tuning",
            "scripts/sft_parity.py",
        ),
    ] {
        step(title, || {
            run_command(
                Command::new(&python)
                    .current_dir(layout.root())
                    .arg(script)
                    .args(args),
            )
        })?;
    }
    Ok(())
}

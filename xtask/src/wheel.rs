//! The `wheel` verb: a Python wheel with the program, its plugins and what starts it.
//! `wheel/pack.py` knows what a wheel is; this knows where its parts are.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use attune_build::pip::Python;

use crate::layout::Layout;
use crate::setup::{self, build_host};
use crate::stamp::make_folder;
use crate::step::{capture, exists, run as run_command, step};

/// Sets up, builds the host and packs the wheel.
pub(crate) fn run(layout: &Layout) -> Result<()> {
    setup::run(layout)?;
    build_host(layout)?;
    step("wheel: pack", || {
        let out = layout.root().join("target/wheels");
        make_folder(&out)?;
        let program = out.join("attune");
        fs::copy(layout.host_binary(), &program)
            .with_context(|| format!("cannot write {}", program.display()))?;
        if exists("strip") {
            run_command(Command::new("strip").arg("--strip-debug").arg(&program))?;
        }
        let scripts = layout.root().join("xtask/src/wheel");
        let mut pack = Python::find()?.command();
        pack.arg(scripts.join("pack.py"))
            .args([&program, &layout.plugins(), &scripts.join("launch.py")])
            .arg(env!("CARGO_PKG_VERSION"))
            .arg(&out);
        let path = capture(&mut pack)?;
        println!("    pip install '{}'", path.trim());
        fs::remove_file(&program).with_context(|| format!("cannot remove {}", program.display()))
    })
}

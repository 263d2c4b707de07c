//! The `demo` verb: from a fresh clone to a policy trained on human sentiment ratings.
//! It knows the demo's one command line; training is the host's affair.

use std::process::Command;

use anyhow::Result;

use crate::layout::Layout;
use crate::setup;
use crate::step::{run as run_command, step};

/// The demo's run description.
const RECIPE: &str = "examples/sentiment/policy.toml";

/// Sets up, builds the host and trains, with the user's further arguments.
pub(crate) fn run(layout: &Layout, args: &[String]) -> Result<()> {
    setup::run(layout)?;
    setup::build_host(layout)?;
    step("demo: train a policy from human sentiment ratings", || {
        run_command(
            Command::new(layout.host_binary())
                .current_dir(layout.root())
                .args(["train", "policy", RECIPE])
                .args(args),
        )
    })
}

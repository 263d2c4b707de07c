//! The `demo` verb: from a fresh clone to a policy that continues movie reviews kindly.
//! It knows the demo's one command line; training is the host's affair.

use std::process::Command;

use anyhow::Result;

use crate::layout::Layout;
use crate::setup;
use crate::step::{run as run_command, step};

/// The demo's run description.
const RECIPE: &str = "examples/sentiment/policy.toml";
/// The run directory that the description names.
const RUN: &str = "runs/sentiment";

/// Sets up, builds the host and trains, with the user's further arguments. A demo that was stopped
/// goes on; one that is done shows its results again.
pub(crate) fn run(layout: &Layout, args: &[String]) -> Result<()> {
    setup::run(layout)?;
    setup::build_host(layout)?;
    let mut training = Command::new(layout.host_binary());
    training
        .current_dir(layout.root())
        .args(["train", "policy", RECIPE])
        .args(args);
    if args.is_empty() && layout.root().join(RUN).exists() {
        println!("{RUN} is there: going on with it (delete it to start over)");
        training.arg("--resume");
    }
    step(
        "demo: teach SmolLM2-135M to continue movie reviews kindly",
        || run_command(&mut training),
    )
}

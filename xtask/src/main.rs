//! `cargo xtask`: fetches what cannot be committed, builds the plugins, runs the demo and the checks.
//!
//! It knows the folders and the outside tools (cargo, rustup, pip, apt-get); it knows nothing about
//! training and never links the host.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a build tool speaks on the terminal"
)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test may say so by panicking")
)]

mod bench;
mod checks;
mod demo;
mod fuzz;
mod layout;
mod libtorch;
mod peer;
mod plugins;
mod setup;
mod stamp;
mod step;
mod wasm;
mod web;
mod wheel;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::layout::Layout;

/// Attune's automation. Start with `cargo xtask demo`: it sets up everything it needs.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Typical use:\n  \
        cargo xtask setup     once after cloning (about 1.5 GB; a second call does nothing)\n  \
        cargo xtask demo      teach a small model to continue movie reviews kindly\n  \
        cargo xtask plugins   after editing something in plugins/ or sdk/\n  \
        cargo xtask web       after editing something in web/; --write builds web/dist\n  \
        cargo xtask test      before committing; `ci` adds formatting, lints and docs\n\n\
        What it fetches goes to .deps/, what it builds to target/; delete .deps/ to start over."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Fetch libtorch, the wasm target, the examples' model and data; build the plugins
    ///
    /// A step that is up to date is skipped, so calling it again is cheap. An exported LIBTORCH, or a
    /// Python that has PyTorch 2.11, is used instead of a download.
    Setup,
    /// Set up, build the host and train examples/sentiment/policy.toml
    ///
    /// What follows `--` goes to `attune train policy` unchanged.
    Demo {
        /// Passed on to `attune train policy`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Set up and run every test in the workspace; ends with a count
    ///
    /// What follows `--` goes to `cargo test --workspace`, e.g. `cargo xtask test -- ppo`.
    Test {
        /// Passed on to `cargo test --workspace`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build plugins/* for WebAssembly into target/plugins, and the tests' into target/test-plugins
    Plugins,
    /// Check the pages in web/, and that web/dist is what they make
    ///
    /// Needs Node 18 or later and npm, as `cargo build` does not: web/dist is committed.
    Web(web::Options),
    /// Pack the program and its plugins as a Python wheel, in target/wheels
    ///
    /// `pip install` of it brings PyTorch 2.11, whose libtorch the program then uses.
    Wheel,
    /// Compare PPO updates, reward model training and supervised fine-tuning with PyTorch + transformers, and
    /// record it in docs/benchmarks.md
    ///
    /// Sets up, makes a Python environment for the peer under .deps/peer (about 5 GB, since PyTorch's
    /// wheel has CUDA in it), and interleaves updates of examples/bench/update.toml with the same
    /// updates of scripts/peer_bench.py, then optimizer steps of examples/bench/reward.toml with those
    /// of scripts/peer_reward_bench.py, and of examples/bench/sft.toml with those of
    /// scripts/peer_sft_bench.py. Fifty minutes on two cores; leave the machine alone meanwhile.
    Bench(bench::Options),
    /// Hold models equal to transformers, by scripts/parity.py, scripts/reward_parity.py and scripts/sft_parity.py
    ///
    /// What follows `--` goes to all, e.g. `cargo xtask parity -- --record docs/benchmarks.md`.
    Parity {
        /// A Python that has scripts/requirements.txt, in place of one under .deps/peer
        #[arg(long, value_name = "PROGRAM")]
        python: Option<PathBuf>,
        /// Passed on to the scripts
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Hand made-up files, settings and answers to the plugin host, until the time is up or it fails
    ///
    /// The tests do so for some seconds without feedback; this builds fuzz/ with libFuzzer, which looks
    /// for inputs that reach new code. What it learns is kept in target/fuzz/corpus.
    Fuzz(fuzz::Options),
    /// Set up, then formatting, lints and documentation that builds
    Lint,
    /// What a change must pass: `lint`, fuzz targets that build, then `test`
    Ci,
}

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let result = Layout::of_this_checkout().and_then(|layout| match cli.verb {
        Verb::Setup => setup::run(&layout),
        Verb::Demo { args } => demo::run(&layout, &args),
        Verb::Test { args } => checks::test(&layout, &args),
        Verb::Bench(options) => bench::run(&layout, &options),
        Verb::Parity { python, args } => peer::parity(&layout, python.as_deref(), &args),
        Verb::Plugins => plugins::run(&layout),
        Verb::Web(options) => web::run(&layout, &options),
        Verb::Wheel => wheel::run(&layout),
        Verb::Fuzz(options) => fuzz::run(&layout, &options),
        Verb::Lint => checks::lint(&layout),
        Verb::Ci => checks::ci(&layout),
    });
    attune_build::tool::end_if_interrupted();
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

//! The command line: what was typed becomes one call. Only this module reads arguments, the
//! environment and the current directory, and only it writes to standard output.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the edge talks to the terminal"
)]

mod doctor;
mod model;
mod sample;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

/// Fine-tunes language models from human preferences.
///
/// Tasks, labelers and reward shapers are WebAssembly plugins.
#[derive(Parser)]
#[command(name = "attune", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Continue texts with a model or with the policy of a run
    Sample(sample::SampleArgs),
    /// Import, inspect and compare models
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Report what was found on this machine and what is missing
    Doctor,
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Runs what was typed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<()> {
    match Cli::parse_from(arguments).command {
        Command::Sample(args) => sample::run(&args),
        Command::Model(command) => model::run(&command),
        Command::Doctor => doctor::run(),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "attune", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// Prints an error and its causes, and says how to exit.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // A cause that its context already spells out says nothing new.
        if !lines.iter().any(|line| line.contains(&text)) {
            lines.push(text);
        }
    }
    eprintln!("error: {}", lines.join("\n  because: "));
    ExitCode::FAILURE
}

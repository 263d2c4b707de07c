//! The `attune` binary: parses, runs, prints the chain of errors with their hints.

use std::process::ExitCode;

use attune::cli;

fn main() -> ExitCode {
    attune::model::device::tune_allocator();
    attune::disk::survive_limits();
    match cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::report(&error),
    }
}

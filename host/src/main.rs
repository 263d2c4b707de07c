//! The `attune` binary: parses, runs, prints the chain of errors with their hints.

use std::process::ExitCode;

use attune::cli;

fn main() -> ExitCode {
    attune::model::device::tune_allocator();
    let result = cli::run(std::env::args_os());
    attune_build::tool::end_if_interrupted();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => cli::report(&error),
    }
}

//! End-to-end tests, through the binary.

mod bench;
mod cli;
mod errors;
mod hostile;
mod model;
mod plugins;
mod resume;
mod support;
mod tidy;
mod training;

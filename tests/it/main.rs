//! End-to-end tests, through the binary.

mod model;
mod support;
mod tidy;

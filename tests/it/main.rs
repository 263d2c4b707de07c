//! End-to-end tests, through the binary.

mod bench;
mod model;
mod support;

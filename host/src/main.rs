//! The `attune` binary.

fn main() {}

//! End-to-end tests, through the binary.

#![allow(clippy::unwrap_used, reason = "a test may say so by panicking")]

mod alarms;
mod bench;
mod cli;
mod data;
mod docs;
mod errors;
mod eval;
mod hostile;
mod js;
mod kills;
mod kit;
mod known;
mod label;
mod model;
mod moved;
mod native;
mod online;
mod overrides;
mod people;
mod plugins;
mod presets;
mod python;
mod report;
mod resume;
mod reward;
mod rows;
mod serve;
mod several;
mod sft;
mod store;
mod support;
mod tidy;
mod training;
mod twins;
mod vocabulary;
mod web;
mod wheel;

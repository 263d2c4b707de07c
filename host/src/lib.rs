//! Attune fine-tunes language models from human preferences (Ziegler et al. 2019).
//!
//! The `attune` binary is this library with a command line. A program of one's own does the same with its
//! own labeler and its own eyes; `examples/embed` is one:
//!
//! ```no_run
#![doc = include_str!("../../examples/embed/src/main.rs")]
//! ```
//!
//! [`experiment`] is where to begin: it trains policies and reward models and runs whole experiments, from a
//! [`config::Config`] and told to a [`train::observer::Observer`]. [`role`] has the traits that plugins,
//! people and programs play. [`train`], [`model`] and [`rl`] are what training is made of.

#[doc(hidden)] // for the program and its tests
pub mod cli;
pub mod config;
mod cpu;
#[doc(hidden)] // for its tests
pub mod digest;
mod disk;
mod drawing;
pub mod eval;
pub mod experiment;
pub mod fetch;
#[doc(hidden)] // for the program and its tests
pub mod golden;
mod kit;
pub mod label;
pub mod metrics;
pub mod model;
mod outside;
pub mod plugin;
pub mod report;
pub mod rl;
pub mod role;
mod rows;
pub mod run_dir;
pub mod seed;
mod serve;
mod spelling;
mod tensorboard;
mod terminal;
pub mod tokenizer;
pub mod train;

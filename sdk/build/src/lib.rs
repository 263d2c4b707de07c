//! Builds plugins: from a folder with source to a component that Attune loads.
//!
//! The command line's `attune plugin build` and the repository's own automation share it. What is
//! built depends on the source alone: neither on where it lies, nor on when it is built.

pub mod above;
pub mod cache;
mod cargo;
mod foreign;
pub mod js;
pub mod names;
mod native;
pub mod pip;
pub mod project;
pub mod python;
pub mod rust;
mod script;
pub mod sdk;
pub mod tool;
pub mod wasm;

pub use project::{Built, Language, Project, project_of};

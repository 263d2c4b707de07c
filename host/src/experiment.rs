//! Whole experiments: the parts that a run is made of, their order, and how they go on after a kill.
//!
//! ```text
//! config ── parts: device, model, tokenizer, plugins, data
//!              │
//!   whole ── reward models ── judges ── policy          study of labels
//!     ├───── known: labels of a labeler ── reward models ── policies ── table and plot
//!     └───── online: collect ── reward model ── policy ── collect ── …
//!   several ── sft, policy, whole: trainings that differ in a few keys ── evaluate
//!   evaluate ── models, runs, baselines: answers ── judges ── tables
//! ```
//!
//! What happens is told to an [`Observer`](crate::train::observer::Observer). Nothing here prints, reads
//! arguments or ends the process.

pub mod evaluate;
pub mod people;
pub mod policy;
pub mod reward;
pub mod several;
pub mod sft;
pub mod whole;

pub(crate) mod collect;
pub(crate) mod examples;
mod inputs;
pub(crate) mod joined;
mod judges;
mod known;
mod noise;
mod online;
pub(crate) mod outline;
pub(crate) mod parts;
mod resume;
pub(crate) mod scorable;
pub(crate) mod simulate;
mod stage;

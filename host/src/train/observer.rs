//! Whoever watches a run: told of what happens, while it happens, in data.
//!
//! A terminal makes bars and lines of it; a page or another program may make something else. Nobody
//! who watches can change what is done.

use std::path::Path;

use crate::metrics::Record;
use crate::train::alarms::Notice;
use crate::train::evaluation::Evaluation;
use crate::train::reward::report::Report;

mod outline;
mod table;
mod told;

pub use self::outline::{Outline, Planned, Rates};
pub use self::table::Table;

/// Told of all that happens.
pub trait Observer {
    /// Something has happened.
    fn event(&mut self, event: &Event);

    /// Something that the watcher should read.
    fn note(&mut self, text: &str) {
        self.event(&Event::Note(text));
    }

    /// Something that the watcher should do something about, or know when results are read.
    fn alarm(&mut self, text: &str) {
        self.event(&Event::Alarm(text));
    }
}

/// What is made in a directory of its own, and is done or can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A reward model.
    RewardModel,
    /// A policy, from what people wrote.
    Supervised,
    /// A policy, or the updates of one that are made against the same reward.
    Policy,
    /// A whole experiment of the two.
    Experiment,
}

/// What has happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A stage begins, or goes on, in its directory.
    Begun {
        /// What it makes.
        stage: Stage,
        /// Where.
        dir: &'a Path,
    },
    /// What the stage is made of and will do.
    Planned(&'a Outline),
    /// The stage goes on from a checkpoint.
    Resumed {
        /// Updates of a policy, or optimizer steps of a reward model, that were made before.
        done: u64,
        /// The checkpoint.
        checkpoint: &'a Path,
    },
    /// An update of a policy or an optimizer step of a reward model was made.
    Updated {
        /// Its number, counted from 0.
        update: u64,
        /// How many there are in all.
        updates: u64,
        /// Its metrics, as in `metrics.jsonl`.
        record: &'a Record,
    },
    /// A policy's training begins to go wrong, or does so no more. Where a run goes on, it is told again of what holds.
    Guard(&'a Notice),
    /// Plugins failed on some rows of an update, and the run goes on without them.
    Failed {
        /// Rows.
        rows: usize,
        /// Of how many.
        of: usize,
        /// The reason that the first was given.
        first: &'a str,
    },
    /// Labels are due before an update.
    LabelsDue {
        /// The update.
        update: u64,
        /// How many are due, from the first of the run on.
        due: u64,
        /// How many of them are there.
        there: u64,
    },
    /// Some of the labels that are due have been collected.
    LabelsCollected {
        /// How many are there.
        there: u64,
        /// How many are due.
        due: u64,
    },
    /// Training waits for people.
    LabelsAwaited {
        /// Labels that are not there yet.
        left: u64,
        /// The store that they belong in.
        store: &'a Path,
    },
    /// What a reward model is worth on labels that it never saw.
    Rated(&'a Report),
    /// A table of results.
    Table(&'a Table),
    /// A file that is made to be looked at.
    File {
        /// What it is, such as `plot`.
        name: &'a str,
        /// Where it is.
        path: &'a Path,
    },
    /// A policy is trained, and its answers to the held-out queries are there.
    Trained {
        /// Its run directory.
        dir: &'a Path,
        /// Updates that were made.
        updates: u64,
        /// Seconds of training in all.
        seconds: f64,
        /// Answers of the original model.
        before: &'a Evaluation,
        /// Answers of the policy.
        after: &'a Evaluation,
    },
    /// Something to read.
    Note(&'a str),
    /// Something to do something about.
    Alarm(&'a str),
    /// A stage is over.
    Ended {
        /// What was made.
        stage: Stage,
        /// Where.
        dir: &'a Path,
    },
}

/// Nobody watches.
impl Observer for () {
    fn event(&mut self, _: &Event) {}
}

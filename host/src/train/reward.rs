//! The reward model's training loop, to be read from top to bottom: [`RewardTrainer::run`].

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::metrics::{MetricsLog, Record};
use crate::model::reward::{Passages, RewardModel};
use crate::model::weights::{read_tensors, write_tensors};
use crate::rl::adam::Adam;
use crate::rl::preference::Answer;
use crate::run_dir::RunDir;
use crate::tensorboard::EventWriter;
use crate::train::checkpoint::{self, FORMAT, Input};
use crate::train::observer::{Event, Observer};
use crate::train::options::RewardOptions;

mod batch;
mod doubt;
mod learner;
mod normalize;
pub mod report;
pub(in crate::train) mod score;
#[cfg(test)]
mod tests;

pub use doubt::doubt;
pub use learner::Learner;
pub use normalize::normalize;
pub use score::scores;

/// What was judged, as the model reads it, and what was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The query and the responses.
    pub passages: Passages,
    /// What was said of them.
    pub answer: Answer,
}

/// The numbers of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewardState {
    /// Format of the files.
    pub format: u32,
    /// Optimizer steps that were made.
    pub steps: u64,
    /// The epoch with the least validation loss so far, counted from 1, and that loss.
    pub best: Option<(u64, f64)>,
    /// Whether training has stopped early.
    pub stopped: bool,
    /// Seconds of training before this checkpoint.
    pub elapsed_seconds: f64,
    /// What the run was begun with.
    pub inputs: Vec<Input>,
}

impl RewardState {
    /// A run that is about to begin.
    pub fn new(inputs: Vec<Input>) -> RewardState {
        RewardState {
            format: FORMAT,
            steps: 0,
            best: None,
            stopped: false,
            elapsed_seconds: 0.0,
            inputs,
        }
    }
}

/// Everything that a training is made of.
pub struct RewardTrainer<'a> {
    /// The model, its scale fixed already when it is to be fixed before.
    pub model: &'a RewardModel,
    /// What is learned from.
    pub examples: &'a [Example],
    /// What stops training early, and what is never learned from.
    pub validation: &'a [Example],
    /// Where results go.
    pub run_dir: &'a RunDir,
    /// How.
    pub options: RewardOptions,
}

/// What changes from step to step.
struct Course {
    state: RewardState,
    adam: Adam,
    metrics: MetricsLog,
    events: EventWriter,
    started: Instant,
    seconds_before: f64,
}

impl RewardTrainer<'_> {
    /// Trains from `state` on, which is the last checkpoint's when `resumed` names one. The model is
    /// then the one of the last epoch or, with patience, of the best.
    pub fn run(
        &self,
        state: RewardState,
        resumed: Option<PathBuf>,
        observer: &mut dyn Observer,
    ) -> Result<RewardState> {
        let mut course = self.begin(state, resumed)?;
        let per_epoch = self.options.steps_of_epoch(self.examples.len());
        let total = per_epoch * self.options.epochs;
        while course.state.steps < total && !course.state.stopped {
            let step = course.state.steps;
            let mut record = self.step(&mut course, step)?;
            if course.state.steps.is_multiple_of(per_epoch) {
                self.end_epoch(&mut course, &mut record, step / per_epoch)?;
            }
            course.metrics.append(step, &record)?;
            course.events.scalars(step + 1, record.iter())?;
            observer.event(&Event::Updated {
                update: step,
                updates: total,
                record: &record,
            });
            self.save_when_due(&mut course, total)?;
        }
        if let (Some((epoch, _)), true) = (course.state.best, self.options.patience > 0) {
            self.model.load_state(&read_tensors(&self.best(epoch))?)?;
        }
        Ok(course.state)
    }

    /// Opens the logs, cut back to where `state` stands, and puts a checkpoint's tensors in place.
    fn begin(&self, state: RewardState, resumed: Option<PathBuf>) -> Result<Course> {
        let mut adam = self.learner().optimizer();
        if let Some(place) = &resumed {
            checkpoint::restore(place, "weights.safetensors", &self.model.trainable())?;
            checkpoint::restore_optimizer(place, &mut adam, state.steps)?;
        }
        let metrics = match state.steps {
            0 => MetricsLog::create(&self.run_dir.metrics())?,
            done => MetricsLog::resume(&self.run_dir.metrics(), done - 1)?,
        };
        let next = resumed.as_ref().map(|_| state.steps + 1);
        Ok(Course {
            adam,
            metrics,
            events: EventWriter::create(&self.run_dir.tensorboard(), next)?,
            started: Instant::now(),
            seconds_before: state.elapsed_seconds,
            state,
        })
    }

    /// One optimizer step, and what it took so far.
    fn step(&self, course: &mut Course, step: u64) -> Result<Record> {
        let mut record = self.learner().step(&mut course.adam, step)?;
        course.state.steps += 1;
        course.state.elapsed_seconds =
            course.seconds_before + course.started.elapsed().as_secs_f64();
        record.set("elapsed/time", course.state.elapsed_seconds);
        Ok(record)
    }

    fn learner(&self) -> Learner<'_> {
        Learner {
            model: self.model,
            examples: self.examples,
            options: &self.options,
        }
    }

    /// Looks at the validation labels, keeps the best weights, and stops when patience ends.
    fn end_epoch(&self, course: &mut Course, record: &mut Record, epoch: u64) -> Result<()> {
        if self.validation.is_empty() {
            return Ok(());
        }
        let report = report::Report::of(
            self.model,
            self.validation,
            self.options.form,
            self.options.micro_tokens,
        );
        record.set("validation/loss", report.loss);
        if let Some(accuracy) = report.accuracy {
            record.set("validation/accuracy", accuracy.value);
        }
        if let Some(correlation) = report.ratings.and_then(|ratings| ratings.correlation) {
            record.set("validation/correlation", correlation);
        }
        let state = &mut course.state;
        let done = epoch + 1;
        if state.best.is_none_or(|(_, best)| report.loss < best) {
            state.best = Some((done, report.loss));
            if self.options.patience > 0 {
                write_tensors(&self.best(done), &self.model.trainable())?;
            }
        } else if let Some((best, _)) = state.best {
            state.stopped = self.options.patience > 0 && done - best >= self.options.patience;
        }
        Ok(())
    }

    fn best(&self, epoch: u64) -> PathBuf {
        best_of(self.run_dir, epoch)
    }

    fn save_when_due(&self, course: &mut Course, total: u64) -> Result<()> {
        let done = course.state.steps;
        let due = done.is_multiple_of(self.options.checkpoint_every);
        if due || done == total || course.state.stopped {
            checkpoint::save(
                &self.run_dir.checkpoints(),
                (done, &course.state),
                &self.model.trainable(),
                &course.adam.state(),
                self.options.keep_checkpoints,
            )
            .context("the reward model's checkpoint could not be written")?;
            // Only the last checkpoint is gone on from, so that only what it names is wanted.
            forget_best(self.run_dir, course.state.best.map(|(epoch, _)| epoch))?;
        }
        Ok(())
    }
}

fn best_of(run_dir: &RunDir, epoch: u64) -> PathBuf {
    let name = format!("best-epoch-{epoch:04}.safetensors");
    run_dir.root().join(name)
}

/// Removes the weights of all epochs but one.
pub fn forget_best(run_dir: &RunDir, but: Option<u64>) -> Result<()> {
    let kept = but.map(|epoch| best_of(run_dir, epoch));
    for entry in std::fs::read_dir(run_dir.root())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("best-epoch-") && Some(&path) != kept.as_ref() {
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
    }
    Ok(())
}

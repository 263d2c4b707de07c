//! A training in epochs over examples, to be read from top to bottom: [`Course::run`]. Knows steps, checkpoints,
//! validation and patience; does not know what is learned.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::metrics::{MetricsLog, Record};
use crate::model::weights::{read_tensors, write_tensors};
use crate::rl::adam::Adam;
use crate::run_dir::RunDir;
use crate::tensorboard::EventWriter;
use crate::train::checkpoint::{self, FORMAT, Input};
use crate::train::observer::{Event, Observer};
use crate::train::options::Pace;

/// What learns from examples.
pub trait Learns {
    /// What is trained, by name, in a fixed order; the handles share storage with the model.
    fn trainable(&self) -> Vec<(String, Tensor)>;

    /// Copies tensors of [`Learns::trainable`]'s names into the model.
    ///
    /// # Errors
    /// A name is not trained here or a shape differs.
    fn load_state(&self, state: &[(String, Tensor)]) -> Result<()>;

    /// The optimizer of what is trained, and the gradients that it will read.
    fn optimizer(&self) -> Adam;

    /// The optimizer step `step`, counted from 0 through all epochs.
    ///
    /// # Errors
    /// The loss or the gradient is no number.
    fn step(&self, adam: &mut Adam, step: u64) -> Result<Record>;

    /// The loss on examples that are never learned from, and what else is measured on them, by its name; none where
    /// there are no such examples.
    fn validate(&self) -> Option<(f64, Record)>;
}

/// The numbers of a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CourseState {
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

impl CourseState {
    /// A run that is about to begin.
    pub fn new(inputs: Vec<Input>) -> CourseState {
        CourseState {
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
pub struct Course<'a> {
    /// Who learns, and from what.
    pub learner: &'a dyn Learns,
    /// Where results go.
    pub run_dir: &'a RunDir,
    /// How long, and how often it is looked at.
    pub pace: Pace,
}

/// What changes from step to step.
struct Stand {
    state: CourseState,
    adam: Adam,
    metrics: MetricsLog,
    events: EventWriter,
    started: Instant,
    seconds_before: f64,
}

impl Course<'_> {
    /// Trains from `state` on, which is the last checkpoint's when `resumed` names one. The model is
    /// then the one of the last epoch or, with patience, of the best.
    pub fn run(
        &self,
        state: CourseState,
        resumed: Option<PathBuf>,
        observer: &mut dyn Observer,
    ) -> Result<CourseState> {
        let mut stand = self.begin(state, resumed)?;
        let per_epoch = self.pace.steps_of_epoch;
        let total = per_epoch * self.pace.epochs;
        while stand.state.steps < total && !stand.state.stopped {
            let step = stand.state.steps;
            let mut record = self.step(&mut stand, step)?;
            if stand.state.steps.is_multiple_of(per_epoch) {
                self.end_epoch(&mut stand, &mut record, step / per_epoch)?;
            }
            stand.metrics.append(step, &record)?;
            stand.events.scalars(step + 1, record.iter())?;
            observer.event(&Event::Updated {
                update: step,
                updates: total,
                record: &record,
            });
            self.save_when_due(&mut stand, total)?;
        }
        if let (Some((epoch, _)), true) = (stand.state.best, self.pace.patience > 0) {
            self.learner.load_state(&read_tensors(&self.best(epoch))?)?;
        }
        Ok(stand.state)
    }

    /// Opens the logs, cut back to where `state` stands, and puts a checkpoint's tensors in place.
    fn begin(&self, state: CourseState, resumed: Option<PathBuf>) -> Result<Stand> {
        let mut adam = self.learner.optimizer();
        if let Some(place) = &resumed {
            checkpoint::restore(place, "weights.safetensors", &self.learner.trainable())?;
            checkpoint::restore_optimizer(place, &mut adam, state.steps)?;
        }
        let metrics = match state.steps {
            0 => MetricsLog::create(&self.run_dir.metrics())?,
            done => MetricsLog::resume(&self.run_dir.metrics(), done - 1)?,
        };
        let next = resumed.as_ref().map(|_| state.steps + 1);
        Ok(Stand {
            adam,
            metrics,
            events: EventWriter::create(&self.run_dir.tensorboard(), next)?,
            started: Instant::now(),
            seconds_before: state.elapsed_seconds,
            state,
        })
    }

    /// One optimizer step, and what it took so far.
    fn step(&self, stand: &mut Stand, step: u64) -> Result<Record> {
        let mut record = self.learner.step(&mut stand.adam, step)?;
        stand.state.steps += 1;
        stand.state.elapsed_seconds = stand.seconds_before + stand.started.elapsed().as_secs_f64();
        record.set("elapsed/time", stand.state.elapsed_seconds);
        Ok(record)
    }

    /// Looks at the validation examples, keeps the best weights, and stops when patience ends.
    fn end_epoch(&self, stand: &mut Stand, record: &mut Record, epoch: u64) -> Result<()> {
        let Some((loss, measured)) = self.learner.validate() else {
            return Ok(());
        };
        for (name, value) in measured.iter() {
            record.set(name, value);
        }
        let state = &mut stand.state;
        let done = epoch + 1;
        if state.best.is_none_or(|(_, best)| loss < best) {
            state.best = Some((done, loss));
            if self.pace.patience > 0 {
                write_tensors(&self.best(done), &self.learner.trainable())?;
            }
        } else if let Some((best, _)) = state.best {
            state.stopped = self.pace.patience > 0 && done - best >= self.pace.patience;
        }
        Ok(())
    }

    fn best(&self, epoch: u64) -> PathBuf {
        best_of(self.run_dir, epoch)
    }

    fn save_when_due(&self, stand: &mut Stand, total: u64) -> Result<()> {
        let done = stand.state.steps;
        let due = done.is_multiple_of(self.pace.checkpoint_every);
        if due || done == total || stand.state.stopped {
            checkpoint::save(
                &self.run_dir.checkpoints(),
                (done, &stand.state),
                &self.learner.trainable(),
                &stand.adam.state(),
                self.pace.keep_checkpoints,
            )
            .context("the checkpoint could not be written")?;
            // Only the last checkpoint is gone on from, so that only what it names is wanted.
            forget_best(self.run_dir, stand.state.best.map(|(epoch, _)| epoch))?;
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

#[cfg(test)]
mod tests;

//! The policy's training loop, to be read from top to bottom: [`Trainer::run`].

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;
use tch::Kind;

use crate::config::{Config, Plan};
use crate::metrics::{MetricsLog, Record};
use crate::rl::adam::Adam;
use crate::rl::schedule;
use crate::role::{CallContext, Sample, Split};
use crate::run_dir::RunDir;
use crate::seed;
use crate::tensorboard::EventWriter;
use crate::train::alarms::{Notice, Watch};
use crate::train::checkpoint::{self, State};
use crate::train::observer::{Event, Observer};
use crate::train::options::UpdateOptions;
use crate::train::rollout::{Roller, Rollout, Unscored};
use crate::train::stream::QueryStream;
use crate::train::update;

mod responses;
mod samples;

pub use self::samples::Recorded;

/// What happens between updates, with the models as they are then.
pub trait Gate {
    /// Called before `update` is made, and once more at the end. A resumed run calls it again for updates
    /// that it makes again.
    fn pass(&mut self, update: u64, roller: &Roller, observer: &mut dyn Observer) -> Result<()>;
}

/// Nothing happens.
pub struct Open;

impl Gate for Open {
    fn pass(&mut self, _: u64, _: &Roller, _: &mut dyn Observer) -> Result<()> {
        Ok(())
    }
}

/// Everything that a run is made of.
pub struct Trainer<'a> {
    /// What a person chose.
    pub config: &'a Config,
    /// What follows from it.
    pub plan: &'a Plan,
    /// The policy, the reference, the scorers.
    pub roller: Roller<'a>,
    /// The queries to train on.
    pub stream: &'a QueryStream,
    /// Where results go.
    pub run_dir: &'a RunDir,
    /// How updates are made.
    pub options: UpdateOptions,
    /// Updates after which this call ends.
    pub until: u64,
}

/// What changes from update to update.
struct Course {
    state: State,
    adam: Adam,
    metrics: MetricsLog,
    events: EventWriter,
    checkpoint: Option<PathBuf>,
    watch: Watch,
    started: Instant,
    /// Seconds of training before this process.
    seconds_before: f64,
}

impl Trainer<'_> {
    /// Trains from `state` on, which is the last checkpoint's when `resumed` names one.
    pub fn run(
        &self,
        state: State,
        resumed: Option<PathBuf>,
        gate: &mut dyn Gate,
        observer: &mut dyn Observer,
    ) -> Result<State> {
        let mut course = self.begin(state, resumed)?;
        let holding: Vec<Notice> = course.watch.holding().cloned().collect();
        self.tell(&holding, observer)?;
        self.stop_on_alarm(&course)?;
        while course.state.updates < self.until {
            let update = course.state.updates;
            gate.pass(update, &self.roller, observer)?;
            let record = self.update(&mut course, observer)?;
            course.metrics.append(update, &record)?;
            course.events.scalars(update + 1, record.iter())?;
            observer.event(&Event::Updated {
                update,
                updates: self.plan.updates,
                record: &record,
            });
            let notices = course.watch.observe(update, &record);
            self.tell(&notices, observer)?;
            self.save_when_due(&mut course)?;
            self.stop_on_alarm(&course)?;
        }
        gate.pass(course.state.updates, &self.roller, observer)?;
        Ok(course.state)
    }

    /// Opens the logs, cut back to where `state` stands, and puts a checkpoint's tensors in place.
    fn begin(&self, state: State, resumed: Option<PathBuf>) -> Result<Course> {
        let policy = self.roller.policy;
        let mut adam = update::optimizer(policy, &self.options);
        if let Some(place) = &resumed {
            checkpoint::restore(place, "weights.safetensors", &policy.trainable())?;
            checkpoint::restore_optimizer(place, &mut adam, state.optimizer_steps)?;
        }
        let metrics = match state.updates {
            0 => MetricsLog::create(&self.run_dir.metrics())?,
            done => MetricsLog::resume(&self.run_dir.metrics(), done - 1)?,
        };
        samples::truncate(self.run_dir, state.updates)?;
        self.stream.go_on(state.cursor, state.row, &state.rows);
        let next = resumed.as_ref().map(|_| state.updates + 1);
        Ok(Course {
            adam,
            metrics,
            events: EventWriter::create(&self.run_dir.tensorboard(), next)?,
            checkpoint: resumed,
            watch: Watch::of_log(self.config, &self.run_dir.metrics())?,
            started: Instant::now(),
            seconds_before: state.elapsed_seconds,
            state,
        })
    }

    /// One update: sample, score, learn.
    fn update(&self, course: &mut Course, observer: &mut dyn Observer) -> Result<Record> {
        let (state, batch_size) = (&mut course.state, self.config.ppo.batch_size);
        let (update, clock) = (state.updates, Instant::now());
        let queries = self.stream.batch(state.cursor, batch_size as usize)?;
        let rolled = self.roller.roll(&queries, update, Split::Train);
        let mut rollout = rolled.map_err(|error| {
            let good = last_good(course.checkpoint.as_deref());
            let unscored = error.downcast_ref::<Unscored>();
            let dumped = unscored.map(|Unscored(samples)| {
                let dumped = self.dump(&error, samples, &[], update);
                format!("; {dumped}")
            });
            let dumped = dumped.unwrap_or_default();
            error.context(format!(
                "the run stopped in update {update}{dumped}; {good}"
            ))
        })?;
        if let Some((failed, first)) = rollout.scores.failed() {
            observer.event(&Event::Failed {
                rows: failed,
                of: rollout.scores.totals.len(),
                first,
            });
        }
        let measured = self.measure(&rollout, update).with_context(|| {
            let good = last_good(course.checkpoint.as_deref());
            format!("the run stopped in update {update}; {good}")
        })?;
        let kl_coef = state.kl.coefficient();
        let lr = schedule::linear(self.config.ppo.lr, update, self.plan.updates);
        let mut record = self.describe(&rollout, kl_coef, lr);
        let rollout_seconds = clock.elapsed().as_secs_f64();

        let pass = rollout.take_pass();
        let kept = rollout.kept(self.roller.scorers.task.layout());
        let (policy, options) = (self.roller.policy, &self.options);
        let adam = &mut course.adam;
        let learned = self
            .check(&kept, &record, update)
            .and_then(|()| update::learn(policy, &kept, pass, kl_coef, lr, options, adam, update))
            .map_err(|error| self.stop(error, &rollout, update, course.checkpoint.as_deref()))?;
        let learned = learned
            .iter()
            .map(|(name, value)| (name.to_string(), value));
        record.extend(learned);
        record.extend(measured);

        let kl = record.get("objective/kl").unwrap_or(0.0);
        state.kl.update(kl, batch_size);
        state.updates += 1;
        state.cursor += batch_size;
        state.row = self.stream.row();
        state.rows = self.stream.counts();
        state.optimizer_steps = course.adam.steps();
        state.elapsed_seconds = course.seconds_before + course.started.elapsed().as_secs_f64();
        self.count(&mut record, state, &rollout, rollout_seconds, clock);
        let recorded = self.config.run.record_rollouts as usize;
        let tokenizer = self.roller.tokenizer;
        samples::append(self.run_dir, &rollout, tokenizer, update, recorded)?;
        Ok(record)
    }

    /// What labelers that are no part of the reward say of the batch.
    fn measure(&self, rollout: &Rollout, update: u64) -> Result<Vec<(String, f64)>> {
        let context = CallContext {
            seed: seed::derive(self.config.run.seed, "measure", update),
            update,
            split: Split::Train,
        };
        let scorers = &self.roller.scorers;
        let measured = scorers.measure(context, &rollout.scores.finished)?;
        let named = measured.into_iter();
        Ok(named
            .map(|(name, value)| (format!("measure/{name}"), value))
            .collect())
    }

    /// Tells of alarms and records each once, however often a run that was killed meets it again.
    fn tell(&self, notices: &[Notice], observer: &mut dyn Observer) -> Result<()> {
        for notice in notices {
            self.run_dir.record_once(&notice.event())?;
            observer.event(&Event::Guard(notice));
        }
        Ok(())
    }

    /// Ends the run where an alarm holds that is to stop it. After the last update there is nothing left to stop.
    fn stop_on_alarm(&self, course: &Course) -> Result<()> {
        let Some(Notice {
            alarm, what, hint, ..
        }) = course.watch.stopping()
        else {
            return Ok(());
        };
        let done = course.state.updates;
        if done >= self.plan.updates {
            return Ok(());
        }
        bail!(
            "the run stopped after {done} updates, as alarms.stop_on says: alarm `{alarm}`: {what}; {}\nhint: {hint}; to \
             go on all the same, take `{alarm}` out of alarms.stop_on, or raise its threshold, and resume",
            last_good(course.checkpoint.as_deref())
        )
    }

    fn save_when_due(&self, course: &mut Course) -> Result<()> {
        let done = course.state.updates;
        let due = done.is_multiple_of(self.config.run.checkpoint_every);
        if due || done == self.until || course.watch.stopping().is_some() {
            course.checkpoint = Some(checkpoint::save(
                &self.run_dir.checkpoints(),
                (done, &course.state),
                &self.roller.policy.trainable(),
                &course.adam.state(),
                self.config.run.keep_checkpoints,
            )?);
        }
        Ok(())
    }

    /// What is known before the update; keys of the original.
    fn describe(&self, rollout: &Rollout, kl_coef: f64, lr: f64) -> Record {
        let mean = |values: &[f32]| {
            values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64
        };
        let score = mean(&rollout.scores.totals);
        let kl = rollout.sequence_kl().mean(Kind::Double).double_value(&[]);
        let entropy = -rollout
            .logprobs
            .sum_dim_intlist(1, false, Kind::Float)
            .mean(Kind::Double)
            .double_value(&[]);
        let valid = rollout.scores.valid.iter().filter(|&&valid| valid).count();
        let mut record = Record::default();
        record.set("objective/kl", kl);
        record.set("objective/kl_coef", kl_coef);
        record.set("objective/entropy", entropy);
        record.set("objective/score", score);
        record.set("objective/score_total", score - kl_coef * kl);
        record.set(
            "objective/valid",
            valid as f64 / rollout.scores.valid.len() as f64,
        );
        responses::describe(rollout, self.roller.scorers, &mut record);
        record.set("ppo/lr", lr);
        for (name, value) in &rollout.scores.metrics {
            record.set(name, *value);
        }
        record
    }

    /// Refuses to learn from numbers that are none.
    fn check(&self, rollout: &Rollout, record: &Record, update: u64) -> Result<()> {
        if rollout.samples.len() < 2 {
            bail!(
                "update {update}: {} rows are left to learn from",
                rollout.samples.len()
            );
        }
        let rewards = rollout.rewards(record.get("objective/kl_coef").unwrap_or(0.0));
        for (name, tensor) in [
            ("logprobs", &rollout.logprobs),
            ("ref_logprobs", &rollout.ref_logprobs),
            ("values", &rollout.values),
            ("rewards", &rewards),
        ] {
            if tensor.isfinite().all().int64_value(&[]) == 0 {
                bail!("update {update}: {name} are not all finite");
            }
        }
        Ok(())
    }

    /// Dumps the batch that could not be learned from and names the last good checkpoint.
    fn stop(
        &self,
        error: anyhow::Error,
        rollout: &Rollout,
        update: u64,
        checkpoint: Option<&std::path::Path>,
    ) -> anyhow::Error {
        let dumped = self.dump(&error, &rollout.samples, &rollout.scores.totals, update);
        let good = last_good(checkpoint);
        let error = match rollout.scores.outsized() {
            Some(reward) => error.context(reward),
            None => error,
        };
        error.context(format!(
            "the run stopped; {dumped}; {good}\nhint: lower ppo.lr, or raise kl.coef, and go on in a \
             new run directory"
        ))
    }

    /// Keeps a batch that nothing could be learned from, and says where.
    fn dump(
        &self,
        error: &anyhow::Error,
        samples: &[Sample],
        totals: &[f32],
        update: u64,
    ) -> String {
        let path = self.run_dir.failed(update);
        let dump = json!({
            "update": update,
            "error": format!("{error:#}"),
            "samples": samples,
            "totals": totals,
        });
        let written = serde_json::to_vec_pretty(&dump)
            .context("dump")
            .and_then(|bytes| crate::run_dir::replace(&path, &bytes));
        match written {
            Ok(()) => format!("the batch is in `{}`", path.display()),
            Err(problem) => format!("the batch could not be written: {problem:#}"),
        }
    }

    fn count(
        &self,
        record: &mut Record,
        state: &State,
        rollout: &Rollout,
        rollout_seconds: f64,
        clock: Instant,
    ) {
        let tokens = rollout.logprobs.numel() as f64;
        let seconds = clock.elapsed().as_secs_f64();
        let steps = state.updates as f64 * rollout.logprobs.size()[1] as f64;
        record.set("elapsed/steps/serial", steps);
        record.set(
            "elapsed/steps/total",
            steps * self.config.ppo.batch_size as f64,
        );
        record.set("elapsed/updates", state.updates as f64);
        record.set(
            "elapsed/episodes",
            (state.updates * self.config.ppo.batch_size) as f64,
        );
        record.set("time/rollout", rollout_seconds);
        record.set("time/generate", rollout.seconds.generate);
        record.set("time/analyze", rollout.seconds.analyze);
        if rollout.scores.model_seconds > 0.0 {
            record.set("time/reward_model", rollout.scores.model_seconds);
        }
        record.set("time/update", seconds);
        record.set("time/plugins", rollout.scores.plugin_seconds);
        record.set("time/plugin_share", rollout.scores.plugin_seconds / seconds);
        record.set("elapsed/fps", (tokens / seconds).floor());
        record.set("elapsed/time", state.elapsed_seconds);
    }
}

fn last_good(checkpoint: Option<&std::path::Path>) -> String {
    match checkpoint {
        Some(place) => format!("the last good checkpoint is `{}`", place.display()),
        None => "there is no checkpoint yet".to_string(),
    }
}

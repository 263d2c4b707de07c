//! A policy's training in its run directory: in one piece, or as a part of an experiment.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::config::{Config, Plan};
use crate::experiment::inputs;
use crate::experiment::outline::outline;
use crate::experiment::parts::{self, Lock, Parts};
use crate::experiment::resume::{Opened, begin, go_on};
use crate::rl::schedule;
use crate::run_dir::{RunDir, replace};
use crate::train::alarms::Watch;
use crate::train::checkpoint::{self, State};
use crate::train::eval::evaluate;
use crate::train::evaluation::Evaluation;
use crate::train::observer::{Event, Observer, Stage};
use crate::train::options::UpdateOptions;
use crate::train::policy::{Gate, Open, Trainer};

mod outcome;

use self::outcome::{finished, first_evaluation, keep_counts, store};

/// Trains a policy, going on from the last checkpoint where there is one and `resume` says so.
///
/// # Errors
/// The config, its model, its data or its plugins cannot be used, or training cannot go on.
pub fn train(config: &Config, resume: bool, observer: &mut dyn Observer) -> Result<()> {
    let dir = &config.run.dir;
    if dir.join("policy/config.toml").is_file() {
        bail!(
            "`{}` is the directory of a whole experiment, whose policy is trained in `policy`\nhint: `attune run` goes \
             on with it; or name another directory by `--set run.dir=…`",
            dir.display()
        );
    }
    let part = Part {
        config,
        plan: config.plan()?,
        text: config.to_toml()?,
        begun_with: config,
        resume,
        until: None,
        same_judge: true,
    };
    part.train(&mut Open, observer)
}

/// A part of a policy's training, or all of it.
pub(super) struct Part<'a> {
    pub(super) config: &'a Config,
    /// What follows from it.
    pub(super) plan: Plan,
    /// The config as the run directory keeps it.
    pub(super) text: String,
    /// Whose model, data and assets must be the same when the run goes on.
    pub(super) begun_with: &'a Config,
    /// Whether to go on from the last checkpoint.
    pub(super) resume: bool,
    /// Updates after which the part ends; absent for all, and what follows them.
    pub(super) until: Option<u64>,
    /// Whether the reward is the same in all parts, so that the answers of the untrained model are
    /// scored once.
    pub(super) same_judge: bool,
}

impl Part<'_> {
    /// Trains, and tells of the answers before and after where it is the last part.
    pub(super) fn train(self, gate: &mut dyn Gate, observer: &mut dyn Observer) -> Result<()> {
        let (config, text) = (self.config, &self.text);
        let parts = parts::load(config)?;
        let notes = parts.notes();
        notes.iter().for_each(|note| observer.alarm(note));
        let opened = match self.resume {
            true => go_on(config, text, true)?,
            false => begin(config, text)?,
        };
        let (stage, run_dir) = (Stage::Policy, &opened.run_dir);
        let dir = run_dir.root();
        observer.event(&Event::Begun { stage, dir });
        if self.until.is_none() {
            observer.event(&Event::Planned(&outline(config, &self.plan, &parts)));
        }
        let (state, resumed) = self.stand(&opened, &parts, observer)?;
        let whole = self.until.is_none();
        if whole
            && state.updates == self.plan.updates
            && let Some((before, after)) = finished(run_dir)?
        {
            tell(observer, run_dir, &state, &before, &after);
        } else {
            self.learn(parts, run_dir, (state, resumed), gate, observer)?;
        }
        if whole && let Some(summary) = Watch::of_log(config, &run_dir.metrics())?.summary() {
            observer.alarm(&summary);
        }
        observer.event(&Event::Ended { stage, dir });
        Ok(())
    }

    /// Where the run stands. Once nothing can be refused any more, its directory says how it goes on.
    fn stand(
        &self,
        opened: &Opened,
        parts: &Parts,
        observer: &mut dyn Observer,
    ) -> Result<(State, Option<PathBuf>)> {
        let (config, plan, run_dir) = (self.config, &self.plan, &opened.run_dir);
        let fresh = State::new(
            parts::controller(config),
            parts.identities.clone(),
            inputs::read(self.begun_with)?,
        );
        let (state, resumed) = self.last_state(run_dir, fresh, observer)?;
        for event in Lock::of(config)?.passed_over(&parts.identities) {
            run_dir.record(&event)?;
        }
        opened.tell_rounding(observer)?;
        if let Some(episodes) = opened.extended {
            let done = (state.updates, plan.updates);
            extend(run_dir, episodes, config, done, observer)?;
        }
        if state.updates < plan.updates {
            // Of a run that goes on after its end, which are not what it ends with.
            outcome::forget(run_dir, "after")?;
        }
        let manifest = serde_json::to_vec_pretty(&parts.manifest)?;
        replace(&run_dir.manifest(), &manifest)?;
        replace(&run_dir.config(), self.text.as_bytes())?;
        Ok((state, resumed))
    }

    /// Makes the updates that are left and, after the last of all, keeps the policy and its answers.
    fn learn(
        &self,
        mut parts: Parts,
        run_dir: &RunDir,
        (state, resumed): (State, Option<PathBuf>),
        gate: &mut dyn Gate,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let (config, plan) = (self.config, &self.plan);
        let reference = parts.policy.reference();
        let micro = parts.micro_batch(config, plan);
        let stream = parts.take_train().shuffled(config.data()?.shuffle_seed);
        let options = UpdateOptions::new(config, plan, micro);
        let roller = parts.roller(&reference, config, plan, &options);
        let held_out = &parts.held_out;
        let (whole, began) = (self.until.is_none(), resumed.is_some());
        let mut before = None;
        if whole && self.same_judge {
            let answers = first_evaluation(run_dir, &roller, held_out, observer, began)?;
            before = Some(answers);
        }
        let trainer = Trainer {
            config,
            plan,
            roller,
            stream: &stream,
            run_dir,
            options,
            until: self.until.unwrap_or(plan.updates),
        };
        let state = trainer.run(state, resumed, gate, observer)?;
        keep_counts(run_dir, &parts.manifest, &stream.counts(), observer)?;
        if !whole {
            return Ok(());
        }
        // Saved first: a scorer that fails on the held-out answers does not take the policy with it.
        parts.policy.save(&run_dir.policy())?;
        parts.tokenizer.save(&run_dir.policy())?;
        parts::keep_companions(&config.model.path, &run_dir.policy())?;
        let after = evaluate(&trainer.roller, held_out)?;
        let before = match before {
            Some(before) => before,
            None => {
                let original = trainer.roller.of(&reference);
                first_evaluation(run_dir, &original, held_out, observer, false)?
            }
        };
        // Last: where it is, all else is there too.
        store(run_dir, "after", &after)?;
        tell(observer, run_dir, &state, &before, &after);
        Ok(())
    }

    /// Where the run stands, and its last checkpoint, if it has one and is to go on.
    fn last_state(
        &self,
        run_dir: &RunDir,
        fresh: State,
        observer: &mut dyn Observer,
    ) -> Result<(State, Option<PathBuf>)> {
        let latest = checkpoint::latest(&run_dir.checkpoints())?;
        let Some(place) = latest.filter(|_| self.resume) else {
            if self.resume && finished(run_dir)?.is_some() {
                // It would begin anew, and write over the policy.
                bail!(
                    "the run in `{}` is finished, and it has no checkpoints to go on from\nhint: put its `checkpoints` \
                     back, or train in another directory by `--set run.dir=…`",
                    run_dir.root().display()
                );
            }
            return Ok((fresh, None));
        };
        let mut state: State = checkpoint::read_state(&place)?;
        inputs::check(&state.inputs, &fresh.inputs)?;
        check_plugins(run_dir, &state, &fresh, self.config, observer)?;
        // From here on it is they who make what the checkpoints hold.
        state.plugins = fresh.plugins;
        observer.event(&Event::Resumed {
            done: state.updates,
            checkpoint: &place,
        });
        Ok((state, Some(place)))
    }
}

/// Records that a run has more episodes than it was begun with, and tells what becomes of the learning rate.
fn extend(
    run_dir: &RunDir,
    (before, now): (u64, u64),
    config: &Config,
    (done, updates): (u64, u64),
    observer: &mut dyn Observer,
) -> Result<()> {
    let old = before.div_ceil(config.ppo.batch_size);
    let lr = |updates| schedule::linear(config.ppo.lr, done, updates);
    let (was, is) = (if done < old { lr(old) } else { 0.0 }, lr(updates));
    observer.note(&format!(
        "extended from {before} to {now} episodes after update {done}: the learning rate falls linearly to 0 over all \
         {updates} updates, so that it goes on at {is:.3e} instead of {was:.3e}"
    ));
    run_dir.record(&serde_json::json!({
        "event": "extended", "updates": done, "episodes_before": before, "episodes_now": now,
        "lr_before": was, "lr_now": is,
    }))
}

/// Tells what became of the policy.
fn tell(
    observer: &mut dyn Observer,
    run_dir: &RunDir,
    state: &State,
    before: &Evaluation,
    after: &Evaluation,
) {
    observer.event(&Event::Trained {
        dir: run_dir.root(),
        updates: state.updates,
        seconds: state.elapsed_seconds,
        before,
        after,
    });
}

/// Refuses to go on with plugins that are not those of the checkpoint, or records that it was allowed.
fn check_plugins(
    run_dir: &RunDir,
    state: &State,
    fresh: &State,
    config: &Config,
    observer: &mut dyn Observer,
) -> Result<()> {
    for (before, now) in state.plugins.iter().zip(&fresh.plugins) {
        if before == now {
            continue;
        }
        if !config.session.allow_changed_plugins {
            bail!(
                "{}\nhint: put the old file back, start a new run directory, or go on with another \
                 plugin by --allow-changed-plugins, which is recorded",
                parts::changed(before, now)
            );
        }
        observer.alarm(&parts::changed(before, now));
        run_dir.record(&serde_json::json!({
            "event": "plugin changed", "updates": state.updates, "before": before, "now": now,
        }))?;
    }
    Ok(())
}

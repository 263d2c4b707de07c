//! `attune train policy`, and the parts of an experiment that train a policy.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cli::ConfigArgs;
use crate::cli::inputs;
use crate::cli::parts::{self, Lock, Parts};
use crate::cli::plan::print_plan;
use crate::cli::progress::Progress;
use crate::config::{Config, Plan};
use crate::rl::kl::KlController;
use crate::run_dir::{RunDir, replace};
use crate::train::checkpoint::{self, State};
use crate::train::eval::evaluate;
use crate::train::policy::{Gate, Open, Trainer};
use crate::train::queries::QueryStream;
use crate::train::update::UpdateOptions;

mod outcome;

use self::outcome::{finished, first_evaluation, print_table, print_where, store};

/// Activations of a micro-batch are kept under this many bytes when the config leaves it open.
const ACTIVATION_BUDGET: usize = 5 << 27;

/// Episodes that go through the model at a time.
pub(super) fn micro_batch(config: &Config, plan: &Plan, parts: &Parts) -> usize {
    if config.ppo.micro_batch > 0 {
        return config.ppo.micro_batch.min(plan.minibatch_size) as usize;
    }
    let layout = parts.scorers.task.layout();
    let len = layout.prefix.len() + layout.query_len + layout.suffix.len() + layout.response_len;
    let bytes = parts.policy.activation_bytes_per_token() * len;
    let minibatch = plan.minibatch_size as usize;
    let most = (ACTIVATION_BUDGET / bytes.max(1)).clamp(1, minibatch);
    // Parts of equal size, so that the largest is as small as their number allows.
    minibatch.div_ceil(minibatch.div_ceil(most))
}

pub(super) fn controller(config: &Config) -> KlController {
    let kl = &config.kl;
    if kl.target == 0.0 {
        return KlController::Fixed {
            coefficient: kl.coef,
        };
    }
    KlController::Adaptive {
        coefficient: kl.coef,
        target: kl.target,
        horizon: kl.horizon,
    }
}

/// Trains.
pub(super) fn policy(args: &ConfigArgs, resume: bool) -> Result<()> {
    let (config, file) = (args.load()?, &args.file);
    policy_of(&config, resume).with_context(|| format!("in config `{}`", file.display()))
}

/// Trains, going on from the last checkpoint where there is one and that is wanted.
fn policy_of(config: &Config, resume: bool) -> Result<()> {
    let part = Part {
        config,
        plan: config.plan()?,
        text: config.to_toml()?,
        begun_with: config,
        resume,
        until: None,
        same_judge: true,
    };
    part.train(&mut Open, &mut Progress::new())
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
    /// Trains, and shows the answers before and after where it is the last part.
    pub(super) fn train(self, gate: &mut dyn Gate, progress: &mut Progress) -> Result<()> {
        let (config, plan) = (self.config, &self.plan);
        let mut parts = parts::load(config)?;
        let text = &self.text;
        let run_dir = if self.resume {
            RunDir::resume_moved(&config.run.dir, text)?
        } else {
            RunDir::create(&config.run.dir, text)?
        };
        if self.until.is_none() {
            print_plan(config, plan, &parts);
        }
        let fresh = State::new(
            controller(config),
            parts.identities.clone(),
            inputs::read(self.begun_with)?,
        );
        let (state, resumed) = self.last_state(&run_dir, fresh)?;
        for event in Lock::of(config)?.passed_over(&parts.identities) {
            run_dir.record(&event)?;
        }
        // Only now: what is refused leaves no trace in the run.
        replace(
            &run_dir.manifest(),
            &serde_json::to_vec_pretty(&parts.manifest)?,
        )?;
        replace(&run_dir.config(), text.as_bytes())?;
        if self.until.is_none()
            && state.updates == plan.updates
            && let Some((before, after)) = finished(&run_dir)?
        {
            print_table(&before, &after, config.eval.show);
            print_where(&run_dir, &state);
            return Ok(());
        }
        let reference = parts.policy.reference();
        let micro = micro_batch(config, plan, &parts);
        let queries = std::mem::take(&mut parts.train);
        let stream = QueryStream::new(queries, config.data()?.shuffle_seed);
        let options = UpdateOptions::new(config, plan, micro);
        let roller = parts.roller(&reference, config, plan, &options);
        let began = resumed.is_some();
        let whole = self.until.is_none();
        let mut before = None;
        if whole && self.same_judge {
            let held_out = &parts.held_out;
            before = Some(first_evaluation(
                &run_dir, &roller, held_out, progress, began,
            )?);
        }
        let trainer = Trainer {
            config,
            plan,
            roller,
            stream: &stream,
            run_dir: &run_dir,
            options,
            until: self.until.unwrap_or(plan.updates),
        };
        let state = trainer.run(state, resumed, gate, progress)?;
        progress.finish();
        if !whole {
            return Ok(());
        }
        // Saved first: a scorer that fails on the held-out answers does not take the policy with it.
        parts.policy.save(&run_dir.policy())?;
        parts.tokenizer.save(&run_dir.policy())?;
        keep_companions(&config.model.path, &run_dir.policy())?;
        let after = evaluate(&trainer.roller, &parts.held_out)?;
        let before = match before {
            Some(before) => before,
            None => {
                let original = trainer.roller.of(&reference);
                first_evaluation(&run_dir, &original, &parts.held_out, progress, false)?
            }
        };
        // Last: where it is, all else is there too.
        store(&run_dir, "after", &after)?;
        print_table(&before, &after, config.eval.show);
        print_where(&run_dir, &state);
        Ok(())
    }

    /// Where the run stands, and its last checkpoint, if it has one and is to go on.
    fn last_state(&self, run_dir: &RunDir, fresh: State) -> Result<(State, Option<PathBuf>)> {
        let latest = checkpoint::latest(&run_dir.checkpoints())?;
        let Some(place) = latest.filter(|_| self.resume) else {
            return Ok((fresh, None));
        };
        let mut state: State = checkpoint::read_state(&place)?;
        inputs::check(&state.inputs, &fresh.inputs)?;
        check_plugins(run_dir, &state, &fresh, self.config)?;
        // From here on it is they who make what the checkpoints hold.
        state.plugins = fresh.plugins;
        println!(
            "resume     {} updates are done, from `{}`",
            state.updates,
            place.display()
        );
        Ok((state, Some(place)))
    }
}

/// Copies what else a model folder says of its tokens and their use, such as its chat template.
pub(super) fn keep_companions(from: &Path, to: &Path) -> Result<()> {
    for name in [
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "generation_config.json",
        "chat_template.jinja",
    ] {
        let file = from.join(name);
        if file.is_file() {
            std::fs::copy(&file, to.join(name))
                .with_context(|| format!("cannot copy `{}`", file.display()))?;
        }
    }
    Ok(())
}

/// Refuses to go on with plugins that are not those of the checkpoint, or records that it was allowed.
fn check_plugins(run_dir: &RunDir, state: &State, fresh: &State, config: &Config) -> Result<()> {
    for (before, now) in state.plugins.iter().zip(&fresh.plugins) {
        if before == now {
            continue;
        }
        if !config.session.allow_changed_plugins {
            anyhow::bail!(
                "{}\nhint: put the old file back, start a new run directory, or go on with another \
                 plugin by --allow-changed-plugins, which is recorded",
                parts::changed(before, now)
            );
        }
        eprintln!("warning: {}", parts::changed(before, now));
        run_dir.record(&serde_json::json!({
            "event": "plugin changed", "updates": state.updates, "before": before, "now": now,
        }))?;
    }
    Ok(())
}

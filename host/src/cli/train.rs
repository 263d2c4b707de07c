//! `attune plan` and `attune train policy`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use crate::cli::bench::floor;
use crate::cli::inputs;
use crate::cli::parts::{self, Parts};
use crate::cli::progress::Progress;
use crate::cli::run;
use crate::config::{Config, Plan};
use crate::rl::kl::KlController;
use crate::role::Query;
use crate::run_dir::{RunDir, replace};
use crate::train::checkpoint::{self, State};
use crate::train::eval::{Evaluation, evaluate};
use crate::train::policy::{Gate, Observer, Open, Trainer};
use crate::train::queries::QueryStream;
use crate::train::rollout::Roller;
use crate::train::update::UpdateOptions;

/// Activations of a micro-batch are kept under this many bytes when the config leaves it open.
const ACTIVATION_BUDGET: usize = 5 << 27;

/// Checks everything and prints what would happen.
pub(super) fn plan(file: &Path, overrides: &[String]) -> Result<()> {
    let config = Config::load(file, overrides)?;
    let about = || format!("in config `{}`", file.display());
    // A reward model that is trained first makes it an experiment of several parts.
    if config.reward.is_none() && config.collect.is_none() {
        return plan_policy(&config, config.plan()).with_context(about);
    }
    match run::plan(&config).with_context(about)? {
        Some(part) => plan_policy(&part, run::derived(&config)).with_context(about),
        None => Ok(()),
    }
}

fn plan_policy(config: &Config, plan: Result<Plan>) -> Result<()> {
    let plan = plan?;
    let parts = parts::load(config)?;
    print_plan(config, &plan, &parts);
    if !parts.policy.device().is_cuda() {
        print_time(config, &plan, &parts);
    }
    Ok(())
}

fn print_plan(config: &Config, plan: &Plan, parts: &Parts) {
    let layout = parts.scorers.task.layout();
    let context_len = layout.prefix.len() + layout.query_len + layout.suffix.len();
    let trainable: usize = parts
        .policy
        .trainable()
        .iter()
        .map(|(_, tensor)| tensor.numel())
        .sum();
    let micro = micro_batch(config, plan, parts);
    println!("run        {}", config.run.dir.display());
    println!(
        "model      {} ({} trainable parameters)",
        config.model.path.display(),
        trainable
    );
    println!(
        "device     {:?}, {}, {} threads",
        parts.policy.device(),
        config.run.dtype,
        tch::get_num_threads()
    );
    for identity in &parts.identities {
        let short: String = identity.sha256.chars().take(12).collect();
        println!(
            "plugin     {} {} (sha256 {short}…)",
            identity.name, identity.version
        );
    }
    println!(
        "queries    {} to train on, {} held out",
        parts.train.len(),
        parts.held_out.len()
    );
    println!(
        "tokens     context {context_len}, response {}",
        layout.response_len
    );
    println!(
        "episodes   {} in {} updates of {}, {} epochs x {} minibatches of {}, {micro} at a time",
        plan.updates * config.ppo.batch_size,
        plan.updates,
        config.ppo.batch_size,
        config.ppo.epochs,
        config.ppo.minibatches,
        plan.minibatch_size,
    );
    println!("optimizer  {} steps", plan.optimizer_steps);
    println!(
        "memory     about {} MiB for weights, reference, gradients and optimizer, {} MiB for activations",
        parts.policy.training_bytes() >> 20,
        (parts.policy.activation_bytes_per_token() * (context_len + layout.response_len) * micro)
            >> 20,
    );
}

/// What the machine needs at least for an update, by products that are timed now.
fn print_time(config: &Config, plan: &Plan, parts: &Parts) {
    let (operations, rate) = floor(config, parts);
    let seconds = operations / rate;
    println!(
        "time       at least {seconds:.1} s an update, {:.0} min in all: the products alone, at the {:.0} \
         GFLOP/s seen just now",
        seconds * plan.updates as f64 / 60.0,
        rate / 1e9,
    );
}

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
pub(super) fn policy(file: &Path, overrides: &[String], resume: bool) -> Result<()> {
    let config = Config::load(file, overrides)?;
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
    pub(super) fn train(self, gate: &mut dyn Gate, progress: &mut Progress) -> Result<()> {
        let (config, plan) = (self.config, &self.plan);
        let mut parts = parts::load(config)?;
        let text = &self.text;
        let run_dir = if self.resume {
            RunDir::resume(&config.run.dir, text)?
        } else {
            RunDir::create(&config.run.dir, text)?
        };
        if self.until.is_none() {
            print_plan(config, plan, &parts);
        }
        replace(
            &run_dir.manifest(),
            &serde_json::to_vec_pretty(&parts.manifest)?,
        )?;
        let fresh = State::new(
            controller(config),
            parts.identities.clone(),
            inputs::read(self.begun_with)?,
        );
        let (state, resumed) = self.last_state(&run_dir, fresh)?;
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
        store(&run_dir, "after", &after)?;
        let before = match before {
            Some(before) => before,
            None => {
                let original = trainer.roller.of(&reference);
                first_evaluation(&run_dir, &original, &parts.held_out, progress, false)?
            }
        };
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
        let state: State = checkpoint::read_state(&place)?;
        check_plugins(&state, &fresh)?;
        inputs::check(&state.inputs, &fresh.inputs)?;
        println!(
            "resume     {} updates are done, from `{}`",
            state.updates,
            place.display()
        );
        Ok((state, Some(place)))
    }
}

/// The answers before and after, where a run has come to its end.
fn finished(run_dir: &RunDir) -> Result<Option<(Evaluation, Evaluation)>> {
    let [before, after] = ["before", "after"].map(|name| run_dir.eval().join(format!("{name}.json")));
    if !(before.is_file() && after.is_file()) {
        return Ok(None);
    }
    Ok(Some((kept_evaluation(&before)?, kept_evaluation(&after)?)))
}

fn kept_evaluation(path: &Path) -> Result<Evaluation> {
    serde_json::from_slice(&std::fs::read(path)?).with_context(|| {
        format!(
            "`{}` is damaged\nhint: remove it to have the queries answered again",
            path.display()
        )
    })
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

/// The untrained model's answers; they are on disk already when a run goes on.
fn first_evaluation(
    run_dir: &RunDir,
    roller: &Roller,
    held_out: &[Query],
    progress: &mut Progress,
    resumed: bool,
) -> Result<Evaluation> {
    let path = run_dir.eval().join("before.json");
    if resumed && path.is_file() {
        return kept_evaluation(&path);
    }
    progress.note(&format!(
        "answering {} held-out queries with the untrained model",
        held_out.len()
    ));
    let before = evaluate(roller, held_out)?;
    store(run_dir, "before", &before)?;
    Ok(before)
}

fn store(run_dir: &RunDir, name: &str, evaluation: &Evaluation) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(&json!(evaluation))?;
    replace(&run_dir.eval().join(format!("{name}.json")), &bytes)
}

fn check_plugins(state: &State, fresh: &State) -> Result<()> {
    for (before, now) in state.plugins.iter().zip(&fresh.plugins) {
        if before != now {
            anyhow::bail!(
                "plugin `{}` {} ({}) is now `{}` {} ({})\nhint: put the old file back, or start a new \
                 run directory",
                before.name,
                before.version,
                before.sha256,
                now.name,
                now.version,
                now.sha256
            );
        }
    }
    Ok(())
}

fn print_table(before: &Evaluation, after: &Evaluation, show: usize) {
    println!("\nheld-out queries      before      after");
    for (name, old, new) in [
        ("score", before.score, after.score),
        ("score std", before.score_std, after.score_std),
        ("sequence KL", before.kl, after.kl),
        (
            "ref perplexity",
            before.ref_perplexity,
            after.ref_perplexity,
        ),
        ("distinct-1", before.distinct_1, after.distinct_1),
        ("distinct-2", before.distinct_2, after.distinct_2),
        ("valid", before.valid, after.valid),
    ] {
        println!("{name:<18} {old:>10.3} {new:>10.3}");
    }
    for (old, new) in [
        (&before.task, &after.task),
        (&before.measured, &after.measured),
    ] {
        for (name, new) in new {
            let old = old.get(name).unwrap_or(&f64::NAN);
            println!("{name:<18} {old:>10.3} {new:>10.3}");
        }
    }
    for (old, new) in before.answers.iter().zip(&after.answers).take(show) {
        println!("\n  query   {}", one_line(&old.query));
        println!(
            "  before  {}  (score {:.2})",
            one_line(&old.response),
            old.score
        );
        println!(
            "  after   {}  (score {:.2}, KL {:.1})",
            one_line(&new.response),
            new.score,
            new.kl
        );
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn print_where(run_dir: &RunDir, state: &State) {
    println!(
        "\n{} updates in {:.0} s. Where things are:",
        state.updates, state.elapsed_seconds
    );
    println!(
        "  trained model   {}  (loads in transformers)",
        run_dir.policy().display()
    );
    println!("  metrics         {}", run_dir.metrics().display());
    println!(
        "  TensorBoard     tensorboard --logdir {}",
        run_dir.tensorboard().display()
    );
    println!("  answers         {}", run_dir.eval().display());
    println!("Try next:");
    println!(
        "  attune sample {} --prompt \"The film\"",
        run_dir.root().display()
    );
}

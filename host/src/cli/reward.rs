//! `attune train reward`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::cli::ConfigArgs;
use crate::cli::progress::Progress;
use crate::cli::train::keep_companions;
use crate::cli::{inputs, parts};
use crate::config::{Config, Reward};
use crate::label::Label;
use crate::model::device;
use crate::model::reward::{Placement, RewardModel};
use crate::plugin::TokenizerHost;
use crate::rl::preference::{Answer, scale_of};
use crate::run_dir::{RunDir, replace};
use crate::seed;
use crate::tokenizer::Tokenizer;
use crate::train::checkpoint;
use crate::train::policy::Observer;
use crate::train::reward::report::Report;
use crate::train::reward::{RewardOptions, RewardState, RewardTrainer, forget_best, normalize};

mod labels;
mod print;
mod reference;

pub(in crate::cli) use self::print::print_report;
use labels::Labels;
use reference::Reference;

/// Trains a reward model, and reports what it is worth.
pub(super) fn train(args: &ConfigArgs, resume: bool) -> Result<()> {
    let (config, file) = (args.load()?, &args.file);
    let reward = config
        .reward()
        .with_context(|| format!("in config `{}`", file.display()))?;
    let text = config.to_toml()?;
    let run_dir = if resume {
        RunDir::resume(&config.run.dir, &text)?
    } else {
        RunDir::create(&config.run.dir, &text)?
    };
    // The report is written last, and what training goes on from may be gone by then.
    if resume && run_dir.report().is_file() {
        println!("this training is done: nothing is left to go on with");
    } else {
        let report = train_in(&config, reward, &[], &run_dir, resume, &mut Progress::new())?;
        print_report(&report);
    }
    println!(
        "\n  reward model    {}  (loads in transformers)",
        run_dir.reward_model().display()
    );
    println!("  report          {}", run_dir.report().display());
    println!("Try next:");
    println!(
        "  attune score {} --text \"A fine film.\"",
        run_dir.root().display()
    );
    Ok(())
}

/// Trains in a run directory, on the config's labels and then on `own`, going on from the last
/// checkpoint where there is one.
pub(super) fn train_in(
    config: &Config,
    reward: &Reward,
    own: &[Label],
    run_dir: &RunDir,
    resume: bool,
    progress: &mut Progress,
) -> Result<Report> {
    let start = start(config, reward);
    let (_, tokenizer) = parts::model(start)?;
    let labels = Labels::read(config, reward, own)?;
    if labels.train.examples.is_empty() {
        bail!("no label says which response is better\nhint: collect some, by people or a labeler");
    }
    progress.note(&labels.describe());
    if let Some(warning) = labels.seen_before() {
        progress.note(&warning);
    }
    let mut fresh = RewardState::new(inputs::of_reward(config, reward, start)?);
    fresh.inputs.push(inputs::of_labels("this run", own)?);
    fresh.inputs.extend(labels.stores());
    let resumed = if resume {
        checkpoint::latest(&run_dir.checkpoints())?
    } else {
        None
    };
    let state = match &resumed {
        Some(place) => {
            let state: RewardState = checkpoint::read_state(place)?;
            inputs::check(&state.inputs, &fresh.inputs)?;
            progress.note(&format!("going on after {} steps", state.steps));
            state
        }
        None => fresh,
    };
    let placement = place(config, reward)?;
    let samples = Reference::of(config, reward, &tokenizer, placement)?;
    let mut model = untrained(config, reward, placement)?;
    let micro_tokens = reward.micro_tokens as usize;
    if let (Some(samples), true, true) = (&samples, reward.normalize_before, resumed.is_none()) {
        let answers: Vec<Answer> = labels
            .train
            .examples
            .iter()
            .map(|e| e.answer.clone())
            .collect();
        normalize(&model, &samples.before, scale_of(&answers), micro_tokens)?;
    }
    let options = RewardOptions::new(reward, &config.run);
    let form = options.form;
    let trainer = RewardTrainer {
        model: &model,
        examples: &labels.train.examples,
        validation: &labels.validation.examples,
        run_dir,
        options,
    };
    let state = trainer.run(state, resumed, progress)?;
    progress.finish();
    if let (Some(samples), true) = (&samples, reward.normalize_after) {
        model.keep_learned_scale();
        normalize(&model, &samples.after, (0.0, 1.0), micro_tokens)?;
    }
    save(&model, &tokenizer, start, run_dir)?;
    let held_out = [&labels.test, &labels.validation]
        .into_iter()
        .find(|read| !read.examples.is_empty());
    let report = held_out.map_or_else(Report::default, |read| {
        Report::of(&model, &read.examples, form, micro_tokens)
    });
    let mut record = json!({
        "train_labels": labels.train.examples.len(),
        "steps": state.steps,
        "seconds": state.elapsed_seconds,
        "scale": model.scale(),
    });
    // What was not measured is left out.
    if let Some((epoch, _)) = state.best {
        record["best_epoch"] = json!(epoch);
    }
    if report.labels > 0 {
        record["held_out"] = json!(report);
    }
    replace(&run_dir.report(), &serde_json::to_vec_pretty(&record)?)?;
    forget_best(run_dir, None)?;
    Ok(report)
}

/// Refuses, before anything is trained, what could only fail afterwards. `most` is the largest number of
/// the config's labels that a model learns from; absent where labels are collected first.
pub(super) fn check(config: &Config, reward: &Reward, most: Option<u64>) -> Result<()> {
    let asked = Reward {
        num_train: most.unwrap_or(0),
        ..reward.clone()
    };
    let labels = Labels::read(config, &asked, &[])?;
    if most.is_some() && labels.train.examples.is_empty() {
        bail!("no label says which response is better\nhint: name others by reward.train");
    }
    let start = start(config, reward);
    let (shape, tokenizer) = parts::model(start)?;
    if let Some(layers) = reward.trainable_layers.filter(|n| *n as i64 > shape.layers) {
        bail!(
            "[reward] trainable_layers {layers} is more than the {} blocks of `{}`\nhint: use fewer, or \
             leave it out to train all",
            shape.layers,
            start.display()
        );
    }
    if config.task.is_some() && config.data.is_some() {
        let host: Arc<dyn TokenizerHost> = tokenizer;
        parts::check_reading(parts::load_task(config, host)?.layout(), &shape, start)?;
    }
    Ok(())
}

/// The folder of the language model that a reward model starts from.
pub(super) fn start<'a>(config: &'a Config, reward: &'a Reward) -> &'a Path {
    reward.path.as_ref().unwrap_or(&config.model.path)
}

/// Where and how it is trained. Sets the threads.
pub(super) fn place(config: &Config, reward: &Reward) -> Result<Placement> {
    device::set_threads(config.run.threads);
    Ok(Placement {
        device: device::resolve(&config.run.device)?,
        kind: parts::kind_of(config),
        trainable_layers: reward.trainable_layers,
    })
}

/// The reward model that training begins with.
pub(super) fn untrained(
    config: &Config,
    reward: &Reward,
    placement: Placement,
) -> Result<RewardModel> {
    let seed = seed::derive(config.run.seed, "reward-head", 0);
    RewardModel::from_language_model(start(config, reward), placement, reward.heads, seed)
}

fn save(model: &RewardModel, tokenizer: &Tokenizer, start: &Path, run_dir: &RunDir) -> Result<()> {
    let folder = run_dir.reward_model();
    model.save(&folder)?;
    tokenizer.save(&folder)?;
    keep_companions(start, &folder)
}

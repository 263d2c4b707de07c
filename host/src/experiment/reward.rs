//! A reward model's training in its run directory.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use serde_json::json;

use crate::config::{Config, Reward};
use crate::experiment::resume::{begin, go_on, last};
use crate::experiment::{inputs, parts};
use crate::label::Label;
use crate::model::device;
use crate::model::open;
use crate::model::reward::{Placement, RewardModel};
use crate::plugin::TokenizerHost;
use crate::rl::preference::{Answer, scale_of};
use crate::run_dir::{RunDir, replace};
use crate::seed;
use crate::tokenizer::Tokenizer;
use crate::train::course::{Course, CourseState, forget_best};
use crate::train::observer::{Event, Observer, Stage};
use crate::train::options::{Pace, RewardOptions};
use crate::train::reward::report::Report;
use crate::train::reward::{Learner, normalize};

mod labels;
mod reference;

use labels::Labels;
use reference::Reference;

/// Trains a reward model in the config's run directory, and tells what it is worth; nothing, where it is
/// trained already and `resume` says to go on.
///
/// # Errors
/// The config, its model or its labels cannot be used, or training cannot go on.
pub fn train(config: &Config, resume: bool, observer: &mut dyn Observer) -> Result<()> {
    let reward = config.reward()?;
    let text = config.to_toml()?;
    let opened = match resume {
        true => go_on(config, &text, false)?,
        false => begin(config, &text)?,
    };
    opened.tell_rounding(observer)?;
    let run_dir = opened.run_dir;
    // The report is written last, and what training goes on from may be gone by then.
    if resume && run_dir.report().is_file() {
        observer.note("this training is done: nothing is left to go on with");
        return Ok(());
    }
    let report = train_in(config, reward, &[], &run_dir, resume, observer)?;
    observer.event(&Event::Rated(&report));
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
    observer: &mut dyn Observer,
) -> Result<Report> {
    let start = start(config, reward);
    let (_, tokenizer) = parts::model(start)?;
    let labels = Labels::read(config, reward, own)?;
    if labels.train.examples.is_empty() {
        bail!("no label says which response is better\nhint: collect some, by people or a labeler");
    }
    observer.event(&Event::Begun {
        stage: Stage::RewardModel,
        dir: run_dir.root(),
    });
    observer.note(&labels.describe());
    if let Some(weights) = labels.weights(reward) {
        observer.note(&weights);
    }
    if let Some(twins) = labels.twins() {
        observer.note(&twins);
    }
    if let Some(warning) = labels.seen_before() {
        observer.alarm(&warning);
    }
    let mut fresh = CourseState::new(inputs::of_reward(config, reward, start)?);
    fresh.inputs.push(inputs::of_labels("this run", own)?);
    fresh.inputs.extend(labels.stores());
    let (state, resumed) = last(run_dir, fresh, resume, observer)?;
    let placement = place(config, reward)?;
    let samples = Reference::of(config, reward, &tokenizer, placement, observer)?;
    let mut model = untrained(config, reward, placement)?;
    let notes = model.notes().iter();
    notes.for_each(|note| observer.alarm(note));
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
    let learner = Learner {
        model: &model,
        examples: &labels.train.examples,
        validation: &labels.validation.examples,
        options: &options,
    };
    let course = Course {
        learner: &learner,
        run_dir,
        pace: Pace::new(
            &config.run,
            options.batches(labels.train.examples.len()),
            (reward.epochs, reward.patience),
        ),
    };
    let state = course.run(state, resumed, observer)?;
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
    observer.event(&Event::Ended {
        stage: Stage::RewardModel,
        dir: run_dir.root(),
    });
    Ok(report)
}

/// Refuses, before anything is trained, what could only fail afterwards. `most` is the largest number of
/// the config's labels that a model learns from; absent where labels are collected first.
pub(super) fn check(config: &Config, reward: &Reward, most: Option<u64>) -> Result<Vec<String>> {
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
    let named = [&reward.train, &reward.validation, &reward.test];
    let described = named.iter().any(|paths| !paths.is_empty());
    let described = described.then(|| labels.describe());
    Ok(described.into_iter().chain(labels.twins()).collect())
}

/// What to say to who would leave bad labels out; none where they are left out.
pub(crate) fn refuses_bad(reward: &Reward) -> Option<&'static str> {
    let otherwise = "`--set reward.skip_bad=true` leaves such labels out, and says how many";
    (!reward.skip_bad).then_some(otherwise)
}

/// The folder of the language model that a reward model starts from.
pub(crate) fn start<'a>(config: &'a Config, reward: &'a Reward) -> &'a Path {
    reward.path.as_ref().unwrap_or(&config.model.path)
}

/// Where and how it is trained. Sets the threads.
pub(crate) fn place(config: &Config, reward: &Reward) -> Result<Placement> {
    device::set_threads(config.run.threads);
    Ok(Placement {
        device: device::resolve(&config.run.device)?,
        kind: parts::kind_of(config),
        trainable_layers: reward.trainable_layers,
    })
}

/// The reward model that training begins with.
pub(crate) fn untrained(
    config: &Config,
    reward: &Reward,
    placement: Placement,
) -> Result<RewardModel> {
    let seed = seed::derive(config.run.seed, "reward-head", 0);
    let start = start(config, reward);
    let model = RewardModel::from_language_model(start, placement, reward.heads, seed);
    model.map_err(|error| open::of_folder(error, start))
}

fn save(model: &RewardModel, tokenizer: &Tokenizer, start: &Path, run_dir: &RunDir) -> Result<()> {
    let folder = run_dir.reward_model();
    model.save(&folder)?;
    tokenizer.save(&folder)?;
    parts::keep_companions(start, &folder)
}

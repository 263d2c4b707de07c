//! Supervised fine-tuning in its run directory: from a task's references to a policy.

use anyhow::Result;
use serde_json::json;

use crate::config::{Config, Sft};
use crate::experiment::inputs;
use crate::experiment::parts;
use crate::experiment::resume::{begin, go_on, last, still_the_same};
use crate::model::device;
use crate::model::open;
use crate::model::policy::Policy;
use crate::run_dir::{RunDir, replace};
use crate::train::course::{Course, CourseState, Learns, forget_best};
use crate::train::observer::{Event, Observer, Stage};
use crate::train::options::{Pace, SftOptions};
use crate::train::sft::{Learner, mean_loss};

mod pairs;

pub(crate) use pairs::{Pairs, Writer, end_of};

/// Fine-tunes the config's model on the references of its task, in the config's run directory; nothing, where that is
/// done already and `resume` says to go on.
///
/// # Errors
/// The config, its model, its data or its task cannot be used, or training cannot go on.
pub fn train(config: &Config, resume: bool, observer: &mut dyn Observer) -> Result<()> {
    let sft = config.sft()?;
    device::set_threads(config.run.threads);
    let pairs = Pairs::read(config, sft)?;
    let text = config.to_toml()?;
    let opened = match resume {
        true => go_on(config, &text, false)?,
        false => begin(config, &text)?,
    };
    opened.tell_rounding(observer)?;
    if resume && opened.run_dir.report().is_file() {
        still_the_same(&opened.run_dir, &inputs::of_sft(config)?)?;
        observer.note("this training is done: nothing is left to go on with");
        return Ok(());
    }
    train_in(config, sft, &pairs, &opened.run_dir, resume, observer)
}

/// Trains in a run directory, going on from the last checkpoint where there is one.
fn train_in(
    config: &Config,
    sft: &Sft,
    pairs: &Pairs,
    run_dir: &RunDir,
    resume: bool,
    observer: &mut dyn Observer,
) -> Result<()> {
    let (stage, dir) = (Stage::Supervised, run_dir.root());
    observer.event(&Event::Begun { stage, dir });
    let described = pairs.described();
    described.iter().for_each(|line| observer.note(line));
    let fresh = CourseState::new(inputs::of_sft(config)?);
    let (state, resumed) = last(run_dir, fresh, resume, observer)?;
    let policy = load(config)?;
    let notes = policy.notes().iter();
    notes.for_each(|note| observer.alarm(note));
    let options = SftOptions::new(sft, &config.run);
    let learner = Learner {
        policy: &policy,
        examples: &pairs.train,
        validation: &pairs.validation,
        options: &options,
    };
    let batches = options.batches(pairs.train.len());
    let course = Course {
        learner: &learner,
        run_dir,
        pace: Pace::new(&config.run, batches, (sft.epochs, sft.patience)),
    };
    if resumed.is_none()
        && let Some((loss, _)) = learner.validate()
    {
        run_dir.record(&json!({"event": "validated", "steps": 0, "loss": loss}))?;
        observer.note(&format!("validation loss before the first step: {loss:.4}"));
    }
    let state = course.run(state, resumed, observer)?;
    policy.save(&run_dir.policy())?;
    pairs.tokenizer.save(&run_dir.policy())?;
    parts::keep_companions(&config.model.path, &run_dir.policy())?;
    let loss = mean_loss(&policy, &pairs.validation, options.micro_tokens);
    report(pairs, &state, loss, run_dir)?;
    forget_best(run_dir, None)?;
    observer.event(&Event::Ended { stage, dir });
    Ok(())
}

/// Writes what was learned from, and how well what was not.
fn report(pairs: &Pairs, state: &CourseState, loss: Option<f64>, run_dir: &RunDir) -> Result<()> {
    let mut record = json!({
        "train_pairs": pairs.train.len(),
        "validation_pairs": pairs.validation.len(),
        "rows": pairs.counts,
        "without_reference": pairs.without_reference,
        "cut": pairs.cut,
        "steps": state.steps,
        "seconds": state.elapsed_seconds,
    });
    // What was not measured is left out.
    if let Some(loss) = loss {
        record["validation_loss"] = json!(loss);
        record["validation_perplexity"] = json!(loss.exp());
    }
    if let Some((epoch, _)) = state.best {
        record["best_epoch"] = json!(epoch);
    }
    replace(&run_dir.report(), &serde_json::to_vec_pretty(&record)?)
}

/// A fine-tuning before its first step, outside of any run directory.
pub struct Unbegun {
    policy: Policy,
    pairs: Pairs,
    options: SftOptions,
}

impl Unbegun {
    /// Reads the config's model and its task's references.
    ///
    /// # Errors
    /// The config, its model, its data or its task cannot be used.
    pub fn read(config: &Config) -> Result<Unbegun> {
        let sft = config.sft()?;
        device::set_threads(config.run.threads);
        Ok(Unbegun {
            pairs: Pairs::read(config, sft)?,
            policy: load(config)?,
            options: SftOptions::new(sft, &config.run),
        })
    }

    /// Who would learn. Nothing is validated.
    #[must_use]
    pub fn learner(&self) -> Learner<'_> {
        Learner {
            policy: &self.policy,
            examples: &self.pairs.train,
            validation: &[],
            options: &self.options,
        }
    }
}

/// What would be learned from what, in lines for a person to read.
///
/// # Errors
/// The config, its model, its data or its task cannot be used.
pub fn plan(config: &Config) -> Result<Vec<String>> {
    let sft = config.sft()?;
    let pairs = Pairs::read(config, sft)?;
    let options = SftOptions::new(sft, &config.run);
    let steps = options.batches(pairs.train.len()).per_epoch() * sft.epochs;
    let mut lines = pairs.described();
    lines.push(format!(
        "{steps} steps of {} pairs, {} epochs; learning rate {:.2e}, {}, at the last step {:.2e}",
        sft.batch_size,
        sft.epochs,
        sft.lr,
        sft.schedule,
        options.rate(steps - 1, steps)
    ));
    Ok(lines)
}

fn load(config: &Config) -> Result<Policy> {
    let path = &config.model.path;
    let device = device::resolve(&config.run.device)?;
    let kind = parts::kind_of(config);
    let policy = Policy::load(path, device, kind, config.model.trainable_layers);
    policy.map_err(|error| open::of_folder(error, path))
}

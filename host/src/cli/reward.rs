//! `attune train reward`.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::cli::ConfigArgs;
use crate::cli::examples::{Read, Reader};
use crate::cli::progress::Progress;
use crate::cli::train::keep_companions;
use crate::cli::{inputs, parts};
use crate::config::{Config, Reward};
use crate::label::Label;
use crate::model::device;
use crate::model::generate::Sampling;
use crate::model::policy::Policy;
use crate::model::reward::{Passages, Placement, RewardModel};
use crate::plugin::TokenizerHost;
use crate::rl::preference::{Answer, scale_of};
use crate::role::Split;
use crate::run_dir::{RunDir, replace};
use crate::seed;
use crate::tokenizer::Tokenizer;
use crate::train::checkpoint::{self, Input};
use crate::train::policy::Observer;
use crate::train::queries::{QueryStream, contexts, make_queries, read_rows};
use crate::train::reward::report::{Ratings, Report, Share};
use crate::train::reward::{
    Example, RewardOptions, RewardState, RewardTrainer, forget_best, normalize,
};

/// Examples of each kind of use.
struct Labels {
    train: Read,
    validation: Read,
    test: Read,
}

impl Labels {
    /// The labels that a config names, and a run's own ones to train on.
    fn read(config: &Config, reward: &Reward, own: &[Label]) -> Result<Labels> {
        let (shape, tokenizer) = parts::model(start(config, reward))?;
        let reader = Reader {
            tokenizer: &tokenizer,
            model: &shape,
        };
        let mut train = reader
            .read(&reward.train, reward.num_train)
            .context("in [reward] train")?;
        reader
            .add(own, &mut train)
            .context("in the labels of this run")?;
        let validation = reader
            .read(&reward.validation, 0)
            .context("in [reward] validation")?;
        if reward.patience > 0 && validation.examples.is_empty() {
            bail!(
                "[reward] patience is {}, and no label of reward.validation says which response is \
                 better\nhint: name others, or leave patience out",
                reward.patience
            );
        }
        let test = reader.read(&reward.test, 0).context("in [reward] test")?;
        Ok(Labels {
            train,
            validation,
            test,
        })
    }

    /// What was read of stores, and for what.
    fn stores(&self) -> impl Iterator<Item = Input> {
        let all = [
            ("train", &self.train),
            ("validation", &self.validation),
            ("test", &self.test),
        ];
        all.into_iter().flat_map(|(use_of, read)| {
            read.stores.iter().map(move |Input { path, sha256 }| Input {
                path: format!("{} in reward.{use_of}", path.display()).into(),
                sha256: sha256.clone(),
            })
        })
    }

    /// A warning, where some of what the model is rated by is also what it learns from.
    fn seen_before(&self) -> Option<String> {
        let passages = |example: &Example| {
            let Passages { query, responses } = &example.passages;
            (query.clone(), responses.clone())
        };
        let learned: HashSet<_> = self.train.examples.iter().map(passages).collect();
        let held_out = self.validation.examples.iter().chain(&self.test.examples);
        let both = held_out.filter(|e| learned.contains(&passages(e))).count();
        (both > 0).then(|| {
            format!(
                "warning: {both} comparisons of reward.validation and reward.test are also among those \
                 to train on, so the report flatters"
            )
        })
    }
}

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
    progress.note(&describe(&labels));
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

fn describe(labels: &Labels) -> String {
    let one = |name: &str, read: &Read| {
        let silent = match read.silent {
            0 => String::new(),
            count => format!(" ({count} say nothing)"),
        };
        format!("{} {name}{silent}", read.examples.len())
    };
    format!(
        "labels: {}, {}, {}",
        one("to train on", &labels.train),
        one("for validation", &labels.validation),
        one("for the test", &labels.test)
    )
}

/// Responses of the reference, uncut and unfiltered, that fix the scale of rewards.
struct Reference {
    before: Vec<Passages>,
    after: Vec<Passages>,
}

impl Reference {
    /// None when the scale is left alone. The model that samples is gone afterwards.
    fn of(
        config: &Config,
        reward: &Reward,
        tokenizer: &Arc<Tokenizer>,
        placement: Placement,
    ) -> Result<Option<Reference>> {
        if reward.normalize_samples == 0 {
            return Ok(None);
        }
        let hint = "or set reward.normalize_samples = 0 to leave the scale of rewards alone";
        let host: Arc<dyn TokenizerHost> = tokenizer.clone();
        let task = parts::load_task(config, host).context(hint_of(hint))?;
        let data = config.data().context(hint_of(hint))?;
        let (shape, own) = parts::model(&config.model.path)?;
        if own.vocab_size() != tokenizer.vocab_size() {
            bail!(
                "the reward model's tokenizer has {} tokens, that of [model] {}\nhint: reward model and \
                 policy must share a vocabulary",
                tokenizer.vocab_size(),
                own.vocab_size()
            );
        }
        parts::check_length(task.layout(), &shape)?;
        let start = start(config, reward);
        parts::check_reading(task.layout(), &parts::model(start)?.0, start)?;
        let rows = read_rows(&data.train)?;
        let queries = make_queries(task.as_ref(), &rows, Split::Train, config.run.seed)?;
        let stream = QueryStream::new(queries, data.shuffle_seed);
        let policy = Policy::load(
            &config.model.path,
            placement.device,
            placement.kind,
            Some(1),
        )?;
        let rounds = reward.normalize_samples.div_ceil(reward.rollout_batch);
        let sampling = Sampling {
            temperature: config.sampling.temperature,
            top_k: config.sampling.top_k,
            top_p: config.sampling.top_p,
            ..Sampling::default()
        };
        let sample =
            |purpose: &str, first: u64| -> Result<Vec<Passages>> {
                let mut samples = Vec::new();
                for round in 0..rounds {
                    let start = (first + round) * reward.rollout_batch;
                    let queries = stream.batch(start, reward.rollout_batch as usize);
                    let layout = task.layout();
                    let context = contexts(&queries, layout, shape.pad_id, placement.device);
                    let seed = seed::derive(config.run.seed, purpose, round);
                    let len = layout.response_len as i64;
                    let tokens = policy.respond(&context, len, &sampling, seed);
                    let tokens = Vec::<Vec<i64>>::try_from(tokens.to_device(tch::Device::Cpu))?;
                    samples.extend(queries.into_iter().zip(tokens).map(|(query, tokens)| {
                        Passages {
                            query: query.tokens,
                            responses: vec![tokens.into_iter().map(|token| token as u32).collect()],
                        }
                    }));
                }
                Ok(samples)
            };
        Ok(Some(Reference {
            before: if reward.normalize_before {
                sample("normalize-before", 0)?
            } else {
                Vec::new()
            },
            after: if reward.normalize_after {
                sample("normalize-after", rounds)?
            } else {
                Vec::new()
            },
        }))
    }
}

fn hint_of(text: &str) -> String {
    format!("the scale of rewards cannot be fixed\nhint: {text}")
}

/// What a judge is worth, for a person to read.
pub(super) fn print_report(report: &Report) {
    if report.labels == 0 {
        println!(
            "\nno label of reward.test or reward.validation says which response is better, so the model \
             is not rated"
        );
        return;
    }
    println!("\non {} labels", report.labels);
    let share = |name: &str, share: &Option<Share>| {
        let Some(share) = share else {
            println!("{name:<20} unknown, none of them says which response is better");
            return;
        };
        println!(
            "{name:<20} {:>6.1} %   ({:.1} to {:.1}, of {})",
            100.0 * share.value,
            100.0 * share.low,
            100.0 * share.high,
            share.count
        );
    };
    println!("{:<20} {:>6.3}", "loss", report.loss);
    share("accuracy", &report.accuracy);
    share("accuracy of pairs", &report.pairwise);
    if let Some(ratings) = &report.ratings {
        print_ratings(ratings);
    }
    if let Some(error) = report.expected_calibration_error {
        print_choices(report, error);
    }
    let (low, high) = report.range;
    println!(
        "\nrewards from {low:.2} to {high:.2}: {:?}",
        report.histogram
    );
}

/// How rewards go with ratings.
fn print_ratings(ratings: &Ratings) {
    let r = match ratings.correlation {
        Some(r) => format!("{r:>6.3}"),
        None => "unknown, as all ratings or all rewards are the same".to_owned(),
    };
    println!(
        "{:<20} {r}   (of {} ratings, mean {:.2}, variance {:.3})",
        "Pearson's r", ratings.count, ratings.mean, ratings.variance
    );
}

/// How sure the model was of its choices, and how often it was right.
fn print_choices(report: &Report, error: f64) {
    println!("{:<20} {error:>6.3}", "calibration error");
    println!("\nconfidence  promised    kept   labels");
    for (tenth, bin) in report.reliability.iter().enumerate() {
        if bin.count > 0 {
            println!(
                "{:>3}-{:<3} %  {:>7.1} % {:>6.1} % {:>7}",
                10 * tenth,
                10 * tenth + 10,
                100.0 * bin.mean,
                100.0 * bin.accuracy,
                bin.count
            );
        }
    }
    println!("\nmargin       agreement   labels");
    for bin in report.margins.iter().filter(|bin| bin.count > 0) {
        println!(
            "{:>6.3}        {:>6.1} % {:>8}",
            bin.mean,
            100.0 * bin.accuracy,
            bin.count
        );
    }
}

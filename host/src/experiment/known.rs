//! The study of a known reward, the original's mock experiment: the labeler plays people, so that what
//! policies make of reward models from more and more labels can be held against the true reward.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::config::{Config, Reward, Score, Study};
use crate::experiment::resume::begun_with;
use crate::experiment::simulate::simulated;
use crate::experiment::stage::{policy, reward_models};
use crate::experiment::{judges, parts};
use crate::label::format::{Format, write};
use crate::label::{Comparison, Label};
use crate::metrics;
use crate::role::{CallContext, Labeler, Query, Sample, Split};
use crate::run_dir::{RunDir, replace};
use crate::seed;
use crate::train::evaluation::Evaluation;
use crate::train::observer::{Event, Observer, Planned};
use crate::train::score::judged;

mod plot;
mod table;

/// Folder of the policy that is trained against the labeler itself.
pub(super) const TRUE: &str = "policy-true";

/// A policy of the study, and what became of it.
struct Arm {
    /// Labels of its reward model; none where the reward is the true one.
    labels: Option<u64>,
    /// How often its reward model names the response that the labeler names, on the test labels.
    accuracy: Option<f64>,
    /// Held-out answers before and after.
    before: Answers,
    after: Answers,
    /// Its updates, one after the other.
    course: Vec<Point>,
}

impl Arm {
    fn name(&self) -> String {
        match self.labels {
            None => "the true reward".to_owned(),
            Some(labels) => format!("{labels} labels"),
        }
    }
}

/// What held-out answers are worth. Rewards are in deviations of the original model's responses.
struct Answers {
    /// Mean true reward, and half of its 95 % interval.
    truth: (f64, f64),
    /// Mean of the reward that was trained against.
    learned: f64,
    /// Mean KL of a response to the original, in nats.
    kl: f64,
}

/// One update: what its responses were worth.
#[derive(Clone, Copy)]
struct Point {
    episodes: f64,
    kl: f64,
    truth: f64,
    learned: f64,
}

/// Updates that are averaged for each point of a line, before and after it.
const NEAR: usize = 2;

/// Each point as the mean of those near it.
fn smooth(course: &[Point]) -> Vec<Point> {
    let near = |at: usize| {
        let points = &course[at.saturating_sub(NEAR)..course.len().min(at + NEAR + 1)];
        let mean = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
        Point {
            episodes: course[at].episodes,
            kl: mean(|point| point.kl),
            truth: mean(|point| point.truth),
            learned: mean(|point| point.learned),
        }
    };
    (0..course.len()).map(near).collect()
}

/// Mean and deviation of the labeler's scores of the original model's responses.
#[derive(Clone, Copy)]
struct Scale {
    mean: f64,
    deviation: f64,
}

/// The labeler, whose scores are the true reward.
struct Judge<'a> {
    labeler: &'a dyn Labeler,
    scale: Scale,
}

impl Scale {
    fn of(self, score: f64) -> f64 {
        (score - self.mean) / self.deviation
    }
}

/// What would be labeled and trained.
pub(super) fn planned(study: &Study) -> [Planned; 2] {
    let labels = Planned::Simulated {
        train: study.labels.last().copied().unwrap_or(0),
        test: study.test_labels,
    };
    [labels, Planned::Policies(study.labels.len() as u64 + 1)]
}

/// Runs what is not done yet: labels, reward models, policies, results.
pub(super) fn run(
    config: &Config,
    study: &Study,
    run_dir: &RunDir,
    observer: &mut dyn Observer,
) -> Result<()> {
    let root = run_dir.root();
    let most = study.labels.iter().max().copied().unwrap_or(0);
    let count = study.test_labels + most;
    let labels = simulated(
        config,
        &begun_with(run_dir)?,
        &root.join("labels.db"),
        count,
        observer,
    )?;
    // The first are the test, so that it is the same however many there are to learn from.
    let (test, train) = labels.split_at(study.test_labels as usize);
    let mut with_test = config.clone();
    with_test.reward = Some(Reward {
        test: vec![keep(test, run_dir)?],
        ..config.reward.clone().unwrap_or_default()
    });
    let models = reward_models(&with_test, Some(train), observer)?;
    let judges = judges::compare(&with_test, &models)?;
    replace(&root.join("judges.md"), judges.markdown().as_bytes())?;

    let (labeler, _) = parts::load_judge(config)?;
    let scale = scale(labeler.as_ref(), &labels, config.run.seed)?;
    let judge = Judge {
        labeler: labeler.as_ref(),
        scale,
    };
    let mut arms = Vec::new();
    for (labels, model) in models.iter().map(|(size, model)| (Some(*size), model)) {
        let score = Score {
            reward_models: vec![model.clone()],
            ..Score::default()
        };
        arms.push(arm(config, labels, score, &judge, observer)?);
    }
    let truth = Score {
        labeler: true,
        offset: -scale.mean,
        weight: 1.0 / scale.deviation,
        ..Score::default()
    };
    arms.push(arm(config, None, truth, &judge, observer)?);
    let table = table::of(&arms)?;
    replace(&root.join("study.md"), table.markdown().as_bytes())?;
    replace(&root.join("study.csv"), table::csv(&arms)?.as_bytes())?;
    let plot = root.join("study.svg");
    replace(&plot, plot::draw(&arms)?.as_bytes())?;
    observer.event(&Event::Table(&judges));
    observer.event(&Event::Table(&table));
    observer.event(&Event::File {
        name: "plot",
        path: &plot,
    });
    Ok(())
}

/// Writes the test labels where the reward models' reports find them.
fn keep(test: &[Label], run_dir: &RunDir) -> Result<PathBuf> {
    let path = run_dir.root().join("test.jsonl");
    if !path.is_file() {
        let lines = Format::named("jsonl").context("label lines are a format")?;
        replace(&path, &write(test, lines)?.bytes)?;
    }
    Ok(path)
}

/// Trains a policy, if it is not there, and reads what became of it.
fn arm(
    config: &Config,
    labels: Option<u64>,
    score: Score,
    judge: &Judge,
    observer: &mut dyn Observer,
) -> Result<Arm> {
    let Judge { labeler, scale } = *judge;
    let name = labels.map_or(TRUE.to_owned(), |size| format!("policy-{size:05}"));
    let mut part = config.clone();
    part.run.dir = config.run.dir.join(&name);
    // The part by itself is a policy like others.
    part.study = None;
    part.score = vec![score];
    part.eval.measure.extend(config.labeler.clone());
    policy(&part, observer).with_context(|| format!("in `{}`", part.run.dir.display()))?;
    let dir = RunDir::open(&part.run.dir)?;
    let answers = |name: &str| {
        let path = dir.eval().join(format!("{name}.json"));
        let bytes = std::fs::read(&path);
        let bytes = bytes.with_context(|| format!("cannot read `{}`", path.display()))?;
        let evaluation: Evaluation = serde_json::from_slice(&bytes)?;
        answers(&evaluation, labeler, scale, config.run.seed)
    };
    let key = format!("measure/{}", labeler.identity().name);
    let number = |record: &metrics::Record, name: &str| record.get(name).unwrap_or(f64::NAN);
    let course = metrics::read(&dir.metrics())?
        .into_iter()
        .map(|(_, record)| Point {
            episodes: number(&record, "elapsed/episodes"),
            kl: number(&record, "objective/kl"),
            truth: scale.of(number(&record, &key)),
            learned: number(&record, "objective/score"),
        });
    let accuracy = match labels {
        Some(size) => {
            let model = config.run.dir.join(format!("reward-{size:05}"));
            // Test labels may all say nothing.
            judges::read_report(&model)?
                .accuracy
                .map(|share| share.value)
        }
        None => None,
    };
    Ok(Arm {
        labels,
        accuracy,
        before: answers("before")?,
        after: answers("after")?,
        course: course.collect(),
    })
}

fn answers(
    evaluation: &Evaluation,
    labeler: &dyn Labeler,
    scale: Scale,
    root: u64,
) -> Result<Answers> {
    let samples = evaluation
        .answers
        .iter()
        .map(|answer| sample(&answer.query, &answer.response));
    let values = scores(labeler, samples.collect(), root)?;
    let (mean, deviation) = moments(&values);
    let error = deviation / (values.len() as f64).sqrt();
    Ok(Answers {
        truth: (scale.of(mean), 1.96 * error / scale.deviation),
        learned: evaluation.score,
        kl: evaluation.kl,
    })
}

/// The labeler's scale on the original model's responses, which reward models have as well.
fn scale(labeler: &dyn Labeler, labels: &[Label], root: u64) -> Result<Scale> {
    let of = |comparison: &Comparison| -> Vec<Sample> {
        let query = comparison.query.text.as_deref().unwrap_or_default();
        let texts = comparison.responses.iter();
        texts
            .map(|response| sample(query, response.text.as_deref().unwrap_or_default()))
            .collect()
    };
    let samples = labels.iter().flat_map(|label| of(&label.comparison));
    let (mean, deviation) = moments(&scores(labeler, samples.collect(), root)?);
    anyhow::ensure!(
        deviation > 0.0,
        "labeler `{}` scores all responses of the model alike: {mean}\nhint: there is nothing to learn; \
         use other settings or another labeler",
        labeler.identity().name
    );
    Ok(Scale { mean, deviation })
}

fn sample(query: &str, response: &str) -> Sample {
    Sample {
        query: Query {
            text: query.to_owned(),
            ..Query::default()
        },
        text: response.to_owned(),
        ..Sample::default()
    }
}

fn scores(labeler: &dyn Labeler, samples: Vec<Sample>, root: u64) -> Result<Vec<f64>> {
    /// Responses that a labeler is given at a time.
    const AT_A_TIME: usize = 512;
    let mut all = Vec::new();
    for (number, samples) in samples.chunks(AT_A_TIME).enumerate() {
        let context = CallContext {
            seed: seed::derive(root, "study", number as u64),
            update: 0,
            split: Split::Test,
        };
        all.extend(judged(labeler, context, samples)?.into_iter().flatten());
    }
    Ok(all)
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / count).sqrt())
}

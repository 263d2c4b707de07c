//! From finished responses to scores: the task's rules, the labeler's scores, the shapers' terms,
//! and what the run's policy says of errors.

use std::sync::Arc;

use anyhow::{Result, bail};

use crate::config::{OnError, PluginLimits};
use crate::model::reward::RewardModel;
use crate::role::{CallContext, Ending, Labeler, Outcome, Query, Sample, Shaper, Task};

mod ahead;
mod source;

pub use ahead::{Ahead, Decode, Readers};
pub use source::{Source, judged};

/// Who scores a response.
pub struct Scorers {
    /// Says where responses end and which are valid.
    pub task: Arc<dyn Task>,
    /// The sum of what each makes of its scores is the reward.
    pub sources: Vec<(Source, Linear)>,
    /// Their terms are added, times their weights.
    pub shapers: Vec<(Box<dyn Shaper>, f64)>,
    /// Their scores are measured and are no part of the reward.
    pub measures: Vec<Box<dyn Labeler>>,
    /// What an error on a row does.
    pub limits: PluginLimits,
}

/// A source's part of the reward: its score and `offset`, times `weight`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Linear {
    /// What is added to a score.
    pub offset: f64,
    /// What the sum is multiplied by.
    pub weight: f64,
}

impl Linear {
    fn of(self, score: f32) -> f32 {
        ((f64::from(score) + self.offset) * self.weight) as f32
    }
}

/// Squares of larger rewards are lost in `f32`.
const OUTSIZED: f32 = 1e6;

/// What a batch of responses is worth.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    /// The total of each response, penalty and shapers included.
    pub totals: Vec<f32>,
    /// Rewards of single tokens, `[batch][response_len]`; zero past a response's end.
    pub per_token: Vec<Vec<f32>>,
    /// Whether the task calls each response valid.
    pub valid: Vec<bool>,
    /// Rows that may be learned from.
    pub keep: Vec<bool>,
    /// Why a row has no score of its own, where a plugin failed on it.
    pub errors: Vec<Option<String>>,
    /// The responses as the scorers saw them: cut where the task says that they end.
    pub finished: Vec<Sample>,
    /// Means of the terms and metrics that plugins reported, by name.
    pub metrics: Vec<(String, f64)>,
    /// What each source and shaper gave each response, before weights.
    pub parts: Vec<(String, Vec<Option<f32>>)>,
    /// Seconds spent in plugins.
    pub plugin_seconds: f64,
    /// Seconds that reward models took.
    pub model_seconds: f64,
}

impl Scores {
    /// How many rows a plugin failed on, and the first reason; none where there are none.
    #[must_use]
    pub fn failed(&self) -> Option<(usize, &str)> {
        let mut reasons = self.errors.iter().flatten();
        let first = reasons.next()?;
        Some((1 + reasons.count(), first))
    }

    /// What is said of a reward too large to learn from, if there is one: who gave it, and where.
    #[must_use]
    pub fn outsized(&self) -> Option<String> {
        let parts = self.parts.iter().flat_map(|(name, values)| {
            let values = values.iter().enumerate();
            values.filter_map(move |(row, value)| Some((name, row, (*value)?)))
        });
        let (name, row, value) = parts.max_by(|a, b| a.2.abs().total_cmp(&b.2.abs()))?;
        (value.abs() > OUTSIZED).then(|| {
            format!(
                "`{name}` gave row {row} a reward of {value:e}, far beyond what can be learned from; rewards \
                 are of the order of 1"
            )
        })
    }
}

/// Why a role failed on rows: the first reason for each.
struct Failures(Vec<Option<String>>);

impl Failures {
    fn add(&mut self, row: usize, who: &str, text: String) {
        self.0[row].get_or_insert_with(|| format!("{who}: row {row}: {text}"));
    }
}

impl Scorers {
    /// Scores `samples`; `ahead` is what was said of them before the models had read them, and `decode`
    /// turns the kept tokens back into text.
    pub fn score(
        &self,
        context: CallContext,
        samples: Vec<Sample>,
        ahead: Ahead,
        decode: Decode<'_>,
    ) -> Result<Scores> {
        let started = std::time::Instant::now();
        let count = samples.len();
        let response_len = samples.first().map_or(0, |sample| sample.tokens.len());
        let mut failures = Failures(vec![None; count]);
        let mut scores = Scores {
            totals: vec![0.0; count],
            per_token: vec![vec![0.0; response_len]; count],
            valid: vec![true; count],
            keep: vec![true; count],
            finished: samples,
            ..Scores::default()
        };
        let early = ahead.seconds;
        let endings = match ahead.endings {
            Some(endings) => endings?,
            None => self.task.finish(context, &scores.finished)?,
        };
        let penalties = self.finish(endings, &mut scores, decode, &mut failures);
        let mut said = ahead.scores.into_iter();
        for (source, linear) in &self.sources {
            let rows = said.next().flatten().transpose()?;
            let asked = std::time::Instant::now();
            self.reward((source, *linear), rows, context, &mut scores, &mut failures)?;
            if matches!(source, Source::Models { .. }) {
                scores.model_seconds += asked.elapsed().as_secs_f64();
            }
        }
        for (row, penalty) in penalties.iter().enumerate() {
            if let Some(penalty) = penalty {
                scores.totals[row] = *penalty;
            }
            scores.finished[row].score = Some(scores.totals[row]);
        }
        for (shaper, weight) in &self.shapers {
            shape(
                shaper.as_ref(),
                *weight,
                context,
                &mut scores,
                &mut failures,
            )?;
        }
        self.settle(&mut scores, failures)?;
        scores.plugin_seconds = early + started.elapsed().as_secs_f64() - scores.model_seconds;
        Ok(scores)
    }

    /// Cuts responses and returns the penalty of each that is not valid.
    fn finish(
        &self,
        endings: Vec<Outcome<Ending>>,
        scores: &mut Scores,
        decode: Decode<'_>,
        failures: &mut Failures,
    ) -> Vec<Option<f32>> {
        let who = &self.task.identity().name;
        let mut penalties = vec![None; endings.len()];
        for (row, outcome) in endings.into_iter().enumerate() {
            match outcome {
                Outcome::Value(ending) => {
                    ahead::cut(&mut scores.finished[row], ending.kept, decode);
                    scores.valid[row] = ending.valid;
                    penalties[row] = (!ending.valid).then_some(ending.penalty);
                }
                Outcome::NotApplicable(_) => {}
                Outcome::Invalid(text) | Outcome::Error(text) => failures.add(row, who, text),
            }
        }
        penalties
    }

    /// Asks for scores of a few responses, so that a source that cannot be a reward, or that fails
    /// whatever it is given, is refused before a run begins. A bad row is no reason to refuse.
    pub fn probe(&self, context: CallContext, queries: &[Query]) -> Result<()> {
        let sample = |query: &Query| Sample {
            id: query.id,
            query: query.clone(),
            tokens: query.tokens.clone(),
            text: query.text.clone(),
            ..Sample::default()
        };
        let samples: Vec<Sample> = queries.iter().map(sample).collect();
        for (source, _) in &self.sources {
            if matches!(source, Source::Labeler(_)) {
                source.score(context, &samples, None, self.task.as_ref())?;
            }
        }
        for labeler in &self.measures {
            source::judged(labeler.as_ref(), context, &samples)?;
        }
        Ok(())
    }

    /// What each measure says of finished responses, on average, by its plugin's name.
    pub fn measure(&self, context: CallContext, finished: &[Sample]) -> Result<Vec<(String, f64)>> {
        let one = |labeler: &dyn Labeler| {
            let values = source::judged(labeler, context, finished)?;
            let values: Vec<f64> = values.into_iter().flatten().collect();
            Ok((labeler.identity().name.clone(), mean(&values)))
        };
        let all = self.measures.iter().map(|labeler| one(labeler.as_ref()));
        all.collect()
    }

    /// The reward models among the sources.
    #[must_use]
    pub fn models(&self) -> Vec<&RewardModel> {
        let models = self.sources.iter().flat_map(|(source, _)| match source {
            Source::Models { models, .. } => models.as_slice(),
            Source::Labeler(_) | Source::Metric { .. } => &[],
        });
        models.collect()
    }

    fn reward(
        &self,
        (source, linear): (&Source, Linear),
        rows: Option<Vec<Outcome<f32>>>,
        context: CallContext,
        scores: &mut Scores,
        failures: &mut Failures,
    ) -> Result<()> {
        let scored = source.score(context, &scores.finished, rows, self.task.as_ref())?;
        let given = scored.rows.iter().map(|row| row.value().copied());
        scores.parts.push((source.name(), given.collect()));
        for (row, outcome) in scored.rows.into_iter().enumerate() {
            match outcome {
                Outcome::Value(score) => {
                    scores.totals[row] += linear.of(score);
                }
                Outcome::NotApplicable(_) => {}
                Outcome::Invalid(text) | Outcome::Error(text) => {
                    failures.add(row, &source.name(), text);
                }
            }
        }
        scores.metrics.extend(scored.metrics);
        Ok(())
    }

    /// Does with failed rows what the run's policy says.
    fn settle(&self, scores: &mut Scores, failures: Failures) -> Result<()> {
        scores.errors = failures.0;
        let count = scores.totals.len();
        let rate = scores.failed().map_or(0, |(failed, _)| failed) as f64 / count.max(1) as f64;
        scores.metrics.push(("plugins/error_rate".into(), rate));
        let Some((failed, first)) = scores.failed() else {
            return Ok(());
        };
        if self.limits.on_error == OnError::Fail {
            bail!(
                "{first} ({failed} of {count} rows)\nhint: set [plugins] on_error = \"drop\" or \
                 \"neutral\" to go on without such rows"
            );
        }
        if failed as f64 > self.limits.max_error_rate * count as f64 {
            bail!(
                "{failed} of {count} rows failed, more than [plugins] max_error_rate {} allows; the \
                 first: {first}\nhint: mend the plugin, or raise plugins.max_error_rate",
                self.limits.max_error_rate
            );
        }
        if failed == count {
            bail!("all {count} rows failed; the first: {first}\nhint: mend the plugin");
        }
        let good: Vec<f64> = (0..count)
            .filter(|&row| scores.errors[row].is_none())
            .map(|row| f64::from(scores.totals[row]))
            .collect();
        for row in (0..count).filter(|&row| scores.errors[row].is_some()) {
            scores.totals[row] = mean(&good) as f32;
            scores.per_token[row].fill(0.0);
            scores.keep[row] = self.limits.on_error == OnError::Neutral;
        }
        Ok(())
    }
}

fn shape(
    shaper: &dyn Shaper,
    weight: f64,
    context: CallContext,
    scores: &mut Scores,
    failures: &mut Failures,
) -> Result<()> {
    let who = &shaper.identity().name;
    let metrics = shaper.metrics();
    let mut terms: Vec<(String, Vec<f64>)> = Vec::new();
    let mut numbers: Vec<Vec<f64>> = vec![Vec::new(); metrics.len()];
    let mut given: Vec<Option<f32>> = vec![None; scores.totals.len()];
    for (row, outcome) in shaper
        .shape(context, &scores.finished)?
        .into_iter()
        .enumerate()
    {
        match outcome {
            Outcome::Value(shaped) => {
                given[row] = Some(shaped.sum());
                for (name, value) in shaped.terms {
                    scores.totals[row] += (f64::from(value) * weight) as f32;
                    match terms.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, values)) => values.push(f64::from(value)),
                        None => terms.push((name, vec![f64::from(value)])),
                    }
                }
                for (reward, value) in scores.per_token[row].iter_mut().zip(&shaped.per_token) {
                    *reward += (f64::from(*value) * weight) as f32;
                }
                for (numbers, value) in numbers.iter_mut().zip(&shaped.metrics) {
                    if value.is_finite() {
                        numbers.push(f64::from(*value));
                    }
                }
            }
            Outcome::NotApplicable(_) => {}
            Outcome::Invalid(text) | Outcome::Error(text) => failures.add(row, who, text),
        }
    }
    scores.parts.push((who.clone(), given));
    for (name, values) in terms {
        scores
            .metrics
            .push((format!("shaper/{who}/{name}"), mean(&values)));
    }
    for (metric, values) in metrics.iter().zip(numbers) {
        scores
            .metrics
            .push((format!("shaper/{who}/{}", metric.name), mean(&values)));
    }
    Ok(())
}

/// Not a number when there is nothing to take the mean of.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

//! What a reward is made of: the scores of a labeler, of reward models, or of the task itself.

use anyhow::{Result, anyhow};

use crate::model::reward::{Passages, RewardModel};
use crate::role::{CallContext, Group, Labeler, Outcome, Sample, Task};
use crate::train::reward::score::scores;

/// Tokens that go through a reward model at a time.
const MICRO_TOKENS: usize = 2048;

/// Who scores.
pub enum Source {
    /// A labeler that scores.
    Labeler(Box<dyn Labeler>),
    /// Reward models: the mean over all their heads, less `caution` times the heads' deviation.
    Models {
        /// One, or an ensemble.
        models: Vec<RewardModel>,
        /// What doubt costs.
        caution: f64,
    },
    /// A metric of the task.
    Metric {
        /// What the task calls it.
        name: String,
        /// Where it stands among the task's metrics.
        place: usize,
    },
}

/// A row's score, where there is one, and what else is to be known of all rows.
pub(super) struct Scored {
    pub(super) rows: Vec<Outcome<f32>>,
    pub(super) metrics: Vec<(String, f64)>,
}

impl Source {
    /// The labeler, if it is one.
    pub(super) fn labeler(&self) -> Option<&dyn Labeler> {
        match self {
            Source::Labeler(labeler) => Some(labeler.as_ref()),
            Source::Models { .. } | Source::Metric { .. } => None,
        }
    }

    /// What the source is called in errors.
    pub(super) fn name(&self) -> String {
        match self {
            Source::Labeler(labeler) => labeler.identity().name.clone(),
            Source::Models { .. } => "reward model".to_owned(),
            Source::Metric { name, .. } => name.clone(),
        }
    }

    /// Scores finished responses; `rows` is what a labeler has said of them already.
    pub(super) fn score(
        &self,
        context: CallContext,
        finished: &[Sample],
        rows: Option<Vec<Outcome<f32>>>,
        task: &dyn Task,
    ) -> Result<Scored> {
        let mut scored = match self {
            Source::Labeler(labeler) => {
                let rows = rows.map_or_else(|| judgements(labeler.as_ref(), context, finished), Ok);
                rows.map(|rows| Scored {
                    rows,
                    metrics: Vec::new(),
                })
            }
            Source::Models { models, caution } => Ok(by_models(models, *caution, finished)),
            Source::Metric { place, .. } => {
                let rows = task.evaluate(context, finished)?;
                let pick =
                    |row: Outcome<Vec<f32>>| match row.map(|values| values.get(*place).copied()) {
                        Outcome::Value(Some(value)) if value.is_finite() => Outcome::Value(value),
                        Outcome::Value(_) => Outcome::NotApplicable(None),
                        Outcome::NotApplicable(why) => Outcome::NotApplicable(why),
                        Outcome::Invalid(text) => Outcome::Invalid(text),
                        Outcome::Error(text) => Outcome::Error(text),
                    };
                Ok(Scored {
                    rows: rows.into_iter().map(pick).collect(),
                    metrics: Vec::new(),
                })
            }
        }?;
        let said: Vec<f64> = scored
            .rows
            .iter()
            .filter_map(|row| row.value().map(|&score| f64::from(score)))
            .collect();
        let kind = match self {
            Source::Labeler(_) => format!("labeler/{}/score", self.name()),
            Source::Models { .. } => "reward_model/score".to_owned(),
            Source::Metric { name, .. } => format!("task/{name}"),
        };
        scored.metrics.insert(0, (kind, super::mean(&said)));
        Ok(scored)
    }
}

fn by_models(models: &[RewardModel], caution: f64, finished: &[Sample]) -> Scored {
    let rows: Vec<Passages> = finished
        .iter()
        .map(|sample| Passages {
            query: sample.query.tokens.clone(),
            responses: vec![sample.tokens.clone()],
        })
        .collect();
    let mut heads: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
    for model in models {
        for (all, own) in heads.iter_mut().zip(scores(model, &rows, MICRO_TOKENS)) {
            all.extend(own.into_iter().flatten());
        }
    }
    let (mut scores, mut spreads) = (Vec::new(), Vec::new());
    for heads in &heads {
        let mean = super::mean(heads);
        let squares: Vec<f64> = heads.iter().map(|r| (r - mean).powi(2)).collect();
        let spread = super::mean(&squares).sqrt();
        let score = mean - caution * spread;
        scores.push(if score.is_finite() {
            Outcome::Value(score as f32)
        } else {
            Outcome::Error(format!("the reward is {score}"))
        });
        spreads.push(spread);
    }
    let several = heads.first().is_some_and(|heads| heads.len() > 1);
    let spread = ("reward_model/spread".to_owned(), super::mean(&spreads));
    Scored {
        rows: scores,
        metrics: if several { vec![spread] } else { Vec::new() },
    }
}

/// A labeler's score of each response by itself.
pub(super) fn judgements(
    labeler: &dyn Labeler,
    context: CallContext,
    finished: &[Sample],
) -> Result<Vec<Outcome<f32>>> {
    let groups: Vec<Group> = finished
        .iter()
        .map(|sample| Group {
            id: sample.id,
            query: sample.query.clone(),
            responses: vec![sample.text.clone()],
        })
        .collect();
    let mut rows = Vec::new();
    for outcome in labeler.judge(context, &groups)? {
        rows.push(match outcome {
            Outcome::Value(judgement) => {
                let score = judgement.scores.first();
                Outcome::Value(*score.ok_or_else(|| no_scores(&labeler.identity().name))?)
            }
            Outcome::NotApplicable(why) => Outcome::NotApplicable(why),
            Outcome::Invalid(text) => Outcome::Invalid(text),
            Outcome::Error(text) => Outcome::Error(text),
        });
    }
    Ok(rows)
}

/// A labeler's score of each response, of which it sees query and text; absent where it has none.
pub fn judged(
    labeler: &dyn Labeler,
    context: CallContext,
    finished: &[Sample],
) -> Result<Vec<Option<f64>>> {
    let rows = judgements(labeler, context, finished)?;
    let value = |row: &Outcome<f32>| row.value().map(|&score| f64::from(score));
    Ok(rows.iter().map(value).collect())
}

pub(super) fn no_scores(who: &str) -> anyhow::Error {
    anyhow!(
        "labeler `{who}` compares but gives no scores, so it cannot be a reward by itself\n\
         hint: use a labeler that scores"
    )
}

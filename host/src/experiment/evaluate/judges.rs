//! Who judges a comparison: plugins, reward models and people, each asked in its own way for the same two things: a score
//! of an answer by itself, and which of two answers is better.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::bench::{Bench, plugin_key};
use super::kept::Kept;
use super::people::People;
use crate::config;
use crate::eval::contest::{Choice, Verdict};
use crate::experiment::inputs::{digest_at, reward_folder};
use crate::experiment::parts::{self, check_reading, load_labeler, reward_model};
use crate::model::reward::{Passages, RewardModel};
use crate::plugin::TokenizerHost;
use crate::role::Labeler;
use crate::train::answers::Reply;
use crate::train::reward::scores;

mod labeler;

use self::labeler::Heard;

/// Tokens that go through a reward model at a time.
const MICRO_TOKENS: usize = 2048;

/// One of those who judge.
pub(super) struct Judge {
    pub(super) title: String,
    /// What it is and what its word depends on.
    pub(super) key: Value,
    source: Source,
}

enum Source {
    Labeler(Box<dyn Labeler>),
    Model {
        folder: PathBuf,
        model: Box<OnceCell<RewardModel>>,
    },
    People(People),
}

/// What a judge gives an entrant's answers by themselves.
#[derive(Debug, Default)]
pub(super) struct Scores {
    /// The score of each answer; none where the judge gives no scores.
    pub(super) values: Option<Vec<Option<f64>>>,
    /// Answers on which the judge failed.
    pub(super) failed: usize,
}

/// What a judge said of two entrants' answers.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// For each query what was said with the first entrant's answer in the first seat, and with it in the second; the
    /// first entrant's is [`Choice::First`] in both. None where nothing was asked or said.
    pub(super) choices: Vec<Option<[Choice; 2]>>,
    /// Queries on which the judge failed.
    pub(super) failed: usize,
}

/// Loads the judges that the config names, or its labeler where it names none.
pub(super) fn load(bench: &Bench) -> Result<Vec<Judge>> {
    let all = bench.judges().into_iter();
    all.map(|judge| {
        let about = || format!("judge `{}`", judge.title());
        Judge::load(bench, &judge).with_context(about)
    })
    .collect()
}

impl Judge {
    /// Loads what is quick to be wrong, and no weights.
    pub(super) fn load(bench: &Bench, judge: &config::Judge) -> Result<Judge> {
        let (key, source) = if let Some(reference) = &judge.labeler {
            let host: Arc<dyn TokenizerHost> = bench.tokenizer.clone();
            let labeler = match bench.compare.judge.is_empty() {
                // The one of [labeler], or of the program that the library is part of.
                true => parts::judge(reference, bench.config, &host)?,
                false => load_labeler(reference, bench.config, &host)?,
            };
            let limits = &bench.config.plugins;
            let key = json!({
                "labeler": plugin_key(labeler.identity(), reference)?,
                // What it failed on is not kept, so what is done about failures is no part of this.
                "limits": [limits.deadline_ms, limits.memory_mib],
            });
            (key, Source::Labeler(labeler))
        } else if let Some(folder) = &judge.reward_model {
            let model = Box::new(OnceCell::new());
            if !reward_folder(folder).join("config.json").is_file() {
                // It says what is missing there.
                let _ = reward_model(bench.config, folder, &bench.tokenizer)?;
            }
            let key = json!({
                "reward_model": digest_at(folder)?,
                "dtype": bench.config.run.dtype,
                "device": bench.device()?,
            });
            let folder = folder.clone();
            (key, Source::Model { folder, model })
        } else {
            let path = judge.labels.as_ref().context("a judge has a source")?;
            (
                json!({"labels": judge.title()}),
                Source::People(People::load(path, judge.ask)?),
            )
        };
        Ok(Judge {
            title: judge.title(),
            key,
            source,
        })
    }

    /// What kind of judge it is.
    pub(super) fn kind(&self) -> &'static str {
        match self.source {
            Source::Labeler(_) => "labeler",
            Source::Model { .. } => "reward model",
            Source::People(_) => "labels",
        }
    }

    /// Whether it gives an answer a score by itself, as far as is known before it is asked.
    pub(super) fn scores_alone(&self) -> bool {
        !matches!(self.source, Source::People(_))
    }

    /// The people, where it is they who judge.
    pub(super) fn people(&self) -> Option<&People> {
        match &self.source {
            Source::People(people) => Some(people),
            Source::Labeler(_) | Source::Model { .. } => None,
        }
    }

    /// What it gives each answer by itself.
    pub(super) fn scores(
        &self,
        bench: &Bench,
        kept: &Kept,
        replies: &[Option<Reply>],
    ) -> Result<Scores> {
        let mut key = self.key.clone();
        key["scores"] = of_answers(bench, replies)?;
        Ok(match &self.source {
            Source::Labeler(labeler) => {
                let labeler = labeler.as_ref();
                let scored = || labeler::scored(labeler, bench, replies);
                let heard = kept.get_if("judged", &key, Heard::is_whole, scored)?;
                let (values, failed) = heard.settle(labeler, bench)?;
                Scores { values, failed }
            }
            Source::Model { .. } => Scores {
                values: Some(kept.get("judged", &key, || self.rewards(bench, replies))?),
                failed: 0,
            },
            Source::People(_) => Scores::default(),
        })
    }

    /// What it says of two entrants' answers, each in both seats.
    pub(super) fn compare(
        &self,
        bench: &Bench,
        kept: &Kept,
        [one, other]: [&[Option<Reply>]; 2],
    ) -> Result<Said> {
        let mut key = self.key.clone();
        key["pairs"] = json!([of_answers(bench, one)?, of_answers(bench, other)?]);
        match &self.source {
            Source::Labeler(labeler) => {
                let labeler = labeler.as_ref();
                let compared = || labeler::in_both_seats(labeler, bench, [one, other]);
                let heard = kept.get_if("judged", &key, Heard::is_whole, compared)?;
                let (choices, failed) = heard.settle(labeler, bench)?;
                Ok(Said { choices, failed })
            }
            Source::Model { .. } => {
                let scored = [one, other].map(|replies| self.scores(bench, kept, replies));
                let values = |scores: Scores| scores.values.unwrap_or_default();
                let [first, second] = scored.map(|scores| scores.map(values));
                let pairs = first?.into_iter().zip(second?);
                // A score has no seat.
                let choices = pairs.map(|(a, b)| Some([Choice::by_scores(a?, b?); 2]));
                Ok(Said {
                    choices: choices.collect(),
                    failed: 0,
                })
            }
            Source::People(_) => Ok(Said::default()),
        }
    }

    /// The mean over a reward model's heads.
    fn rewards(&self, bench: &Bench, replies: &[Option<Reply>]) -> Result<Vec<Option<f64>>> {
        let Source::Model { folder, model } = &self.source else {
            bail!("only reward models give rewards");
        };
        if model.get().is_none() {
            let loaded = reward_model(bench.config, folder, &bench.tokenizer)?;
            check_reading(bench.task.layout(), loaded.config(), folder)?;
            let _ = model.set(loaded);
        }
        let model = model.get().context("the reward model is loaded")?;
        let rows = bench.queries.iter().zip(replies);
        let passages = rows.filter_map(|(query, reply)| {
            Some(Passages {
                query: query.tokens.clone(),
                responses: vec![reply.as_ref()?.tokens.clone()],
            })
        });
        let passages: Vec<Passages> = passages.collect();
        let mut found = scores(model, &passages, MICRO_TOKENS).into_iter();
        let one = |reply: &Option<Reply>| {
            reply.as_ref()?;
            let heads = found.next()?.into_iter().next()?;
            let mean = heads.iter().sum::<f64>() / heads.len() as f64;
            mean.is_finite().then_some(mean)
        };
        Ok(replies.iter().map(one).collect())
    }
}

/// What a judge's word on answers depends on.
fn of_answers(bench: &Bench, replies: &[Option<Reply>]) -> Result<Value> {
    let rows = bench.queries.iter().zip(replies);
    let rows: Vec<Value> = rows
        .map(|(query, reply)| {
            let reply = reply.as_ref().map(|reply| (&reply.text, &reply.tokens));
            json!([query.id, query.text, query.reference, query.metadata, reply])
        })
        .collect();
    let digest = crate::digest::of_bytes(&serde_json::to_vec(&rows)?);
    Ok(json!([bench.config.run.seed, digest]))
}

/// What both seats come to.
pub(super) fn verdict(choices: [Choice; 2]) -> Verdict {
    let [one, other] = choices;
    Verdict::of_seats(one, other)
}

//! The labels that a reward model learns from and is rated by.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};

use super::{refuses_bad, start};
use crate::config::{Config, Reward};
use crate::experiment::examples::{Read, Reader};
use crate::experiment::parts;
use crate::label::Label;
use crate::model::reward::Passages;
use crate::terminal::Line;
use crate::train::checkpoint::Input;
use crate::train::reward::Example;

/// Examples of each kind of use.
pub(super) struct Labels {
    pub(super) train: Read,
    pub(super) validation: Read,
    pub(super) test: Read,
}

impl Labels {
    /// The labels that a config names, and a run's own ones to train on.
    pub(super) fn read(config: &Config, reward: &Reward, own: &[Label]) -> Result<Labels> {
        let (shape, tokenizer) = parts::model(start(config, reward))?;
        let reader = Reader {
            tokenizer: &tokenizer,
            model: &shape,
            refuses_bad: refuses_bad(reward),
            weights: None,
        };
        let weighing = Reader {
            weights: Some(&reward.weights),
            ..reader
        };
        let mut train = weighing
            .read(&reward.train, reward.num_train)
            .context("in [reward] train")?;
        weighing
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
    pub(super) fn stores(&self) -> impl Iterator<Item = Input> {
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
    pub(super) fn seen_before(&self) -> Option<String> {
        let passages = |example: &Example| {
            let Passages { query, responses } = &example.passages;
            (query.clone(), responses.clone())
        };
        let learned: HashSet<_> = self.train.examples.iter().map(passages).collect();
        let held_out = self.validation.examples.iter().chain(&self.test.examples);
        let both = held_out.filter(|e| learned.contains(&passages(e))).count();
        (both > 0).then(|| {
            format!(
                "{both} comparisons of reward.validation and reward.test are also among those \
                 to train on, so the report flatters"
            )
        })
    }

    /// How many compare what is the same, for a person to read.
    pub(super) fn twins(&self) -> Option<String> {
        let all = [
            ("reward.train", &self.train),
            ("reward.validation", &self.validation),
            ("reward.test", &self.test),
        ];
        let found = all.iter().map(|(name, read)| (name, read.twins()));
        let found: Vec<String> = found
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{count} of {name}"))
            .collect();
        (!found.is_empty()).then(|| {
            format!(
                "identical responses: {} have two responses that are the same; nothing is learned between those, and \
                 whichever is best counts as half right",
                found.join(", ")
            )
        })
    }

    /// How much whose word counts, where it is told, for a person to read.
    pub(super) fn weights(&self, reward: &Reward) -> Option<String> {
        let one = |(name, weight): (&String, &f64)| {
            let name = Line(name);
            match self.train.weighed.get(name.0.as_str()) {
                Some(count) => format!("{count} of `{name}` count {weight} times"),
                None => format!("none is of `{name}`"),
            }
        };
        let told: Vec<String> = reward.weights.iter().map(one).collect();
        (!told.is_empty()).then(|| format!("weights of labels: {}", told.join(", ")))
    }

    /// How many there are, for a person to read.
    pub(super) fn describe(&self) -> String {
        let one = |name: &str, read: &Read| {
            let besides = [(read.silent, "say nothing"), (read.bad, "left out as bad")];
            let besides: Vec<String> = besides
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            let besides = match besides.as_slice() {
                [] => String::new(),
                some => format!(" ({})", some.join(", ")),
            };
            format!("{} {name}{besides}", read.examples.len())
        };
        format!(
            "labels: {}, {}, {}",
            one("to train on", &self.train),
            one("for validation", &self.validation),
            one("for the test", &self.test)
        )
    }
}

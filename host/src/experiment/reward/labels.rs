//! The labels that a reward model learns from and is rated by.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};

use super::start;
use crate::config::{Config, Reward};
use crate::experiment::examples::{Read, Reader};
use crate::experiment::parts;
use crate::label::Label;
use crate::model::reward::Passages;
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

    /// How many there are, for a person to read.
    pub(super) fn describe(&self) -> String {
        let one = |name: &str, read: &Read| {
            let silent = match read.silent {
                0 => String::new(),
                count => format!(" ({count} say nothing)"),
            };
            format!("{} {name}{silent}", read.examples.len())
        };
        format!(
            "labels: {}, {}, {}",
            one("to train on", &self.train),
            one("for validation", &self.validation),
            one("for the test", &self.test)
        )
    }
}

//! Trainings of one experiment, each a config of its own that differs from the others in a few keys.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::load::advise;
use super::overrides;
use super::paths::{model_in, reward_in};
use super::problems::Problems;
use super::{Compare, Config};

/// Names in an experiment's directory that no part may have.
const TAKEN: [&str; 13] = [
    "comparison",
    "tensorboard",
    "lock",
    "config.toml",
    "inputs.json",
    "events.jsonl",
    "eval.json",
    "eval.md",
    "eval.csv",
    "eval.svg",
    "answers.jsonl",
    "plots",
    "report.html",
];
/// Keys that a part cannot set, and why.
const FIXED: [(&str, &str); 2] = [
    ("part", "a part has no parts"),
    ("compare", "all parts are compared together, after the last"),
];

/// What is trained in a part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Training {
    /// A model from what people wrote, as `attune train sft` does.
    Sft,
    /// A policy, as `attune train policy` does.
    Policy,
    /// All that `attune run` makes of the config: labels, reward models, a policy.
    #[default]
    All,
}

/// One of the trainings that `attune run` makes of a config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What it is called: its folder in the run directory.
    pub name: String,
    /// What is trained: `sft`, `policy`, or `all` that `attune run` makes of the config.
    #[serde(default)]
    pub train: Training,
    /// A part before it whose model it starts from, in place of that of `[model]`.
    pub start: Option<String>,
    /// Keys with other values than in the rest of the config.
    #[serde(default)]
    pub set: Table,
}

impl Config {
    /// The parts and the config of each, or everything that cannot work in them. Where a part starts from a model that
    /// is not there yet, its config has the model of `[model]`.
    ///
    /// # Errors
    /// A part cannot be what it is called, start where it says, or be set as it says.
    pub fn parts(&self) -> Result<Vec<(&Part, Config)>> {
        let mut problems = Problems(Vec::new());
        for (place, part) in self.part.iter().enumerate() {
            check(part, &self.part[..place], &mut problems);
        }
        problems.none()?;
        let parts = self.part.iter();
        parts
            .map(|part| {
                let about = || format!("in [[part]] `{}`", part.name);
                let mut config = self.of_part(part).with_context(about)?;
                config.find_policies();
                config.find_files().with_context(about)?;
                Ok((part, config))
            })
            .collect()
    }

    /// Where a part's run is.
    #[must_use]
    pub fn part_dir(&self, name: &str) -> PathBuf {
        self.run.dir.join(name)
    }

    /// The config of a part; paths in what it sets are as they were written.
    fn of_part(&self, part: &Part) -> Result<Config> {
        let mut table = Table::try_from(self)?;
        table.remove("part");
        table.remove("compare");
        if part.train != Training::Sft {
            table.remove("sft");
        }
        for (key, value) in part.set.clone() {
            overrides::merge(&mut table, &key, value);
        }
        let config = overrides::config_of(table).map_err(|(_, error)| advise(&error));
        let mut config = config.context("in what it sets")?;
        config.run.dir = self.part_dir(&part.name);
        if let Some(folder) = part
            .start
            .as_ref()
            .and_then(|start| model_in(&self.part_dir(start)))
        {
            config.model.path = folder;
        }
        config.session = self.session.clone();
        Ok(config)
    }

    /// Makes paths absolute that parts set, relative to `base`.
    pub(super) fn make_parts_absolute(&mut self, base: &Path) -> Result<()> {
        let whole = self.clone();
        for part in &mut self.part {
            let about = || format!("in [[part]] `{}`", part.name);
            let mut config = whole.of_part(part).with_context(about)?;
            config.make_absolute(base).with_context(about)?;
            let resolved = Value::Table(Table::try_from(&config)?);
            take_over(&mut part.set, &resolved);
        }
        Ok(())
    }

    /// What is compared, with the folders of the parts that are named in it.
    pub(super) fn with_folders(&self, compare: &Compare) -> Compare {
        let mut compare = compare.clone();
        for entry in &mut compare.entry {
            if let Some(part) = &entry.part {
                entry.model = Some(self.part_dir(part));
            }
        }
        for judge in &mut compare.judge {
            if let Some(part) = &judge.part {
                judge.reward_model = Some(reward_in(&self.part_dir(part)));
            }
        }
        compare
    }
}

/// Gives what a part sets the values that its config has.
fn take_over(set: &mut Table, resolved: &Value) {
    for (key, value) in set {
        match (value, resolved.get(key.as_str())) {
            (Value::Table(inner), Some(resolved @ Value::Table(_))) => take_over(inner, resolved),
            (value, Some(resolved)) => *value = resolved.clone(),
            (_, None) => {}
        }
    }
}

fn check(part: &Part, before: &[Part], problems: &mut Problems) {
    let name = part.name.as_str();
    let section = format!("[[part]] {}", before.len() + 1);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins || name.len() > 60 || !name.chars().all(is_plain) || TAKEN.contains(&name) {
        problems.add(
            format!(
                "{section}: the name `{}` must have 1 to 60 letters, digits, `-`, `_` and `.`, begin with a letter or a \
                 digit, and be none of {}",
                name.escape_debug(),
                TAKEN.join(", ")
            ),
            "a part's name is that of its folder in the run directory",
        );
    }
    if before
        .iter()
        .any(|other| other.name.eq_ignore_ascii_case(name))
    {
        problems.add(
            format!("{section}: another is called `{name}` already"),
            "give each a `name` of its own",
        );
    }
    let names: Vec<&str> = before.iter().map(|part| part.name.as_str()).collect();
    if let Some(start) = &part.start
        && !names.contains(&start.as_str())
    {
        problems.add(
            format!("{section}: starts from `{start}`, and no part before it is called so"),
            match names.is_empty() {
                true => "the first part starts from [model] path; leave start out".to_owned(),
                false => format!("name one of {}", names.join(", ")),
            },
        );
    }
    for (key, why) in FIXED {
        if part.set.contains_key(key) {
            problems.add(
                format!("{section}: sets {key}, and {why}"),
                format!("leave {key} out"),
            );
        }
    }
    let dir = part.set.get("run").and_then(|run| run.get("dir"));
    if dir.is_some() {
        problems.add(
            format!(
                "{section}: sets run.dir, and a part's directory is a folder of the experiment's"
            ),
            "leave run.dir out",
        );
    }
}

#[cfg(test)]
mod tests;

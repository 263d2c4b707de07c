//! Which keys may differ when a run goes on, and in which keys two configs differ.
//!
//! A run goes on as what it was begun as. Most keys say what that is; a few say only how often, where or for
//! how long something is done, and some say where a file is, which may have been moved.

use anyhow::{Context, Result};
use toml::Value;

use super::Config;

/// What a key is to a run that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bond {
    /// It changes no result.
    Free,
    /// It changes the last bits of results and nothing else, so that another machine may go on; said and recorded.
    Rounding,
    /// It says where something is, which must be what it was.
    Place,
    /// Another value would be another run.
    Bound,
}

/// Keys that change no result; `*` stands for a place in a list or a name.
///
/// The limits of plugins decide whether a run stops, not what it computes.
const FREE: &[&str] = &[
    "run.dir",
    "run.checkpoint_every",
    "run.keep_checkpoints",
    "run.record_rollouts",
    "eval.show",
    // Nothing is trained for a comparison.
    "compare.*",
    // Each part is held to its own config by its own directory.
    "part.*",
    "plugins.deadline_ms",
    "plugins.memory_mib",
    "plugins.calls_per_instance",
    "plugins.max_error_rate",
    // Whoever goes on after an alarm has stopped a run goes on as if it had not.
    "alarms.*",
    // Whoever has no bad labels has the same ones either way, and whoever has some goes on with it or not at all.
    "reward.skip_bad",
    "data.strict",
    // Labels are known by the run that they are of, and those that are missing are missed.
    "collect.store",
    // What people are told makes no label another; what they say is known by what they were asked.
    "people.*",
];

/// Keys that say how work is divided, and so in which order sums are made.
const ROUNDING: &[&str] = &[
    "run.threads",
    "ppo.micro_batch",
    "sampling.rollout_batch",
    "reward.micro_tokens",
    "sft.micro_tokens",
];

/// Keys that say where something is.
const PLACES: &[&str] = &[
    "model.path",
    "data.train",
    "data.train.*",
    "data.held_out",
    "data.held_out.*",
    "data.stories",
    "task.plugin",
    "task.assets.*",
    "labeler.plugin",
    "labeler.assets.*",
    "shaper.*.plugin",
    "shaper.*.assets.*",
    "eval.measure.*.plugin",
    "eval.measure.*.assets.*",
    "score.*.reward_models.*",
    "study.judges.*",
    "reward.path",
    "reward.train.*",
    "reward.validation.*",
    "reward.test.*",
];

/// What `key` is to a run that goes on.
#[must_use]
pub fn bond(key: &str) -> Bond {
    let is = |patterns: &[&str]| patterns.iter().any(|pattern| matches(pattern, key));
    if is(FREE) {
        Bond::Free
    } else if is(ROUNDING) {
        Bond::Rounding
    } else if is(PLACES) {
        Bond::Place
    } else {
        Bond::Bound
    }
}

/// Whether a key is meant by a pattern. The names of assets and judges may have dots.
fn matches(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((before, "")) => key.starts_with(before) && key.len() > before.len(),
        Some((before, after)) => key.strip_prefix(before).is_some_and(|rest| {
            let (place, rest) = rest.split_once('.').unwrap_or((rest, ""));
            let is_place = place.bytes().all(|byte| byte.is_ascii_digit());
            is_place && matches(after.trim_start_matches('.'), rest)
        }),
    }
}

/// A key with another value than before.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Such as `ppo.lr`, or `score.0.weight`.
    pub key: String,
    /// As it was; none where it was not given.
    pub before: Option<Value>,
    /// As it is.
    pub now: Option<Value>,
}

impl Change {
    /// The change in words.
    #[must_use]
    pub fn told(&self) -> String {
        let shown = |value: &Option<Value>| {
            let shown = value.as_ref().map(|value| format!("`{value}`"));
            shown.unwrap_or_else(|| "not given".to_owned())
        };
        format!(
            "`{}` was {}, now it is {}",
            self.key,
            shown(&self.before),
            shown(&self.now)
        )
    }
}

/// The keys in which two configs differ, in the order of their names.
///
/// # Errors
/// A config cannot be written down.
pub fn changes(before: &Config, now: &Config) -> Result<Vec<Change>> {
    let (before, now) = (flat(before)?, flat(now)?);
    let find = |keys: &[(String, Value)], key: &str| {
        let found = keys.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.clone())
    };
    let mut keys: Vec<&String> = before.iter().chain(&now).map(|(key, _)| key).collect();
    keys.sort();
    keys.dedup();
    let changes = keys.into_iter().map(|key| Change {
        key: key.clone(),
        before: find(&before, key),
        now: find(&now, key),
    });
    Ok(changes
        .filter(|change| change.before != change.now)
        .collect())
}

/// All keys and values; tables and lists are taken apart.
fn flat(config: &Config) -> Result<Vec<(String, Value)>> {
    let table = toml::Table::try_from(config).context("the config cannot be written down")?;
    let mut all = Vec::new();
    take_apart("", Value::Table(table), &mut all);
    Ok(all)
}

fn take_apart(key: &str, value: Value, into: &mut Vec<(String, Value)>) {
    let below = |name: &str| match key {
        "" => name.to_owned(),
        key => format!("{key}.{name}"),
    };
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                take_apart(&below(&name), value, into);
            }
        }
        Value::Array(list) => {
            for (place, value) in list.into_iter().enumerate() {
                take_apart(&below(&place.to_string()), value, into);
            }
        }
        value => into.push((key.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests;

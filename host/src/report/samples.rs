//! Responses of a run's updates, as `samples.jsonl` has them, and those that say most of them all.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::lines;

/// One response.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The update, from 0.
    pub update: u64,
    /// The prompt.
    pub query: String,
    /// What the policy wrote, cut where the task says that it ends.
    pub response: String,
    /// What it is worth, penalty and shapers included.
    pub score: Option<f64>,
    /// Sum of log-ratios to the reference, in nats.
    pub kl: Option<f64>,
    /// Whether the task calls it valid.
    #[serde(default)]
    pub valid: bool,
    /// Why a plugin failed on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What each source and shaper gave, before weights; empty in files of earlier versions.
    #[serde(default)]
    pub parts: Vec<(String, Option<f64>)>,
    /// The text of each token and what it adds to the KL; empty in files of earlier versions.
    #[serde(default)]
    pub tokens: Vec<(String, Option<f64>)>,
}

/// All of the last `updates` updates, oldest first. Of a long file only its end is read.
///
/// # Errors
/// The file cannot be read.
pub fn last(path: &Path, updates: usize) -> Result<Vec<Sample>> {
    let update = |value: &serde_json::Value| value["update"].as_u64();
    let found = lines::from_end(path, |values| {
        let known: BTreeSet<Option<u64>> = values.iter().map(update).collect();
        // Of the first of them lines may be missing.
        known.len() > updates
    })?;
    let samples: Vec<Sample> = found
        .into_iter()
        .filter_map(|value| serde_json::from_value(value).ok())
        .collect();
    let known: BTreeSet<u64> = samples.iter().map(|sample| sample.update).collect();
    let first = known.iter().rev().nth(updates.saturating_sub(1)).copied();
    let is_late = |sample: &Sample| updates > 0 && first.is_none_or(|first| sample.update >= first);
    Ok(samples.into_iter().filter(is_late).collect())
}

/// A response and the line of the file that it stands in, from 0.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) line: usize,
    pub(super) sample: Sample,
}

/// What is shown of all samples.
#[derive(Debug, Clone, Default)]
pub(super) struct Extremes {
    /// Those of the highest score, best first.
    pub(super) rewarded: Vec<Found>,
    /// Those of the lowest, worst first.
    pub(super) penalised: Vec<Found>,
    /// The farthest from the reference, farthest first.
    pub(super) moved: Vec<Found>,
    /// Those of the last update.
    pub(super) newest: Vec<Found>,
}

impl Extremes {
    /// `count` of each kind; a text that was shown among those of one kind is not shown there again.
    pub(super) fn read(path: &Path, count: usize) -> Result<Extremes> {
        let bytes = lines::whole(path)?;
        let mut found = Extremes::default();
        for (line, sample) in lines::values::<Sample>(&bytes) {
            let one = Found { line, sample };
            let score = |one: &Found| one.sample.score;
            keep(&mut found.rewarded, &one, count, score);
            keep(&mut found.penalised, &one, count, |one| Some(-score(one)?));
            keep(&mut found.moved, &one, count, |one| one.sample.kl);
            if found
                .newest
                .first()
                .is_some_and(|last| last.sample.update != one.sample.update)
            {
                found.newest.clear();
            }
            found.newest.push(one);
        }
        found.newest.truncate(count);
        Ok(found)
    }
}

/// Puts one into the list of the `count` that have most, most first, the earlier first among equals.
fn keep(list: &mut Vec<Found>, one: &Found, count: usize, most: impl Fn(&Found) -> Option<f64>) {
    let Some(value) = most(one).filter(|value| value.is_finite()) else {
        return;
    };
    let worth = |other: &Found| most(other).unwrap_or(f64::NEG_INFINITY);
    let same = |other: &Found| {
        other.sample.response == one.sample.response && other.sample.query == one.sample.query
    };
    if let Some(at) = list.iter().position(same) {
        if worth(&list[at]) >= value {
            return;
        }
        list.remove(at);
    }
    let place = list.partition_point(|other| worth(other) >= value);
    if place < count {
        list.insert(place, one.clone());
        list.truncate(count);
    }
}

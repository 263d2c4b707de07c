//! Compares the training of reward models: optimizer steps on comparisons that share their query and on
//! some that share nothing. It knows who is compared, by which command lines and in which order; what the
//! numbers mean is in `report`.

mod labels;
mod report;

use std::process::Command;

use anyhow::Result;

use super::steps::{self, Choice, Compared, Who};
use super::{Setting, word};
use crate::step::step;

/// The training that is timed.
const RECIPE: &str = "examples/bench/reward.toml";
/// The same of the peer.
const SCRIPT: &str = "scripts/peer_reward_bench.py";
/// Which part of the record is ours to write.
const SECTION: &str = "reward-bench";
/// What both train on, and how much of it in a step: as the recipe says.
const COMPARISONS: usize = 4096;
const BATCH: usize = 32;
const STEPS: usize = COMPARISONS.div_ceil(BATCH);

/// What comparisons are made of, in tokens.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// What the four passages of a comparison share.
    query: usize,
    /// Each one's own.
    response: usize,
}

/// What people and models are asked about: answers to one query. 64 tokens a passage.
const SHARED: Shape = Shape {
    query: 40,
    response: 24,
};
/// Texts that have nothing in common. 64 tokens a passage.
const OWN: Shape = Shape {
    query: 0,
    response: 64,
};

impl Shape {
    fn title(self) -> String {
        match self.query {
            0 => "nothing shared".to_owned(),
            query => format!("{query} of {} tokens shared", query + self.response),
        }
    }
}

/// The program that makes steps of a shape.
fn command(who: Who, setting: &Setting, shape: Shape, choice: &Choice) -> Result<Command> {
    if who == Who::Ours {
        return ours(setting, shape);
    }
    let mut command = peer(setting, shape)?;
    command.args(["--at-a-time", &choice.at_a_time.to_string()]);
    Ok(command)
}

fn ours(setting: &Setting, shape: Shape) -> Result<Command> {
    let labels = labels::file(setting.layout, shape);
    let mut command = Command::new(setting.layout.host_binary());
    command
        .current_dir(setting.layout.root())
        .args(["bench", RECIPE, "--reward"])
        .arg(format!("--set=run.threads={}", setting.threads))
        .arg(format!("--set=model.path={}", word(&setting.model)?))
        // JSON's texts are TOML's, too.
        .arg(format!(
            "--set=reward.train={}",
            serde_json::json!([word(&labels)?])
        ));
    Ok(command)
}

fn peer(setting: &Setting, shape: Shape) -> Result<Command> {
    let labels = labels::file(setting.layout, shape);
    let mut command = Command::new(&setting.python);
    command
        .current_dir(setting.layout.root())
        .args([SCRIPT, word(&setting.model)?])
        .args(["--labels", word(&labels)?])
        .args(["--threads", &setting.threads.to_string()])
        .env("HF_HUB_OFFLINE", "1");
    Ok(command)
}

/// Times steps in both shapes or, for the whole job, makes all of them.
pub(super) fn run(setting: &Setting, whole_job: bool) -> Result<()> {
    for shape in [SHARED, OWN] {
        labels::ensure(setting, shape)?;
    }
    // One answer for both shapes, which are the same to the peer.
    let choice = step("how the peer is fastest", || {
        steps::choose(setting, peer(setting, OWN)?, report::PEER)
    })?;
    let compared = [SHARED, OWN]
        .map(|shape| compare(setting, shape, &choice, whole_job))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let how = match whole_job {
        true => "--whole-job".to_owned(),
        false => format!("--rounds {}", setting.rounds),
    };
    let versions = compared[0].versions()?;
    setting.conclude(
        SECTION,
        &format!("--only reward {how}"),
        &versions,
        &report::render(&compared, &choice, whole_job)?,
    )
}

/// Lets each contender make steps, in turn: a warm-up and some rounds more, or all.
fn compare(setting: &Setting, shape: Shape, choice: &Choice, whole_job: bool) -> Result<Compared> {
    let (who, rounds) = match whole_job {
        true => (vec![Who::Ours, Who::Peer], STEPS),
        false => (vec![Who::Ours, Who::Peer, Who::PeerTuned], setting.rounds),
    };
    let contenders = who.into_iter();
    let contenders = contenders.map(|who| Ok((who, command(who, setting, shape, choice)?)));
    steps::compare(
        setting,
        ("reward model", shape.title()),
        contenders.collect::<Result<_>>()?,
        (rounds, !whole_job),
    )
}

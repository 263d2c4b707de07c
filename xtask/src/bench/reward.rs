//! Compares the training of reward models: optimizer steps on comparisons that share their query and on
//! some that share nothing. It knows who is compared, by which command lines and in which order; what the
//! numbers mean is in `report`.

mod labels;
mod measurement;
mod report;

use std::process::Command;

use anyhow::{Context, Result};

use super::server::{Server, interleave, isolate};
use super::{Setting, word};
use crate::step::{capture, step};
use measurement::{Choice, Compared, Row};

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
/// Rounds over the sizes of which the peer's best is chosen.
const ROUNDS_OF_CHOICE: usize = 3;

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

/// One of the compared programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Ours,
    Peer,
    /// With its allocator tuned from outside.
    PeerTuned,
}

impl Who {
    fn label(self) -> &'static str {
        match self {
            Who::Ours => "attune",
            Who::Peer => "PyTorch + transformers",
            Who::PeerTuned => "PyTorch + transformers, tuned malloc",
        }
    }

    fn command(self, setting: &Setting, shape: Shape, choice: &Choice) -> Result<Command> {
        let mut command = match self {
            Who::Ours => ours(setting, shape)?,
            Who::Peer | Who::PeerTuned => {
                let mut command = peer(setting, shape)?;
                command.args(["--at-a-time", &choice.at_a_time.to_string()]);
                command
            }
        };
        command.arg("--serve");
        isolate(&mut command, self == Who::PeerTuned);
        Ok(command)
    }
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
    let choice = choose(setting)?;
    let compared = [SHARED, OWN]
        .map(|shape| compare(setting, shape, &choice, whole_job))
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let how = match whole_job {
        true => "--whole-job".to_owned(),
        false => format!("--rounds {}", setting.rounds),
    };
    let versions = format!(
        "attune {}; {}",
        compared[0].row(Who::Ours)?.version,
        compared[0].row(Who::Peer)?.version
    );
    setting.conclude(
        SECTION,
        &format!("--only reward {how}"),
        &versions,
        &report::render(&compared, &choice, whole_job)?,
    )
}

/// Asks the peer how much of a step it had better take at a time. One answer for both shapes, which are
/// the same to it.
fn choose(setting: &Setting) -> Result<Choice> {
    step("how the peer is fastest", || {
        let rounds = match setting.quick {
            true => 1,
            false => ROUNDS_OF_CHOICE,
        };
        let mut command = peer(setting, OWN)?;
        command.args(["--choose", "--rounds", &rounds.to_string()]);
        isolate(&mut command, false);
        let said = capture(&mut command)?;
        let choice = Choice::parse(said.lines().last().context("the peer said nothing")?)?;
        println!("    {}", choice.describe());
        Ok(choice)
    })
}

/// Starts the contenders and lets each make steps, in turn: a warm-up and `rounds` more, or all.
fn compare(setting: &Setting, shape: Shape, choice: &Choice, whole_job: bool) -> Result<Compared> {
    let (who, rounds) = match whole_job {
        true => (vec![Who::Ours, Who::Peer], STEPS),
        false => (vec![Who::Ours, Who::Peer, Who::PeerTuned], setting.rounds),
    };
    let headline = format!(
        "reward model, {}: {rounds} rounds of {}",
        shape.title(),
        who.len()
    );
    step(&headline, || {
        let mut servers = Vec::new();
        for who in &who {
            let command = who.command(setting, shape, choice)?;
            let label = who.label().to_owned();
            servers.push(Server::start(label, command, setting.threads)?);
        }
        let steps = interleave(&mut servers, rounds, !whole_job)?;
        let rows = who.iter().zip(&servers).zip(steps);
        Ok(Compared {
            shape,
            rows: rows
                .map(|((who, server), steps)| Row {
                    who: *who,
                    version: server.version().to_owned(),
                    steps,
                })
                .collect(),
        })
    })
}

//! Whose updates are timed, and by which command lines. It judges nothing.

use std::process::Command;

use anyhow::Result;

use super::server::isolate;
use super::{Setting, word};

/// The update that is timed.
const RECIPE: &str = "examples/bench/update.toml";

/// One of the compared programs, in one configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contender {
    /// The peer, or us.
    peer: bool,
    /// Whether only the top blocks are trained.
    top: bool,
    /// Whether the allocator is tuned from outside.
    tuned: bool,
}

/// Blocks that are trained when not all are.
const TOP_LAYERS: usize = 10;

pub(super) const OURS: Contender = Contender {
    peer: false,
    top: false,
    tuned: false,
};
pub(super) const PEER: Contender = Contender { peer: true, ..OURS };
pub(super) const PEER_TUNED: Contender = Contender {
    tuned: true,
    ..PEER
};
pub(super) const OURS_TOP: Contender = Contender { top: true, ..OURS };
pub(super) const PEER_TOP: Contender = Contender { top: true, ..PEER };
pub(super) const PEER_TOP_TUNED: Contender = Contender {
    tuned: true,
    ..PEER_TOP
};

/// Compared while everything is trained.
pub(super) const FULL: [Contender; 3] = [OURS, PEER, PEER_TUNED];
/// Compared while the top blocks are trained; the peer's full update is there for its ratio.
pub(super) const TOP: [Contender; 4] = [OURS_TOP, PEER, PEER_TOP, PEER_TOP_TUNED];

impl Contender {
    /// What a table calls it.
    pub(super) fn label(self) -> String {
        let who = if self.peer {
            "PyTorch + transformers"
        } else {
            "attune"
        };
        let what = if self.top { "top 10" } else { "full" };
        let how = if self.tuned { ", tuned malloc" } else { "" };
        format!("{who}, {what}{how}")
    }

    /// The process that makes its updates.
    pub(super) fn command(self, setting: &Setting) -> Result<Command> {
        let mut command = if self.peer {
            peer(setting, self.top)?
        } else {
            attune(setting, self.top)
        };
        command.arg("--serve");
        isolate(&mut command, self.tuned);
        Ok(command)
    }
}

/// `attune bench` on the recipe.
pub(super) fn attune(setting: &Setting, top: bool) -> Command {
    let mut command = Command::new(setting.layout.host_binary());
    command
        .current_dir(setting.layout.root())
        .args(["bench", RECIPE])
        .arg("--set")
        .arg(format!("run.threads={}", setting.threads))
        .arg("--set")
        .arg(format!("model.path={}", setting.model.display()));
    if top {
        command.arg(format!("--set=model.trainable_layers={TOP_LAYERS}"));
    }
    command
}

fn peer(setting: &Setting, top: bool) -> Result<Command> {
    let data = setting.layout.data();
    let mut command = Command::new(&setting.python);
    command
        .current_dir(setting.layout.root())
        .args(["scripts/peer_bench.py", word(&setting.model)?])
        .args(["--data", word(&data.join("movie_reviews.train.jsonl"))?])
        .args(["--lexicon", word(&data.join("lexicon.txt"))?])
        .args(["--threads", &setting.threads.to_string()])
        .env("HF_HUB_OFFLINE", "1");
    if top {
        command.args(["--trainable-layers", &TOP_LAYERS.to_string()]);
    }
    Ok(command)
}

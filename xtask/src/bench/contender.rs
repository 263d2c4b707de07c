//! Who is timed, and the process behind each: a line in asks for an update, a line out has its times.
//! It knows command lines and environments; it judges nothing.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::measurement::Measurement;
use super::{RECIPE, Setting, word};

/// What glibc's allocator is told for the peer when it is "tuned": huge pages, nothing given back.
const TUNABLES: &str = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:\
                        glibc.malloc.trim_threshold=2147483647";

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

    fn command(self, setting: &Setting) -> Result<Command> {
        let mut command = if self.peer {
            peer(setting, self.top)?
        } else {
            attune(setting, self.top)
        };
        command.arg("--serve");
        // As it comes, whatever the caller's shell exports.
        for name in ["GLIBC_TUNABLES", "OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
            command.env_remove(name);
        }
        if self.tuned {
            command.env("GLIBC_TUNABLES", TUNABLES);
        }
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

/// A contender's process.
pub(super) struct Server {
    contender: Contender,
    version: String,
    child: Child,
    /// Dropped first, so that the process ends by itself.
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts the process and waits until its model is loaded.
    pub(super) fn start(contender: &Contender, setting: &Setting) -> Result<Self> {
        let mut child = contender
            .command(setting)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", contender.label()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("a process has no output")?;
        let mut server = Self {
            contender: *contender,
            version: String::new(),
            child,
            stdin,
            lines: BufReader::new(stdout).lines(),
        };
        let ready = server.answer()?;
        server.version = ready["version"].as_str().unwrap_or("?").to_owned();
        let threads = ready["threads"].as_u64();
        if threads != Some(setting.threads as u64) {
            bail!(
                "{} has {threads:?} threads, expected {}",
                contender.label(),
                setting.threads
            );
        }
        Ok(server)
    }

    /// Has it make one update.
    pub(super) fn round(&mut self) -> Result<Measurement> {
        let label = self.label();
        let stdin = self.stdin.as_mut().context("the process was ended")?;
        writeln!(stdin)
            .and_then(|()| stdin.flush())
            .with_context(|| format!("{label} has stopped; see above what it said"))?;
        Measurement::parse(&self.answer()?)
    }

    fn answer(&mut self) -> Result<Value> {
        let label = self.label();
        let line = self
            .lines
            .next()
            .with_context(|| format!("{label} has stopped; see above what it said"))?
            .with_context(|| format!("cannot read what {label} says"))?;
        serde_json::from_str(&line).with_context(|| format!("{label} said `{line}`"))
    }

    pub(super) fn contender(&self) -> Contender {
        self.contender
    }

    pub(super) fn label(&self) -> String {
        self.contender.label()
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // End of input is a request to end; a process in an update it will not finish is killed.
        self.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

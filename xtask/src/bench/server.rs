//! The process behind a contender: a line in asks for a round, a line out says what it took. It knows
//! the lines and the environment; it knows neither what is timed nor what it means.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What glibc's allocator is told for the peer when it is "tuned": huge pages, nothing given back.
const TUNABLES: &str = "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=1073741824:\
                        glibc.malloc.trim_threshold=2147483647";

/// What a round has measured.
pub(super) trait Round: Sized {
    /// Reads a line of a contender.
    fn parse(line: &Value) -> Result<Self>;
    /// In short, for who waits.
    fn shown(&self) -> String;
}

/// A command as it comes, whatever the caller's shell exports, but for its allocator.
pub(super) fn isolate(command: &mut Command, tuned: bool) {
    for name in ["GLIBC_TUNABLES", "OMP_NUM_THREADS", "MKL_NUM_THREADS"] {
        command.env_remove(name);
    }
    if tuned {
        command.env("GLIBC_TUNABLES", TUNABLES);
    }
}

/// A contender's process.
pub(super) struct Server {
    label: String,
    version: String,
    child: Child,
    /// Dropped first, so that the process ends by itself.
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts the process and waits until its model is loaded.
    pub(super) fn start(label: String, mut command: Command, threads: usize) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {label}"))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("a process has no output")?;
        let mut server = Self {
            label,
            version: String::new(),
            child,
            stdin,
            lines: BufReader::new(stdout).lines(),
        };
        let ready = server.answer()?;
        server.version = ready["version"].as_str().unwrap_or("?").to_owned();
        let found = ready["threads"].as_u64();
        if found != Some(threads as u64) {
            bail!("{} has {found:?} threads, expected {threads}", server.label);
        }
        Ok(server)
    }

    /// Has it make one round.
    fn round(&mut self) -> Result<Value> {
        let stdin = self.stdin.as_mut().context("the process was ended")?;
        let asked = writeln!(stdin).and_then(|()| stdin.flush());
        asked.with_context(|| format!("{} has stopped; see above what it said", self.label))?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Value> {
        let label = &self.label;
        let line = self
            .lines
            .next()
            .with_context(|| format!("{label} has stopped; see above what it said"))?
            .with_context(|| format!("cannot read what {label} says"))?;
        serde_json::from_str(&line).with_context(|| format!("{label} said `{line}`"))
    }

    /// What it said that it is.
    pub(super) fn version(&self) -> &str {
        &self.version
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // End of input is a request to end; a process in a round it will not finish is killed.
        self.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets each server make `rounds` rounds, in turn, after one that does not count if there is a
/// `warm_up`. What they measured, server by server.
pub(super) fn interleave<R: Round>(
    servers: &mut [Server],
    rounds: usize,
    warm_up: bool,
) -> Result<Vec<Vec<R>>> {
    let mut rows: Vec<Vec<R>> = servers.iter().map(|_| Vec::new()).collect();
    for round in usize::from(!warm_up)..=rounds {
        for (server, row) in servers.iter_mut().zip(&mut rows) {
            let measured = R::parse(&server.round()?)?;
            let when = match round {
                0 => "warm-up".to_owned(),
                n => format!("round {n}/{rounds}"),
            };
            println!("    {when:<13} {:<44} {}", server.label, measured.shown());
            // The warm-up's peak counts, its times do not.
            if round > 0 {
                row.push(measured);
            }
        }
    }
    Ok(rows)
}

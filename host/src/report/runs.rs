//! Which runs there are, and how each of them stands. Looking at a run never disturbs it: nothing is written, and
//! nothing is kept open.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::Value;

use super::lines;
use crate::digest;
use crate::run_dir::RunDir;
use crate::terminal::Line;

/// Where runs are looked for where none is named.
const USUAL: &str = "runs";
/// The folder of what a comparison was made of, in a run directory; no run, though its config lies there too.
const COMPARISON: &str = "comparison";
/// How deep the parts of an experiment lie.
const DEEPEST: usize = 3;
/// Digits of a hash that tell runs apart.
const SHORT: usize = 16;

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A process trains there.
    Running,
    /// Nobody does, and something is left to do.
    Stopped,
    /// Nothing is left to do.
    Done,
}

impl State {
    /// In a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Stopped => "stopped",
            State::Done => "done",
        }
    }
}

/// A run, as a list has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRef {
    /// Stays the same as long as the directory does.
    pub id: String,
    /// The run directory.
    #[serde(skip)]
    pub dir: PathBuf,
    /// What people call it: its directory and, where it is a part, those above up to the experiment's.
    pub name: String,
    /// The name of its directory alone.
    pub dir_name: String,
    /// `policy`, `sft`, `reward model`, `experiment` or `comparison`.
    pub stage: &'static str,
    /// Whether it goes on.
    pub state: State,
    /// Updates, or optimizer steps, that it has made.
    pub update: u64,
    /// How many it will have made, where its config says that.
    pub updates: Option<u64>,
    /// When it was begun, in seconds since 1970.
    pub started: Option<u64>,
    /// Alarms that hold.
    pub alarms: usize,
}

/// All runs at and below `paths`, parts after what they are parts of; of `runs/` where none are named.
///
/// # Errors
/// A path is neither a run directory nor a folder with some.
pub fn runs(paths: &[PathBuf]) -> Result<Vec<RunRef>> {
    let usual = PathBuf::from(USUAL);
    let paths: &[PathBuf] = match paths {
        [] if !usual.is_dir() => return Ok(Vec::new()),
        [] => std::slice::from_ref(&usual),
        _ => paths,
    };
    let mut found: Vec<RunRef> = Vec::new();
    for path in paths {
        let here = below(path, "");
        if here.is_empty() && *path != usual {
            bail!(
                "`{0}` is no run directory, and there is none in it\nhint: name a directory that `attune run` or \
                 `attune train` made; it has a config.toml",
                Line(path.display())
            );
        }
        for run in here {
            if !found.iter().any(|known| known.id == run.id) {
                found.push(run);
            }
        }
    }
    Ok(found)
}

/// The run at `dir` and its parts; where there is none, those in its folders.
fn below(dir: &Path, above: &str) -> Vec<RunRef> {
    if !is_run(dir) {
        let folders = folders(dir).into_iter();
        return folders
            .filter(|dir| is_run(dir))
            .flat_map(|dir| tree(&dir, above, 0))
            .collect();
    }
    tree(dir, above, 0)
}

fn tree(dir: &Path, above: &str, depth: usize) -> Vec<RunRef> {
    let own = RunRef::named(dir, above);
    let name = own.name.clone();
    let mut all = vec![own];
    if depth < DEEPEST {
        let parts = parts(dir).into_iter();
        all.extend(parts.flat_map(|part| tree(&part, &name, depth + 1)));
    }
    all
}

fn is_run(dir: &Path) -> bool {
    // What `attune eval` alone has made has no config of its own.
    ["config.toml", "eval.json"]
        .iter()
        .any(|file| dir.join(file).is_file())
}

/// The parts of an experiment, by name.
fn parts(dir: &Path) -> Vec<PathBuf> {
    let mut parts = folders(dir);
    parts.retain(|part| is_run(part) && !part.ends_with(COMPARISON));
    parts
}

/// The folders in a folder, by name.
fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}

impl RunRef {
    /// The run of a directory.
    ///
    /// # Errors
    /// There is none.
    pub fn at(dir: &Path) -> Result<RunRef> {
        if !is_run(dir) {
            bail!(
                "`{}` is no run directory: it has neither config.toml nor eval.json\nhint: name one that `attune run`, \
                 `attune train` or `attune eval` made",
                Line(dir.display())
            );
        }
        Ok(RunRef::named(dir, ""))
    }

    /// The same as it is now.
    #[must_use]
    pub fn now(&self) -> RunRef {
        let now = RunRef::named(&self.dir, "");
        RunRef {
            name: self.name.clone(),
            ..now
        }
    }

    fn named(dir: &Path, above: &str) -> RunRef {
        let whole = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
        let last = whole.file_name().unwrap_or(whole.as_os_str());
        let dir_name = last.to_string_lossy().into_owned();
        let run_dir = RunDir::at(dir);
        let text = std::fs::read_to_string(config(&run_dir)).unwrap_or_default();
        let table: toml::Table = text.parse().unwrap_or_default();
        let stage = stage(&run_dir, &table);
        let updates = (stage == "policy").then(|| planned(&table)).flatten();
        let mut id = digest::of_bytes(whole.as_os_str().as_encoded_bytes());
        id.truncate(SHORT);
        RunRef {
            id,
            name: match above {
                "" => dir_name.clone(),
                above => format!("{above}/{dir_name}"),
            },
            dir_name,
            stage,
            state: state(&run_dir, stage, &table),
            update: made(&run_dir),
            updates,
            started: started(&run_dir),
            alarms: holding(&alarms(&run_dir)),
            dir: dir.to_owned(),
        }
    }
}

/// The config of a run or, where there was but a comparison, of that.
pub(super) fn config(run_dir: &RunDir) -> PathBuf {
    let own = run_dir.config();
    match own.is_file() {
        true => own,
        false => run_dir.root().join(COMPARISON).join("config.toml"),
    }
}

/// What is done there, by what has been done, and else by what the config asks for.
fn stage(run_dir: &RunDir, config: &toml::Table) -> &'static str {
    let first = first_line(&run_dir.metrics());
    let has = |prefix: &str| {
        let line = first.as_ref().and_then(Value::as_object);
        line.is_some_and(|line| line.keys().any(|key| key.starts_with(prefix)))
    };
    let asks = |section: &str| config.contains_key(section);
    match () {
        () if has("objective/") => "policy",
        () if has("reward/") => "reward model",
        () if has("sft/") => "sft",
        () if run_dir.eval().join("before.json").is_file() => "policy",
        () if !parts(run_dir.root()).is_empty() => "experiment",
        () if run_dir.root().join("eval.json").is_file() => "comparison",
        () if ["part", "collect", "study"].into_iter().any(asks) => "experiment",
        () if asks("reward") => "reward model",
        () if asks("sft") && !asks("labeler") => "sft",
        () => "policy",
    }
}

/// The first line of a file, without reading more of it than that takes.
fn first_line(path: &Path) -> Option<Value> {
    use std::io::BufRead;
    let mut line = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    std::io::BufReader::new(file)
        .read_until(b'\n', &mut line)
        .ok()?;
    serde_json::from_slice(&line).ok()
}

fn state(run_dir: &RunDir, stage: &str, config: &toml::Table) -> State {
    if run_dir.is_locked() {
        return State::Running;
    }
    let there = |name: &str| run_dir.root().join(name).is_file();
    let done = match stage {
        "policy" => there("eval/after.json") && there("policy/model.safetensors"),
        "sft" | "reward model" => run_dir.report().is_file(),
        "comparison" => there("eval.json"),
        _ if config.contains_key("compare") => there("eval.json"),
        _ => {
            let parts = parts(run_dir.root());
            let is_done = |dir: &PathBuf| RunRef::named(dir, "").state == State::Done;
            !parts.is_empty() && all_begun(run_dir, config) && parts.iter().all(is_done)
        }
    };
    match done {
        true => State::Done,
        false => State::Stopped,
    }
}

/// Whether all parts that the config names are there; and the policy, which comes after its reward models.
fn all_begun(run_dir: &RunDir, config: &toml::Table) -> bool {
    let parts = config.get("part").and_then(toml::Value::as_array);
    let names = parts
        .into_iter()
        .flatten()
        .filter_map(|part| part.get("name")?.as_str());
    let mut names: Vec<&str> = names.collect();
    let has_policy = config.contains_key("task");
    if names.is_empty() && has_policy {
        names.push("policy");
    }
    names.iter().all(|name| is_run(&run_dir.root().join(name)))
}

/// Updates of a policy, as its config plans them.
fn planned(config: &toml::Table) -> Option<u64> {
    let number = |key: &str| u64::try_from(config.get("ppo")?.get(key)?.as_integer()?).ok();
    let batch = number("batch_size").filter(|batch| *batch > 0)?;
    Some(number("total_episodes")?.div_ceil(batch))
}

/// Updates in the metrics, by their last line.
fn made(run_dir: &RunDir) -> u64 {
    let last = lines::from_end(&run_dir.metrics(), |lines| !lines.is_empty());
    let last = last
        .ok()
        .and_then(|lines| lines.last()?.get("update")?.as_u64());
    last.map_or(0, |update| update + 1)
}

/// When the first file of a run was made: its inputs or its config, which are written once.
fn started(run_dir: &RunDir) -> Option<u64> {
    let files = [
        run_dir.held(),
        run_dir.config(),
        run_dir.root().join("eval.json"),
    ];
    let times = files.iter().filter_map(|path| {
        let time = path.metadata().ok()?.modified().ok()?;
        Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
    });
    times.min()
}

/// What alarms the run has told of, oldest first, as `events.jsonl` has them.
pub(super) fn alarms(run_dir: &RunDir) -> Vec<Value> {
    let bytes = lines::whole(&run_dir.events()).unwrap_or_default();
    let events = lines::values::<Value>(&bytes).map(|(_, event)| event);
    events.filter(|event| event["event"] == "alarm").collect()
}

/// How many of them began and are not over.
fn holding(alarms: &[Value]) -> usize {
    let mut holding: Vec<&str> = Vec::new();
    for alarm in alarms {
        let Some(name) = alarm["alarm"].as_str() else {
            continue;
        };
        holding.retain(|known| *known != name);
        if alarm["state"] == "begins" {
            holding.push(name);
        }
    }
    holding.len()
}

//! What a run directory holds, as plain data: whatever was trained there, whichever version did it, and while it is
//! still written to. What is not there is none.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;

use super::metrics::Metrics;
use super::runs::{self, RunRef, State};
use crate::run_dir::RunDir;

/// Updates of which the time of one is told.
const LATELY: usize = 10;

/// A run, for who watches it.
#[derive(Debug, Clone, Serialize)]
pub struct Header {
    /// As in [`RunRef`].
    pub id: String,
    /// As in [`RunRef`].
    pub name: String,
    /// As in [`RunRef`].
    pub dir_name: String,
    /// As in [`RunRef`].
    pub stage: &'static str,
    /// As in [`RunRef`].
    pub state: State,
    /// The resolved config, as TOML.
    pub config: String,
    /// Versions, hashes and device; null where the run has none.
    pub manifest: Value,
    /// Updates that it has made.
    pub update: u64,
    /// How many it will have made.
    pub updates: Option<u64>,
    /// As in [`RunRef`].
    pub started: Option<u64>,
    /// Seconds until the last update, by those lately; none where nobody trains or nobody knows how many are to come.
    pub eta_seconds: Option<f64>,
    /// The names of all numbers of its metrics.
    pub keys: Vec<String>,
    /// Who plays.
    pub plugins: Vec<Plugin>,
    /// Seconds that all plugins together took in the last update.
    pub plugin_seconds: Option<f64>,
    /// The share of rows that a plugin failed on, in the last update.
    pub error_rate: Option<f64>,
    /// Labels of an experiment that collects them; none here, since a store is not read.
    pub labels: Option<Labels>,
    /// What alarms began and ended, oldest first, as `events.jsonl` has them.
    pub alarms: Vec<Value>,
}

/// A plugin of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Plugin {
    /// Name that it gives itself.
    pub name: String,
    /// Version that it gives itself.
    pub version: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// What it plays: `task`, `labeler`, `shaper` or `measure`.
    pub kind: &'static str,
    /// Whether it ran natively, where no sandbox held it.
    pub unsandboxed: bool,
    /// Milliseconds of an update; only where no other plugin plays, since runs tell the time of all together.
    pub ms: Option<f64>,
    /// The share of rows that it failed on; only where no other plugin plays.
    pub errors: Option<f64>,
}

/// How many labels there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Labels {
    /// Asked for by now.
    pub due: u64,
    /// Given.
    pub given: u64,
}

impl Header {
    /// Reads what a run directory says of itself.
    ///
    /// # Errors
    /// A file of it cannot be read.
    pub fn read(run: &RunRef) -> Result<Header> {
        let metrics = Metrics::read(&RunDir::at(&run.dir).metrics())?;
        Ok(Header::of(run, &metrics))
    }

    fn of(run: &RunRef, metrics: &Metrics) -> Header {
        let run_dir = RunDir::at(&run.dir);
        let config = std::fs::read_to_string(runs::config(&run_dir)).unwrap_or_default();
        let manifest = json(&run_dir.manifest()).unwrap_or(Value::Null);
        let (seconds, errors) = (
            metrics.last("time/plugins"),
            metrics.last("plugins/error_rate"),
        );
        let mut plugins = plugins(&manifest, &config.parse().unwrap_or_default());
        if let [only] = plugins.as_mut_slice() {
            only.ms = seconds.map(|seconds| 1e3 * seconds);
            only.errors = errors;
        }
        Header {
            id: run.id.clone(),
            name: run.name.clone(),
            dir_name: run.dir_name.clone(),
            stage: run.stage,
            state: run.state,
            config,
            manifest,
            update: run.update,
            updates: run.updates,
            started: run.started,
            eta_seconds: eta(run, metrics),
            keys: metrics.keys().to_vec(),
            plugins,
            plugin_seconds: seconds,
            error_rate: errors,
            labels: None,
            alarms: runs::alarms(&run_dir),
        }
    }
}

/// All that a run directory holds.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// What it says of itself.
    pub header: Header,
    /// Its numbers, update by update.
    #[serde(skip)]
    pub metrics: Metrics,
    /// The answers to held-out queries before the first update: `eval/before.json`.
    pub before: Option<Value>,
    /// Those after the last: `eval/after.json`.
    pub after: Option<Value>,
    /// What a comparison came to: `eval.json`.
    pub eval: Option<Value>,
    /// What a reward model or a supervised policy is worth: `report.json`.
    pub report: Option<Value>,
    /// What stood at each path of the config: `inputs.json`.
    pub inputs: Option<Value>,
    /// Where it is.
    #[serde(skip)]
    pub dir: RunDir,
}

impl Run {
    /// Reads a run directory of any kind.
    ///
    /// # Errors
    /// It is none, or its metrics cannot be read.
    pub fn read(dir: &Path) -> Result<Run> {
        Run::of(&RunRef::at(dir)?)
    }

    /// Reads the directory of a run.
    ///
    /// # Errors
    /// Its metrics cannot be read.
    pub fn of(run: &RunRef) -> Result<Run> {
        let dir = RunDir::at(&run.dir);
        let metrics = Metrics::read(&dir.metrics())?;
        Ok(Run {
            header: Header::of(run, &metrics),
            before: json(&dir.eval().join("before.json")),
            after: json(&dir.eval().join("after.json")),
            eval: json(&dir.root().join("eval.json")),
            report: json(&dir.report()),
            inputs: json(&dir.held()),
            metrics,
            dir,
        })
    }
}

/// A file that is there, and is JSON. Files are replaced whole, so none is ever half there.
fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The plugins of a manifest, which has them in the order of the config: task, labeler, shapers, measures.
fn plugins(manifest: &Value, config: &toml::Table) -> Vec<Plugin> {
    let count = |value: Option<&toml::Value>| match value {
        None => 0,
        Some(value) => value.as_array().map_or(1, Vec::len),
    };
    let measures = config.get("eval").and_then(|eval| eval.get("measure"));
    let kinds = [
        ("task", count(config.get("task"))),
        ("labeler", count(config.get("labeler"))),
        ("shaper", count(config.get("shaper"))),
        ("measure", count(measures)),
    ];
    let mut kinds = kinds
        .into_iter()
        .flat_map(|(kind, count)| std::iter::repeat_n(kind, count));
    let all = manifest["plugins"].as_array().into_iter().flatten();
    let text = |plugin: &Value, key: &str| plugin[key].as_str().unwrap_or_default().to_owned();
    all.map(|plugin| Plugin {
        name: text(plugin, "name"),
        version: text(plugin, "version"),
        sha256: text(plugin, "sha256"),
        kind: kinds.next().unwrap_or("plugin"),
        unsandboxed: plugin["unsandboxed"] == true,
        ms: None,
        errors: None,
    })
    .collect()
}

/// Seconds until the last update.
fn eta(run: &RunRef, metrics: &Metrics) -> Option<f64> {
    let left = run.updates?.saturating_sub(run.update);
    let column = metrics.column("time/update")?;
    let lately = &column[column.len().saturating_sub(LATELY)..];
    let mean = lately.iter().sum::<f64>() / lately.len() as f64;
    let eta = mean * left as f64;
    (run.state == State::Running && eta.is_finite()).then_some(eta)
}

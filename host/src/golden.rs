//! Golden cases: what a plugin is asked, and what it must answer. One JSON object a line:
//!
//! ```json
//! {"name": "long answers cost", "call": "shape", "settings": {"free": 1},
//!  "rows": [{"query": "How?", "response": "like this now"}],
//!  "expect": [{"terms": {"brevity": -0.2}}]}
//! ```
//!
//! The same cases are put to a component, to its native twin, and to whatever else plays a role.
//! Does not know how a plugin is loaded.

mod answer;
mod compare;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod pure;
mod rows;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::outside;
use crate::role::{self, CallContext, CallError, Labeler, Shaper, Split, Task};

pub use answer::Question;
pub use compare::{Difference, differences, unexpected};
pub use pure::{Impurity, impurities};
pub use write::with_answers;

/// Files that are larger are a mistake.
const MAX_FILE: u64 = 64 << 20;

/// One question with its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows.
    pub name: String,
    /// Which function is called.
    pub call: Call,
    /// The plugin's settings; its defaults where they are left out.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// The plugin's files; paths are relative to the folder of the cases.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assets: BTreeMap<String, PathBuf>,
    /// Seed, update and split.
    #[serde(default, skip_serializing_if = "is_default")]
    pub context: Context,
    /// What it is called with: responses, groups of responses, or rows of data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<Value>,
    /// One answer a row. A key that is left out is not compared.
    #[serde(default)]
    pub expect: Vec<Value>,
    /// How far a number may be off, as a part of it or of 1, whichever is larger.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tolerance: f64,
    /// Numbers of the data rows, where they are not counted from 0: a part of a case has those of
    /// the whole.
    #[serde(skip)]
    numbers: Vec<u64>,
}

impl Case {
    /// The case about so many rows: its own, over and over.
    #[must_use]
    pub fn repeated(&self, rows: usize) -> Case {
        Case {
            rows: self.rows.iter().cycle().take(rows).cloned().collect(),
            ..self.clone()
        }
    }
}

/// A plugin's functions, those of all kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Call {
    /// Whether settings and files are taken: the answer is `"accepted"` or an error.
    Configure,
    /// A task's lengths.
    Layout,
    /// A task's queries of data rows.
    Queries,
    /// Where responses end.
    Finish,
    /// A task's metrics.
    Evaluate,
    /// What simple procedures would have answered.
    Baselines,
    /// A labeler's verdicts.
    Judge,
    /// A labeler's hints.
    Annotate,
    /// A shaper's terms.
    Shape,
}

impl Call {
    /// The name in a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Call::Configure => "configure",
            Call::Layout => "layout",
            Call::Queries => "queries",
            Call::Finish => "finish",
            Call::Evaluate => "evaluate",
            Call::Baselines => "baselines",
            Call::Judge => "judge",
            Call::Annotate => "annotate",
            Call::Shape => "shape",
        }
    }

    /// Whether the answer has one part a row.
    #[must_use]
    pub fn is_about_rows(self) -> bool {
        !matches!(self, Call::Configure | Call::Layout)
    }

    /// Whether rows say their own ids.
    fn has_ids(self) -> bool {
        self.is_about_rows() && self != Call::Queries
    }
}

/// What a case says of the call besides its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Context {
    /// Seed of the call.
    pub seed: u64,
    /// Number of the update.
    pub update: u64,
    /// Which part of the data.
    pub split: Split,
}

impl Default for Context {
    fn default() -> Self {
        Context {
            seed: 1,
            update: 0,
            split: Split::Train,
        }
    }
}

impl Context {
    fn call(self) -> CallContext {
        CallContext {
            seed: self.seed,
            update: self.update,
            split: self.split,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whoever answers.
pub enum Role {
    /// A task.
    Task(Box<dyn Task>),
    /// A labeler.
    Labeler(Box<dyn Labeler>),
    /// A shaper.
    Shaper(Box<dyn Shaper>),
}

impl Role {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Role::Task(_) => "task",
            Role::Labeler(_) => "labeler",
            Role::Shaper(_) => "shaper",
        }
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &role::Identity {
        match self {
            Role::Task(task) => task.identity(),
            Role::Labeler(labeler) => labeler.identity(),
            Role::Shaper(shaper) => shaper.identity(),
        }
    }
}

/// Text to token ids and back, where a case gives texts alone.
pub trait Tokens {
    /// Token ids of a text.
    fn encode(&self, text: &str) -> Vec<u32>;
    /// Token ids of a text that goes on after the tokens `before`.
    fn encode_after(&self, before: &[u32], text: &str) -> Vec<u32>;
    /// Text of token ids that go on after the tokens `before`.
    fn decode_after(&self, before: &[u32], ids: &[u32]) -> String;
}

/// Reads a file of cases.
pub fn read(path: &Path) -> Result<Vec<Case>> {
    let about = || format!("golden cases `{}`", path.display());
    let len = std::fs::metadata(path).with_context(about)?.len();
    if len > MAX_FILE {
        bail!(
            "{}: the file has {len} bytes, more than {MAX_FILE}\nhint: split it",
            about()
        );
    }
    let bytes = std::fs::read(path).with_context(about)?;
    let cases = outside::text(&bytes)
        .map_err(anyhow::Error::from)
        .and_then(parse)
        .with_context(about)?;
    if cases.is_empty() {
        bail!(
            "{}: there is no case in it\nhint: write one JSON object a line",
            about()
        );
    }
    Ok(cases)
}

/// Reads cases from text, one a line; empty lines are skipped.
pub fn parse(text: &str) -> Result<Vec<Case>> {
    let mut cases: Vec<Case> = Vec::new();
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let case = one(line).with_context(|| format!("line {}", number + 1))?;
        if cases.iter().any(|other| other.name == case.name) {
            bail!(
                "line {}: a second case is named `{}`\nhint: give each its own name",
                number + 1,
                case.name
            );
        }
        cases.push(case);
    }
    Ok(cases)
}

fn one(line: &str) -> Result<Case> {
    if !line.trim_start().starts_with('{') {
        bail!(
            "this is no JSON object\nhint: a case is one, on a line of its own; docs/plugins.md shows them"
        );
    }
    let mut reader = serde_json::Deserializer::from_str(line);
    let case: Case = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." {
            String::new()
        } else {
            format!("`{path}`: ")
        };
        anyhow::anyhow!(
            "{place}{}\nhint: docs/plugins.md shows a case of each kind",
            error.inner()
        )
    })?;
    reader
        .end()
        .context("there is more after the case\nhint: write one JSON object a line")?;
    if !case.tolerance.is_finite() || case.tolerance < 0.0 {
        bail!(
            "`tolerance`: {} is not a number from 0 up\nhint: 1e-6, for one, is near enough for sums",
            case.tolerance
        );
    }
    let wanted = if case.call.is_about_rows() {
        case.rows.len()
    } else {
        1
    };
    if !case.expect.is_empty() && case.expect.len() != wanted {
        bail!(
            "`expect` has {} answers, not {wanted}\nhint: one for each of `rows`; `attune plugin test \
             --update` writes them",
            case.expect.len()
        );
    }
    if case.call.is_about_rows() && case.rows.is_empty() {
        bail!(
            "`rows` is empty\nhint: `{}` is about rows",
            case.call.name()
        );
    }
    Ok(case)
}

/// Cases as the lines of a file.
#[must_use]
pub fn to_lines(cases: &[Case]) -> String {
    let line = |case: &Case| format!("{}\n", serde_json::json!(case));
    cases.iter().map(line).collect()
}

/// Why a case has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The case itself is at fault.
    #[error("{0}")]
    Case(String),
    /// The whole call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Makes of a case's rows what roles take.
pub fn prepare(case: &Case, tokens: &dyn Tokens) -> Result<Question, Unanswered> {
    Question::of(case, tokens)
}

/// Puts the case's rows to `role`: one answer a row.
pub fn ask(case: &Case, role: &Role, tokens: &dyn Tokens) -> Result<Vec<Value>, Unanswered> {
    prepare(case, tokens)?.ask(role)
}

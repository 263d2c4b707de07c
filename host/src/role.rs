//! The plain data that crosses between worlds, and the three roles that plugins play.
//!
//! Training, plugins and people meet here and nowhere else: a training loop cannot tell a
//! WebAssembly component from a person or from a test double. The twin of this file is the
//! contract in `sdk/wit/0.1/plugin.wit`; a field that is in one is in the other.
//!
//! What this file does not know: tensors, WebAssembly, storage, the command line.

use serde::{Deserialize, Serialize};

/// Which part of the data a call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Rows that the policy is trained on.
    Train,
    /// Rows that are looked at while training.
    Validation,
    /// Rows that are looked at once, at the end.
    Test,
}

/// Everything besides its settings and its batch that an answer may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallContext {
    /// Derived from the run's seed, the purpose of the call and the update.
    pub seed: u64,
    /// Number of the update, from 0.
    pub update: u64,
    /// Which part of the data the batch is from.
    pub split: Split,
}

/// What became of one row of a batch. An error is never a silent zero.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// The answer.
    Value(T),
    /// The row is none of this role's business: a task drops it, a labeler or shaper adds nothing; and why, where
    /// that is said.
    NotApplicable(Option<String>),
    /// The row breaks a rule of the role; the text says which.
    Invalid(String),
    /// The role failed on this row: a bug in it, a limit it ran into, a number that is not finite.
    Error(String),
}

impl<T> Outcome<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Outcome::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The same outcome around another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Value(value) => Outcome::Value(f(value)),
            Outcome::NotApplicable(why) => Outcome::NotApplicable(why),
            Outcome::Invalid(text) => Outcome::Invalid(text),
            Outcome::Error(text) => Outcome::Error(text),
        }
    }
}

/// How a task lays out the context that the policy sees: `prefix ++ padded query ++ suffix`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Queries are right-padded to this many tokens.
    pub query_len: usize,
    /// Every response has exactly this many tokens.
    pub response_len: usize,
    /// Token ids before every query; the reward never sees them.
    pub prefix: Vec<u32>,
    /// Token ids after every query; the reward never sees them.
    pub suffix: Vec<u32>,
}

/// A prompt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Query {
    /// Stable over the run: the number of the data row that it was made from.
    pub id: u64,
    /// At most `query_len` token ids, not padded.
    pub tokens: Vec<u32>,
    /// The tokens, decoded.
    pub text: String,
    /// What a person wrote for this prompt; empty when nobody did.
    pub reference: String,
    /// A JSON object of the task's own, or empty.
    pub metadata: String,
}

/// One response to one query, and what is known of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Unique within the run.
    pub id: u64,
    /// The prompt.
    pub query: Query,
    /// Token ids as sampled, or as cut by the task once it has seen them.
    pub tokens: Vec<u32>,
    /// The tokens, decoded.
    pub text: String,
    /// Log-probability of each token under the policy that sampled it; `tokens.len()` long, or empty.
    pub logprobs: Vec<f32>,
    /// Log-probability of each token under the reference policy; `tokens.len()` long, or empty.
    pub ref_logprobs: Vec<f32>,
    /// The value head's estimate before each token; `tokens.len()` long, or empty.
    pub values: Vec<f32>,
    /// The score so far, when there is one.
    pub score: Option<f32>,
}

/// Where a response ends, and whether it may be scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ending {
    /// How many tokens of the response the scorer sees.
    pub kept: usize,
    /// Whether the response obeys the task's rules.
    pub valid: bool,
    /// The score of a response that does not.
    pub penalty: f32,
}

/// Responses of a simple procedure that a task names, to compare a policy with (lead-3, for one).
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// What the procedure is called.
    pub name: String,
    /// One text for each row of the batch.
    pub responses: Vec<String>,
}

/// Some responses to one query, to be judged together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Unique within the run.
    pub id: u64,
    /// The prompt.
    pub query: Query,
    /// The responses' texts, in the order in which the judge sees them.
    pub responses: Vec<String>,
}

/// A judge's word on a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The index of the best response.
    Best(usize),
    /// The indices of the responses that are equally good and better than the rest.
    Tie(Vec<usize>),
    /// The judge would not say.
    Abstain,
}

/// A verdict, with what the judge may say besides.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Which response is best.
    pub verdict: Verdict,
    /// How sure the judge is, from 0 to 1.
    pub confidence: Option<f32>,
    /// One score for each response of the group, or none at all.
    pub scores: Vec<f32>,
}

/// Something that a person who labels should see beside a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// Which response of the group.
    pub response: usize,
    /// First byte of the passage in the response.
    pub start: usize,
    /// Byte after the passage.
    pub end: usize,
    /// What is to be said of it.
    pub note: String,
}

/// The reward terms that a shaper gives one response.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shaped {
    /// Named terms; their sum is added to the score, times the shaper's weight.
    pub terms: Vec<(String, f32)>,
    /// A reward for each token, times the shaper's weight; empty for none.
    pub per_token: Vec<f32>,
    /// One number for each metric that the plugin described; not a number where there is none.
    pub metrics: Vec<f32>,
}

impl Shaped {
    /// All that the response gets, over terms and tokens.
    #[must_use]
    pub fn sum(&self) -> f32 {
        let terms = self.terms.iter().map(|(_, value)| value);
        terms.chain(&self.per_token).sum()
    }
}

/// Why a whole call failed. What happened to single rows is in their [`Outcome`]s.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{role} `{name}`: {message}")]
pub struct CallError {
    /// `task`, `labeler` or `shaper`.
    pub role: &'static str,
    /// The plugin's or person's name.
    pub name: String,
    /// What happened.
    pub message: String,
}

/// A number that a plugin reports about each row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricDescription {
    /// Its key, after the plugin's name.
    pub name: String,
    /// What it means.
    pub help: String,
}

/// Whether a plugin is held by the sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// A component, which can do nothing but answer.
    #[default]
    Sandboxed,
    /// A shared library, which can do whatever the user can.
    Native,
}

impl Trust {
    /// Whether it is as nobody need say.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Trust::Sandboxed
    }
}

/// Who plays a role: recorded in the manifest, in checkpoints and beside every label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Name that the plugin gives itself.
    pub name: String,
    /// Version that the plugin gives itself.
    pub version: String,
    /// SHA-256 of the file's bytes, in hexadecimal; empty for what is no plugin.
    pub sha256: String,
    /// Whether it ran natively, where no sandbox held it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsandboxed: bool,
}

impl Identity {
    /// Somebody who is no plugin, such as a program that judges by itself.
    #[must_use]
    pub fn of_program(name: &str, version: &str) -> Identity {
        Identity {
            name: name.to_owned(),
            version: version.to_owned(),
            sha256: String::new(),
            unsandboxed: false,
        }
    }

    /// The version as it is kept where there is no room for more: a plugin that no sandbox held has a
    /// build tag that says so, as in `0.1.0+unsandboxed`.
    #[must_use]
    pub fn kept_version(&self) -> String {
        let tag = if self.unsandboxed { "+unsandboxed" } else { "" };
        format!("{}{tag}", self.version)
    }
}

/// Makes queries from data rows and says what a finished response is.
pub trait Task: Send + Sync {
    /// Who this is.
    fn identity(&self) -> &Identity;
    /// Names of the numbers that [`Task::evaluate`] returns, in order.
    fn metrics(&self) -> &[MetricDescription];
    /// How contexts are laid out.
    fn layout(&self) -> &Layout;
    /// Makes a query of each data row (`(row number, JSON text)`); rows that are not fit are
    /// `NotApplicable`.
    fn queries(
        &self,
        context: CallContext,
        rows: &[(u64, String)],
    ) -> Result<Vec<Outcome<Query>>, CallError>;
    /// Whether [`Task::finish`] wants more of a sample than query, text and tokens.
    fn needs_models(&self) -> bool {
        true
    }
    /// Says where each response ends and whether it is valid.
    fn finish(
        &self,
        context: CallContext,
        samples: &[Sample],
    ) -> Result<Vec<Outcome<Ending>>, CallError>;
    /// Measures finished responses by the task's own standards.
    fn evaluate(
        &self,
        context: CallContext,
        samples: &[Sample],
    ) -> Result<Vec<Outcome<Vec<f32>>>, CallError>;
    /// What simple procedures would have answered.
    fn baselines(
        &self,
        context: CallContext,
        queries: &[Query],
    ) -> Result<Vec<Baseline>, CallError>;
}

/// Judges groups of responses.
pub trait Labeler: Send + Sync {
    /// Who this is.
    fn identity(&self) -> &Identity;
    /// Judges each group.
    fn judge(
        &self,
        context: CallContext,
        groups: &[Group],
    ) -> Result<Vec<Outcome<Judgement>>, CallError>;
    /// What a person who labels should see beside the responses of each group; nothing, where a labeler
    /// does not say.
    fn annotate(
        &self,
        _context: CallContext,
        groups: &[Group],
    ) -> Result<Vec<Outcome<Vec<Hint>>>, CallError> {
        let none = |_| Outcome::NotApplicable(None);
        Ok(groups.iter().map(none).collect())
    }
}

/// Turns rollouts into reward terms.
pub trait Shaper: Send + Sync {
    /// Who this is.
    fn identity(&self) -> &Identity;
    /// Names of the numbers in [`Shaped::metrics`], in order.
    fn metrics(&self) -> &[MetricDescription];
    /// Gives each finished response its terms.
    fn shape(
        &self,
        context: CallContext,
        samples: &[Sample],
    ) -> Result<Vec<Outcome<Shaped>>, CallError>;
}

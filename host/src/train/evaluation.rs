//! What answers to held-out queries are worth, as it is kept and shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {
    /// The prompt.
    pub query: String,
    /// What the model wrote.
    pub response: String,
    /// What a person wrote; empty where nobody did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// What it is worth, penalty and shapers included.
    pub score: f32,
    /// Sum of log-ratios to the reference, in nats.
    pub kl: f32,
    /// Mean negative log-likelihood of a token under the reference, in nats.
    pub ref_nll: f32,
}

/// All answers of one model, and what can be said of them at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean score.
    pub score: f64,
    /// Standard deviation of the scores over queries (population).
    pub score_std: f64,
    /// Mean KL to the reference of a whole response, in nats.
    pub kl: f64,
    /// Perplexity of the responses under the reference, at the sampling temperature.
    pub ref_perplexity: f64,
    /// Different words over words, over all responses.
    pub distinct_1: f64,
    /// Different word pairs over word pairs, over all responses.
    pub distinct_2: f64,
    /// Share of responses that the task calls valid.
    pub valid: f64,
    /// Means of the task's own metrics, by name, over the responses that have them.
    pub task: BTreeMap<String, f64>,
    /// Means of what is measured and is no part of the reward, by the labeler's name.
    pub measured: BTreeMap<String, f64>,
    /// Means over the answers of which there is a reference: ROUGE (F1, of stems), and how much is copied from the query.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overlap: BTreeMap<String, f64>,
    /// The answers.
    pub answers: Vec<Answer>,
}

//! How a run collects labels.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which comparisons a run makes, when, and who answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Collect {
    /// The store that labels are kept in; absent for `labels.db` in the run directory.
    pub store: Option<PathBuf>,
    /// Who answers: `labeler`; `people`, in the room that `[people]` describes; or `store` when people do, elsewhere, into
    /// the store.
    pub by: String,
    /// `online`, `batch` or `offline`.
    pub mode: String,
    /// Responses of each comparison.
    pub responses: usize,
    /// Labels before the first episode.
    pub initial: u64,
    /// Labels at the end.
    pub total: u64,
    /// Reward models that are trained, the first included; absent for 20.
    pub reward_models: Option<u64>,
    /// Share of the later labels that compare two responses of the original with two of the policy.
    pub validation_share: f64,
    /// Which comparisons are made: `random`, or those that the reward model's heads disagree on.
    pub choose: String,
    /// Candidates for each comparison, when they are chosen by disagreement.
    pub candidates: u64,
    /// How a labeler errs, where it plays people.
    pub noise: Noise,
}

impl Default for Collect {
    fn default() -> Self {
        Collect {
            store: None,
            by: "labeler".into(),
            mode: "online".into(),
            responses: 4,
            initial: 500,
            total: 5000,
            reward_models: None,
            validation_share: 0.05,
            choose: "random".into(),
            candidates: 4,
            noise: Noise::default(),
        }
    }
}

impl Collect {
    /// Whether people answer, here or elsewhere.
    #[must_use]
    pub fn by_people(&self) -> bool {
        self.by != "labeler"
    }

    /// How many reward models are trained where the mode trains several.
    #[must_use]
    pub fn models(&self) -> u64 {
        self.reward_models.unwrap_or(20)
    }
}

/// How a labeler errs, where it plays people. Each is a probability.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Noise {
    /// Another response is named.
    pub flip: f64,
    /// The first response is named, whatever it is.
    pub first: f64,
    /// No response is named.
    pub abstain: f64,
    /// One for each annotator, who take turns at random: how often this one judges as the labeler does
    /// and does not guess. Empty for one who never guesses.
    pub skills: Vec<f64>,
}

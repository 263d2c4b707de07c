//! The rules by which people judge: what they are told, what they may say, and how their work is checked.

use serde::{Deserialize, Serialize};

use crate::label::{Answer, Comparison};

/// What is asked of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The best of several.
    Best,
    /// The better of two.
    Pair,
    /// All of them, from the best to the worst.
    Ranking,
    /// A number for one response.
    Rating,
}

impl Mode {
    /// What it is called in a config.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mode::Best => "best",
            Mode::Pair => "pair",
            Mode::Ranking => "ranking",
            Mode::Rating => "rating",
        }
    }
}

/// When hints of a labeler are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hints {
    /// Never.
    Off,
    /// Once the person has answered.
    After,
    /// With the responses.
    Before,
}

/// A comparison whose right answer is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Gold {
    /// What is compared.
    pub comparison: Comparison,
    /// What is right.
    pub answer: Answer,
    /// Why; shown in training alone.
    pub why: String,
}

/// How people judge, in numbers. `0` of anything that is done every so often is never.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// What stands over the page.
    pub title: String,
    /// What people are told to do, as Markdown.
    pub instructions: String,
    /// What is asked.
    pub mode: Mode,
    /// Whether several may be called equally good.
    pub ties: bool,
    /// Whether people write what a text says before they see its responses.
    pub naive: bool,
    /// Whether they are asked how sure they are.
    pub confidence: bool,
    /// Whether they are asked how much better the best is.
    pub strength: bool,
    /// Whether they may leave a note.
    pub notes: bool,
    /// When hints are shown.
    pub hints: Hints,
    /// Comparisons whose answer is known; those of training come first.
    pub gold: Vec<Gold>,
    /// One in so many comparisons is gold.
    pub gold_every: u64,
    /// One in so many was judged by the same person before.
    pub repeat_every: u64,
    /// One in so many asks for a certain response.
    pub attention_every: u64,
    /// What that response says.
    pub attention_text: String,
    /// How many of `gold` every person begins with, and is told what is right.
    pub training: usize,
    /// Share of comparisons that several people judge.
    pub overlap: f64,
    /// How many people judge those.
    pub people_per_comparison: usize,
    /// Seconds for which a comparison is kept for a person who does not answer.
    pub lease_seconds: u64,
    /// Who reads faster has not read; 0 for no such bound.
    pub characters_per_second: f64,
    /// The lowest and the highest rating.
    pub scale: (f64, f64),
    /// What may be said by who would not judge; empty for no reasons to choose from.
    pub abstain_reasons: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            title: "Which is better?".to_owned(),
            instructions: String::new(),
            mode: Mode::Best,
            ties: true,
            naive: false,
            confidence: false,
            strength: false,
            notes: true,
            hints: Hints::Off,
            gold: Vec::new(),
            gold_every: 10,
            repeat_every: 12,
            attention_every: 0,
            attention_text: "This is a check that you are reading. Choose this response."
                .to_owned(),
            training: 0,
            overlap: 0.2,
            people_per_comparison: 2,
            lease_seconds: 300,
            characters_per_second: 60.0,
            scale: (1.0, 7.0),
            abstain_reasons: Vec::new(),
        }
    }
}

impl Rules {
    /// The gold that is shown with feedback.
    pub(super) fn training(&self) -> &[Gold] {
        &self.gold[..self.training.min(self.gold.len())]
    }

    /// The gold that nobody is told of.
    pub(super) fn silent(&self) -> &[Gold] {
        &self.gold[self.training.min(self.gold.len())..]
    }

    /// Whether so many responses can be judged in the mode.
    pub(super) fn takes(&self, responses: usize) -> bool {
        match self.mode {
            Mode::Rating => responses == 1,
            Mode::Pair => responses == 2,
            Mode::Best | Mode::Ranking => responses >= 2,
        }
    }

    /// How far two ratings are apart at most that say the same: a sixth of the scale.
    pub(super) fn tolerance(&self) -> f64 {
        (self.scale.1 - self.scale.0).abs() / 6.0 + 1e-9
    }
}

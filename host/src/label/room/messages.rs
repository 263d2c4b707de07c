//! What people are shown and what they say, as a page reads and writes it. Places are those on the page; nothing here
//! says which responses a comparison has in the store, who wrote them, or why it is shown.

use serde::{Deserialize, Serialize};

use super::rules::Mode;
use crate::label::Answer;

/// Something to see beside a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// Which response.
    pub response: usize,
    /// First character of the passage in it.
    pub start: usize,
    /// Character after the passage.
    pub end: usize,
    /// What is to be said of it.
    pub note: String,
}

/// A comparison as a person sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// By which it is answered.
    pub id: String,
    /// The prompt.
    pub query: String,
    /// The responses in the person's order.
    pub responses: Vec<String>,
    /// What is asked.
    pub mode: Mode,
    /// What is to be seen before it is answered; none where nothing is shown before.
    pub hints: Option<Vec<Hint>>,
    /// What the person has said of it.
    pub earlier: Option<Answer>,
    /// Which of the person's own it is, from 1.
    pub number: u64,
    /// Whether the person is told afterwards what is right.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub training: bool,
}

/// What a person says of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The item.
    pub item: String,
    /// A name of this answer alone, by which it is kept once however often it is sent.
    pub client: String,
    /// By the places on the page.
    pub answer: Answer,
    /// Milliseconds from when the item was shown to the answer.
    pub shown_ms: u64,
    /// How often the choice was changed before it was sent.
    #[serde(default)]
    pub changes: u64,
    /// How sure the person is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// How much better the best is, from 1 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<u8>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why the person would not judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the query says, in the person's words, before the responses were shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub naive: Option<String>,
    /// Whether hints were seen before the answer.
    #[serde(default)]
    pub hints_shown: bool,
}

/// What is right, told in training.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Feedback {
    /// Whether the answer was.
    pub right: bool,
    /// What is, by the places on the page.
    pub answer: Answer,
    /// Why.
    pub why: String,
}

/// An answer that is on the disk.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Taken {
    /// Always true.
    pub kept: bool,
    /// What is to be seen afterwards, where hints are shown then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hints: Option<Vec<Hint>>,
    /// In training, the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// How many items this person has answered.
    pub answered: u64,
}

/// How far a person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Items that this person has answered.
    pub answered: u64,
    /// Comparisons that want this person; at most 1,000 are counted.
    pub waiting: u64,
    /// Items of training that are to come.
    pub training_left: u64,
    /// Whether there is an answer to go back to.
    pub can_undo: bool,
}

/// What there is for a person to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// A comparison.
    Item(Box<Item>, Progress),
    /// Nothing now; a run may ask for more.
    Wait(Progress),
    /// The person is excluded.
    Excluded,
}

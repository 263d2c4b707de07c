//! Reward models: what they learn from, step by step, and what they are worth. The loop around it is
//! [`super::course`]'s.

use crate::model::reward::Passages;
use crate::rl::preference::Answer;

mod batch;
mod doubt;
mod learner;
mod normalize;
pub mod report;
pub(in crate::train) mod score;
#[cfg(test)]
pub(in crate::train) mod tests;

pub use doubt::doubt;
pub use learner::Learner;
pub use normalize::normalize;
pub use score::scores;

/// What was judged, as the model reads it, and what was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The query and the responses.
    pub passages: Passages,
    /// What was said of them.
    pub answer: Answer,
    /// How much it counts in training; 1 as a rule.
    pub weight: f64,
}

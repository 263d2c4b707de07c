//! Training: queries → responses → scores → rewards → PPO → checkpoint.
//!
//! ```text
//! queries ── policy.respond ── policy.analyze, reference.analyze ── task.finish ── labeler, shapers
//!                                                                                       │ rewards
//!    checkpoint ◄── KL controller ◄── epochs × minibatches of clipped losses ◄── GAE ◄──┘
//! ```
//!
//! Nothing here knows what a plugin is: [`crate::role`]'s traits are all it sees.

pub mod checkpoint;
pub mod eval;
pub mod policy;
pub mod queries;
pub mod rollout;
pub mod score;
pub mod update;

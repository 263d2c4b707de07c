//! Training: queries → responses → scores → rewards → PPO → checkpoint.
//!
//! ```text
//! queries ── policy.respond ── policy.analyze, reference.analyze ── task.finish ── labeler, shapers
//!                                                                                       │ rewards
//!    checkpoint ◄── KL controller ◄── epochs × minibatches of clipped losses ◄── GAE ◄──┘
//! ```
//!
//! The reward model's own training is [`reward`]: labels → loss of choices → checkpoint; supervised fine-tuning is
//! [`sft`]: what people wrote → its likelihood → checkpoint. [`course`] is the loop of both.
//!
//! Nothing here knows what a plugin is: [`crate::role`]'s traits are all it sees.

pub mod batches;
pub mod checkpoint;
pub mod collect;
pub mod course;
pub mod eval;
pub mod evaluation;
pub mod joins;
pub mod observer;
pub mod options;
pub mod policy;
pub mod queries;
pub mod reward;
pub mod rollout;
pub mod rowcount;
pub mod score;
pub mod sft;
pub mod stream;
pub mod streamed;
pub mod update;

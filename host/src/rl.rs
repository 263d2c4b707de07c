//! The equations of fine-tuning from preferences: tensors in, tensors out.
//!
//! In the order in which an update meets them: where a response ends ([`response`]), what each
//! token earns ([`kl`]), advantages and returns ([`gae`], [`whiten`]), the clipped loss
//! ([`ppo`]), the optimizer ([`adam`]) and its rate ([`schedule`]); and, for the reward model,
//! the loss of a choice ([`preference`]) and when labels are collected for it ([`collection`]).
//!
//! What nothing in here knows: files, configs, random numbers, models.

pub mod adam;
pub mod collection;
pub mod gae;
pub mod kl;
pub mod ppo;
pub mod preference;
pub mod response;
pub mod schedule;
pub mod whiten;

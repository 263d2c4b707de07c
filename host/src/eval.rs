//! What models are compared by: overlap with references, copying, win rates and their uncertainty. Plain texts and
//! numbers in, numbers out; knows no models, files or plugins.

pub mod copying;
mod logistic;
pub mod rating;
pub mod rouge;
pub mod share;
mod stem;

#[cfg(test)]
mod tests;

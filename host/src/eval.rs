//! What models are compared by: overlap with references, copying, diversity, win rates and their uncertainty. Plain
//! texts and numbers in, numbers out; knows no models, files or plugins.

pub mod contest;
pub mod copying;
pub mod diversity;
pub mod extract;
pub mod frontier;
mod logistic;
pub mod measures;
pub mod rating;
pub mod rouge;
pub mod share;
pub mod spread;
mod stem;

#[cfg(test)]
mod tests;

//! Words of texts, and what of a response stands in its query: what several labelers share. No
//! plugin by itself. It compares letters and knows no meaning.

mod forms;
mod hints;
mod source;
mod verdict;
mod words;

pub use forms::forms;
pub use source::{Faithfulness, Source};
pub use verdict::{bounded, judgement};
pub use words::{Word, content, words};

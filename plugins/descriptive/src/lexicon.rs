//! The words that describe, each below a heading of its kind and its topic. The list is built in; it
//! knows no second meaning of a word.

use std::collections::HashMap;
use std::sync::LazyLock;

use wording::forms;

/// Each word with itself and its heading, such as `adjective colour` or `thing body`.
static LIST: LazyLock<HashMap<&str, (&str, &str)>> = LazyLock::new(|| {
    let blocks = include_str!("words.txt").split("\n\n");
    let headed = blocks.filter_map(|block| block.split_once('\n'));
    let entries = |(heading, words): (_, &'static str)| {
        let words = words.split_whitespace();
        words.map(move |word| (word, (word, heading)))
    };
    headed.flat_map(entries).collect()
});

/// The listed word that `word` is, or else may be a form of, and its heading.
pub(crate) fn listed(word: &str) -> Option<(&'static str, &'static str)> {
    let mut forms = forms(word).into_iter();
    forms.find_map(|form| LIST.get(form.as_str()).copied())
}

/// Whether a word is an adjective: by the list, or by its ending.
pub(crate) fn is_adjective(word: &str) -> bool {
    let endings = ["ous", "ful", "less", "ish"];
    listed(word).is_some_and(|(_, heading)| heading.starts_with("adjective "))
        || (word.len() >= 6 && endings.iter().any(|ending| word.ends_with(ending)))
}

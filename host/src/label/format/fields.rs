//! Which fields of a record are the query and the responses, where a program lets its users name them
//! and the file does not say: it goes by the names.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use super::guess::listed;
use super::stream::wrong;
use super::talk::{self, Besides, Said, is_nothing, is_talk};
use super::{Tally, count};
use crate::label::Source;
use crate::terminal::Line;

/// Fields that may be the query.
pub(super) const QUERIES: [&str; 4] = ["prompt", "query", "question", "instruction"];
/// What responses may be called when there is one, with a number or without.
const RESPONSES: [&str; 4] = ["response", "answer", "completion", "text"];
/// What else people call one of several responses when they number them.
const OPTIONS: [&str; 8] = [
    "option",
    "choice",
    "output",
    "candidate",
    "reply",
    "generation",
    "model",
    "sample",
];

/// The one field that is called as queries are or, where none is, the one that is a list of messages; and what it
/// says. `responses`: fields that are none.
pub(super) fn query<'a>(
    fields: &'a Map<String, Value>,
    responses: &[&str],
    besides: &mut Besides,
) -> Result<(&'a str, Said)> {
    let called = |(name, _): &(&String, &Value)| QUERIES.contains(&name.as_str());
    let mut found: Vec<_> = fields.iter().filter(called).collect();
    if found.is_empty() {
        let others = fields
            .iter()
            .filter(|(name, _)| !responses.contains(&name.as_str()));
        found = others.filter(|(_, value)| is_talk(value)).collect();
    }
    match found.as_slice() {
        [(name, value)] => Ok((name.as_str(), passage(value, name, besides)?)),
        [] => bail!(
            "has no query, but {}\nhint: call it {}",
            listed(&names(fields)),
            listed(&QUERIES)
        ),
        [one, other, ..] => bail!(
            "has both `{}` and `{}`, and either could be the query\nhint: leave one of them",
            Line(one.0),
            Line(other.0)
        ),
    }
}

/// What comes before the number at the end of a name, and the number: `reply-2` is 2, and so is `text_b`.
fn numbered(name: &str) -> Option<(&str, u32)> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if let Ok(number) = name[stem.len()..].parse() {
        return Some((stem, number));
    }
    let (stem, last) = name.split_at_checked(name.len().checked_sub(1)?)?;
    let letter = last.chars().next().filter(char::is_ascii_alphabetic)?;
    let number = u32::from(letter.to_ascii_lowercase()) - u32::from('a') + 1;
    stem.ends_with(SEPARATORS).then_some((stem, number))
}

/// What stands between a name and its number.
const SEPARATORS: [char; 4] = ['-', '_', ' ', '.'];

/// Names of the fields that differ in the number at their end alone, in its order; or the name of the
/// one response. `told`: names that answers are about, which decide between several such families.
pub(super) fn responses<'a>(fields: &'a Map<String, Value>, told: &[&str]) -> Result<Vec<&'a str>> {
    let mut families: BTreeMap<&str, Vec<(u32, &str)>> = BTreeMap::new();
    for name in fields.keys() {
        if let Some((stem, number)) = numbered(name) {
            families.entry(stem).or_default().push((number, name));
        }
    }
    let of_one = |stem: &str| RESPONSES.contains(&stem.trim_end_matches(SEPARATORS));
    families.retain(|stem, family| family.len() > 1 || of_one(stem));
    if families.len() > 1 {
        // Grades, such as `score1` and `score2` beside texts.
        let is_said = |name: &str| !(fields[name].is_number() || fields[name].is_boolean());
        families.retain(|_, family| family.iter().any(|(_, name)| is_said(name)));
        let is_told = |family: &[(u32, &str)]| family.iter().any(|(_, name)| told.contains(name));
        if families.values().any(|family| is_told(family)) {
            families.retain(|_, family| is_told(family));
        } else if families.keys().filter(|stem| of_one(stem)).count() == 1 {
            families.retain(|stem, _| of_one(stem));
        }
    }
    let mut families: Vec<_> = families.into_values().collect();
    match families.as_mut_slice() {
        [family] => {
            family.sort_unstable();
            Ok(family.iter().map(|(_, name)| *name).collect())
        }
        [] => match RESPONSES.iter().find(|name| fields.contains_key(**name)) {
            Some(name) => Ok(vec![*name]),
            None => bail!(
                "has no responses, but {}\nhint: call them `response1`, `response2` and so on; one alone \
                 {}",
                listed(&names(fields)),
                listed(&RESPONSES)
            ),
        },
        [one, other, ..] => bail!(
            "has both `{}` and `{}`, and either could be the responses\nhint: leave one of them",
            Line(one[0].1),
            Line(other[0].1)
        ),
    }
}

/// The place of the response that is called so: as its field is or, where no field is, by its number, such as `2`
/// or `Response 2`, or by its letter, such as `B`.
pub(super) fn place(said: &str, names: &[&str]) -> Option<usize> {
    if let Some(place) = names.iter().position(|name| *name == said) {
        return Some(place);
    }
    let plain = |name: &str| -> String {
        let kept = name.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect()
    };
    let only = |fits: &dyn Fn(&str) -> bool| {
        let mut fitting = (0..names.len()).filter(|at| fits(names[*at]));
        fitting.next().filter(|_| fitting.next().is_none())
    };
    if let Some(place) = only(&|name| plain(name) == plain(said)) {
        return Some(place);
    }
    let said = said.trim();
    let digits = said.trim_start_matches(|c: char| !c.is_ascii_digit());
    let (stem, number) = match digits.parse() {
        Ok(number) => (&said[..said.len() - digits.len()], number),
        // Such as `B` or `Option B`.
        Err(_) => ended(said)?,
    };
    let stem = plain(stem);
    let is_stem = |name: &str| numbered(name).is_some_and(|(own, _)| plain(own) == stem);
    let known = stem.is_empty() || RESPONSES.iter().chain(&OPTIONS).any(|name| *name == stem);
    let own = names.iter().any(|name| is_stem(name));
    if !known && !own {
        return None;
    }
    // Whoever counts the others from 0 may count these from 1.
    let from_0 = names
        .iter()
        .any(|name| numbered(name).is_some_and(|(_, own)| own == 0));
    if from_0 && !own && number > 0 {
        return None;
    }
    only(&|name| numbered(name).is_some_and(|(_, own)| own == number))
}

/// The places of the responses that several names are about which differ in the number or letter at their end alone,
/// as the responses do: `txt-2` and `txt-1`, `B` and `A`, whatever stands before.
pub(super) fn places(told: &[&str], names: &[&str]) -> Option<Vec<usize>> {
    let ends = |names: &[&str]| -> Option<Vec<u32>> {
        let ends: Vec<_> = names
            .iter()
            .map(|name| ended(name))
            .collect::<Option<_>>()?;
        let is_one = ends.iter().all(|(stem, _)| *stem == ends[0].0);
        is_one.then(|| ends.iter().map(|(_, number)| *number).collect())
    };
    let is_own = |(told, name): (&str, &str)| Some(ended(told)?.0 == ended(name)?.0);
    let is_own = is_own((told.first()?, names.first()?))?;
    let (told, own) = (ends(told)?, ends(names)?);
    // Programs count from 0 or from 1, each in its way.
    let lowest = |ends: &[u32]| ends.iter().min().copied().unwrap_or(0);
    let by = match told.iter().all(|number| own.contains(number)) {
        false if told.len() == own.len() => i64::from(lowest(&own)) - i64::from(lowest(&told)),
        _ => 0,
    };
    // One of several that is called 1 may be the first or the second, where the others are counted from 0.
    if by.abs() > 1 {
        return None;
    }
    if by == 0 && !is_own && own.contains(&0) && !told.contains(&0) {
        return None;
    }
    let place = |number: &u32| {
        let mut fitting =
            (0..own.len()).filter(|at| i64::from(own[*at]) == i64::from(*number) + by);
        fitting.next().filter(|_| fitting.next().is_none())
    };
    let places: Vec<usize> = told.iter().map(place).collect::<Option<_>>()?;
    let is_once = (1..places.len()).all(|at| !places[..at].contains(&places[at]));
    is_once.then_some(places)
}

/// As [`numbered`], of names that need nothing before their letter: `B` and `textB` are 2.
fn ended(name: &str) -> Option<(&str, u32)> {
    let letter = || {
        let (at, last) = name.char_indices().next_back()?;
        let stem = &name[..at];
        let is_apart = stem.is_empty()
            || last.is_ascii_uppercase() && stem.ends_with(|c: char| c.is_ascii_lowercase());
        let letter = Some(last.to_ascii_lowercase()).filter(char::is_ascii_alphabetic)?;
        is_apart.then_some((stem, u32::from(letter) - u32::from('a') + 1))
    };
    numbered(name).or_else(letter)
}

/// The word in a question's name by which it asks for the opposite of the best.
pub(super) fn opposite(name: &str) -> Option<&'static str> {
    const BAD: [&str; 39] = [
        "worst",
        "losing",
        "toxic",
        "harm",
        "hallucinat",
        "error",
        "wrong",
        "incorrect",
        "unsafe",
        "offensive",
        "violat",
        "flaw",
        "bad",
        "poor",
        "unhelpful",
        "broken",
        "bias",
        "worse",
        "least",
        "reject",
        "lose",
        "inferior",
        "disprefer",
        "unprefer",
        "dislike",
        "negativ",
        "weak",
        "lower",
        "discard",
        "remov",
        "delet",
        "drop",
        "flag",
        "spam",
        "down",
        "runner",
        "nonprefer",
        "nonchose",
        "unaccept",
    ];
    // Not `most`, which says how much of what follows.
    const GOOD: [&str; 5] = ["best", "better", "chose", "win", "prefer"];
    // Whole words, which begin others.
    const NOT: [&str; 4] = ["not", "less", "non", "no"];
    let name = apart(name);
    if name.contains("second_best") || name.contains("second best") {
        return Some("second");
    }
    let words = name.split(|c: char| !c.is_alphanumeric());
    let begun = |words: &[&'static str], word: &str| {
        // Who is harmless does no harm.
        let is_free = word.contains("less") && word != "less";
        let mut begun = words
            .iter()
            .copied()
            .filter(|known| word.starts_with(known));
        begun.next().filter(|_| !is_free)
    };
    // What names both, such as `best_to_worst`, goes by the first.
    let mut said = words.filter_map(|word| match begun(&BAD, word) {
        _ if NOT.contains(&word) => Some(NOT.iter().copied().find(|not| *not == word)),
        None => begun(&GOOD, word).map(|_| None),
        bad => Some(bad),
    });
    said.next().flatten()
}

/// A name in small letters, and its words apart: `whichIsWorse` is `which_is_worse`.
fn apart(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && words.ends_with(char::is_lowercase) {
            words.push('_');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// Whether a question's name says that it asks which response is best.
pub(super) fn asks_for_best(name: &str) -> bool {
    const ASKS: [&str; 18] = [
        "most", "best", "better", "prefer", "chose", "choice", "choose", "win", "rank", "pair",
        "compar", "pick", "select", "favo", "vote", "good", "label", "answer",
    ];
    let name = apart(name);
    ASKS.iter().any(|word| name.contains(word))
}

/// What is said of a question whose name does not say what it asks.
pub(super) fn taken_for_best(question: &str) -> String {
    format!(
        "what was chosen by `{}` was read as the best, though its name does not say that it asks for that",
        Line(question)
    )
}

/// Says that a question called so is not read.
pub(super) fn not_the_best(question: &str, word: &str) -> String {
    format!(
        "`{}` asks, by its name, for what is `{word}`, and a label says what is best\nhint: leave its answers out; or, \
         when the best is meant, call it `best`",
        Line(question)
    )
}

fn names(fields: &Map<String, Value>) -> Vec<&str> {
    fields.keys().map(String::as_str).collect()
}

/// What made the responses, where the record says so as we do.
pub(super) fn source(fields: &Map<String, Value>) -> Option<Source> {
    let part = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
    let (checkpoint, config) = part("checkpoint").zip(part("config"))?;
    Some(Source { checkpoint, config })
}

/// A passage: a text, or what was said in turns.
pub(super) fn passage(value: &Value, name: &str, besides: &mut Besides) -> Result<Said> {
    if let Some(list) = value.as_array().filter(|_| is_talk(value)) {
        return Ok(Said::Talk(talk::messages(list, name, besides)?));
    }
    let hint = match value {
        Value::Array(_) | Value::Object(_) => {
            "a text is one string; messages are a list of {\"role\": \"user\", \"content\": \"…\"}"
        }
        _ => "a text stands in double quotes, and may be empty: \"\"",
    };
    let text = value.as_str();
    let text = text.with_context(|| wrong(name, value, "a text", hint))?;
    Ok(match talk::of_cell(name, text)? {
        Value::Array(list) => Said::Talk(talk::messages(&list, name, besides)?),
        _ => Said::Text(text.to_owned()),
    })
}

/// Counts what of a record is not read: the fields of `all`, but those that are nothing and those that are `known`.
/// They are called as they are in `within`.
pub(super) fn count_unread(
    all: &Map<String, Value>,
    within: &str,
    known: impl Fn(&str) -> bool,
    left: &mut Tally,
) {
    for (name, value) in all {
        if !known(name) && !is_nothing(value) {
            count(left, format!("`{within}{name}`"));
        }
    }
}

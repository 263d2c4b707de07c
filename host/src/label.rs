//! What judges say of responses: labels, the store that keeps them, and the files they travel in.
//! Knows SQL and file formats; knows nothing of models.

use serde::{Deserialize, Serialize};

pub mod format;
pub mod room;
pub mod stats;
pub mod store;

/// Text, as it is read, as a model reads it, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passage {
    /// Characters; absent where a file gives token ids alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Token ids; absent where a file gives text alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<Vec<u32>>,
}

impl Passage {
    /// Characters alone.
    pub fn of_text(text: impl Into<String>) -> Passage {
        Passage {
            text: Some(text.into()),
            tokens: None,
        }
    }

    /// Token ids alone.
    pub fn of_tokens(tokens: Vec<u32>) -> Passage {
        Passage {
            text: None,
            tokens: Some(tokens),
        }
    }
}

/// What was judged: one query, and its responses in the order in which the judge saw them. All of them
/// have text, or all have token ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The prompt.
    pub query: Passage,
    /// One for a rating; two or more where one is chosen before others.
    pub responses: Vec<Passage>,
    /// What made the responses; absent when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

impl Comparison {
    /// The query and the responses.
    pub fn passages(&self) -> impl Iterator<Item = &Passage> {
        [&self.query].into_iter().chain(&self.responses)
    }

    /// Whether it can be read as text.
    pub fn has_texts(&self) -> bool {
        self.passages().all(|passage| passage.text.is_some())
    }

    /// Whether two of the responses are the same, as people see them.
    pub fn has_twins(&self) -> bool {
        let texts = self.has_texts();
        let same = |a: &Passage, b: &Passage| match texts {
            true => a.text == b.text,
            false => a.tokens == b.tokens,
        };
        let mut numbered = self.responses.iter().enumerate();
        numbered.any(|(at, one)| self.responses[..at].iter().any(|other| same(one, other)))
    }

    /// Whether it can be read as token ids.
    pub fn has_tokens(&self) -> bool {
        self.passages().all(|passage| passage.tokens.is_some())
    }
}

/// What made the responses of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The model checkpoint, as the run names it.
    pub checkpoint: String,
    /// SHA-256 of the run's resolved config, in hexadecimal.
    pub config: String,
}

/// What the judge said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// The response at this place is the best.
    Best(usize),
    /// The responses at these places are equally good, and better than the rest.
    Tie(Vec<usize>),
    /// All responses, three or more, from the best to the worst; those of one group are equally good.
    Ranking(Vec<Vec<usize>>),
    /// The first of two responses is worth so much less than the second.
    Difference(f64),
    /// The one response is worth so much.
    Rating(f64),
    /// The judge looked and would not say.
    Abstain,
    /// The judge passed it on without judging.
    Skip,
}

impl Answer {
    /// What groups of places say, from the best to the worst, of so many responses. That may be less
    /// than a ranking: all in one group are a tie, and the better of two is the best.
    pub fn ranked(mut groups: Vec<Vec<usize>>, count: usize) -> Answer {
        let mut places: Vec<usize> = groups.iter().flatten().copied().collect();
        places.sort_unstable();
        // What names a place twice or none at all is left as it is, for [`Label::check`] to refuse.
        let each_once = places.into_iter().eq(0..count);
        match groups.as_mut_slice() {
            [all] if each_once => Answer::Tie(std::mem::take(all)),
            [first, second] if each_once && count == 2 && (first.len(), second.len()) == (1, 1) => {
                Answer::Best(first[0])
            }
            _ => Answer::Ranking(groups),
        }
    }

    /// The one response that it puts before all others.
    pub fn first(&self) -> Option<usize> {
        match self {
            Answer::Best(place) => Some(*place),
            Answer::Ranking(groups) => match groups.first()?.as_slice() {
                [place] => Some(*place),
                _ => None,
            },
            Answer::Tie(_)
            | Answer::Difference(_)
            | Answer::Rating(_)
            | Answer::Abstain
            | Answer::Skip => None,
        }
    }
}

/// Who judged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Labeler {
    /// A person, by the name that the person gave.
    Person(String),
    /// A plugin.
    Plugin {
        /// Name that the plugin gives itself.
        name: String,
        /// Version that the plugin gives itself.
        version: String,
        /// SHA-256 of the component's bytes, in hexadecimal.
        sha256: String,
    },
    /// Nobody knows: the file did not say.
    Unknown,
}

/// One judge's word on one comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// What was judged.
    pub comparison: Comparison,
    /// What the judge said.
    pub answer: Answer,
    /// Who judged.
    pub labeler: Labeler,
    /// When, in milliseconds since 1970 (UTC); absent when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
}

/// A label that says nothing, or something about what is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {problem}\nhint: {hint}")]
pub struct Malformed {
    /// The field at fault.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub hint: &'static str,
}

/// How responses are named in an answer.
const PLACES: &str = "responses are counted from 0, in the order in which they stand there";
/// How passages are given.
const PASSAGES: &str = "give all of them as text, or all as token ids; both is fine too";

impl Label {
    /// Refuses what cannot be learned from: empty passages, places that are not there, numbers that
    /// are none.
    pub fn check(&self) -> Result<(), Malformed> {
        check_passages(&self.comparison)?;
        let count = self.comparison.responses.len();
        let wanted = match self.answer {
            Answer::Rating(_) => 1..=1,
            Answer::Difference(_) => 2..=2,
            Answer::Best(_) | Answer::Tie(_) | Answer::Ranking(_) => 2..=usize::MAX,
            Answer::Abstain | Answer::Skip => 1..=usize::MAX,
        };
        if !wanted.contains(&count) {
            let least = wanted.start();
            let bound = if wanted.end() == least {
                "exactly"
            } else {
                "at least"
            };
            let problem = format!("are {count}, must be {bound} {least}");
            let hint = match self.answer {
                Answer::Rating(_) => {
                    "a rating is of one response; give each response a label of its own"
                }
                Answer::Difference(_) => {
                    "a difference is between two responses; of more, give the best or a ranking"
                }
                _ => "to be compared, there must be others; of one response, give a rating",
            };
            return bad("responses", problem, hint);
        }
        match &self.answer {
            Answer::Best(place) if *place >= count => bad(
                "best",
                format!("is {place}, must be 0 to {}", count - 1),
                PLACES,
            ),
            Answer::Tie(places) => check_tie(places, count),
            Answer::Ranking(groups) => check_ranking(groups, count),
            Answer::Difference(value) | Answer::Rating(value) if !value.is_finite() => {
                let hint =
                    "a rating or a difference is a finite number; leave the label out, or abstain";
                bad("score", format!("is {value}, must be a number"), hint)
            }
            Answer::Best(_)
            | Answer::Difference(_)
            | Answer::Rating(_)
            | Answer::Abstain
            | Answer::Skip => Ok(()),
        }
    }
}

fn bad(field: &'static str, problem: String, hint: &'static str) -> Result<(), Malformed> {
    Err(Malformed {
        field,
        problem,
        hint,
    })
}

fn check_passages(comparison: &Comparison) -> Result<(), Malformed> {
    let Comparison {
        query, responses, ..
    } = comparison;
    let unsaid = |passage: &Passage| passage.text.is_none() && passage.tokens.is_none();
    if unsaid(query) {
        return bad("query", "has neither text nor tokens".into(), PASSAGES);
    }
    if let Some(at) = responses.iter().position(unsaid) {
        return bad(
            "responses",
            format!("{at} has neither text nor tokens"),
            PASSAGES,
        );
    }
    if comparison.has_texts() || comparison.has_tokens() {
        return Ok(());
    }
    // Some passage is token ids alone, and some other is text alone.
    let unlike = |passage: &Passage| passage.text.is_some() != query.text.is_some();
    let other = |passage: &Passage| passage.tokens.is_some() != query.tokens.is_some();
    let at = responses.iter().position(|r| unlike(r) || other(r));
    let problem = format!(
        "{} is not written as the query is: one has text, the other token ids alone",
        at.unwrap_or_default()
    );
    bad("responses", problem, PASSAGES)
}

fn check_tie(places: &[usize], count: usize) -> Result<(), Malformed> {
    if let Some(place) = places.iter().find(|place| **place >= count) {
        return bad(
            "tie",
            format!("names {place}, must be 0 to {}", count - 1),
            PLACES,
        );
    }
    let different: std::collections::BTreeSet<_> = places.iter().collect();
    if different.len() != places.len() || places.len() < 2 {
        let problem = format!("names {places:?}, must name two or more different responses");
        let hint = "where one is better than all others, it is the `best`";
        return bad("tie", problem, hint);
    }
    Ok(())
}

fn check_ranking(groups: &[Vec<usize>], count: usize) -> Result<(), Malformed> {
    let mut places: Vec<usize> = groups.iter().flatten().copied().collect();
    places.sort_unstable();
    if !places.into_iter().eq(0..count) || groups.iter().any(Vec::is_empty) {
        let problem = format!("is {groups:?}, must name each of 0 to {} once", count - 1);
        let hint = "rank all responses, from 0; those that are equally good stand in one group";
        return bad("ranking", problem, hint);
    }
    if groups.len() < 2 {
        let hint = "write a `tie` of all of them";
        return bad("ranking", "has one group, which is a `tie`".into(), hint);
    }
    if count == 2 {
        let hint = "write the `best` of the two";
        return bad(
            "ranking",
            "is of two responses, which is `best`".into(),
            hint,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;

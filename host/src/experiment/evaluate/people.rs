//! People as judges: what stored labels say of the answers that are compared, and what people are still to be asked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::bench::Bench;
use crate::digest;
use crate::eval::contest::{Choice, Verdict};
use crate::experiment::examples::labels;
use crate::label::store::{Store, is_store};
use crate::label::{Answer, Comparison, Label, Passage};
use crate::role::Query;
use crate::seed::{self, Stream};
use crate::train::answers::Reply;

/// Labels, and where they are.
pub(super) struct People {
    path: PathBuf,
    /// Queries of which each pair of answers is to be asked.
    ask: u64,
    labels: Vec<Label>,
}

impl People {
    /// Reads them; a store that is asked and not there yet has none.
    pub(super) fn load(path: &Path, ask: u64) -> Result<People> {
        if ask > 0 && !is_store(path) {
            bail!(
                "`{}` is no store, and only stores can be asked\nhint: name a file that ends in `.db`",
                path.display()
            );
        }
        let labels = match ask > 0 && !path.exists() {
            true => Vec::new(),
            false => labels(path)?,
        };
        Ok(People {
            path: path.to_path_buf(),
            ask,
            labels,
        })
    }

    /// How many labels there are in all.
    pub(super) fn count(&self) -> usize {
        self.labels.len()
    }

    /// Where they are.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What most of them say of two entrants' answers, query by query; none where nobody was asked.
    pub(super) fn verdicts(
        &self,
        bench: &Bench,
        [one, other]: [&[Option<Reply>]; 2],
    ) -> Vec<Option<Verdict>> {
        let mut by_query: HashMap<&str, Vec<&Label>> = HashMap::new();
        for label in &self.labels {
            let text = label.comparison.query.text.as_deref();
            by_query
                .entry(text.unwrap_or_default().trim())
                .or_default()
                .push(label);
        }
        let rows = bench.queries.iter().zip(one.iter().zip(other));
        let judged = rows.enumerate().map(|(place, (query, pair))| {
            let (Some(a), Some(b)) = pair else {
                return None;
            };
            let about = by_query.get(query.text.trim());
            if a.text.trim() == b.text.trim() {
                // Nobody need be asked which is better, but only where people are asked at all.
                let is_asked = (place as u64) < self.ask || about.is_some();
                return is_asked.then_some(Verdict::Tie);
            }
            let votes: Vec<Choice> = about
                .into_iter()
                .flatten()
                .filter_map(|label| vote(label, &a.text, &b.text))
                .collect();
            Verdict::of_votes(&votes)
        });
        judged.collect()
    }

    /// Puts comparisons that nobody was asked yet into the store; how many of all wait for an answer.
    pub(super) fn ask(&self, bench: &Bench, all: &[&[Option<Reply>]]) -> Result<Option<usize>> {
        if self.ask == 0 {
            return Ok(None);
        }
        let mut asked: Vec<(String, Comparison)> = Vec::new();
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                let rows = bench.queries.iter().zip(one.iter().zip(*other));
                for (query, pair) in rows.take(self.ask as usize) {
                    if let (Some(a), Some(b)) = pair
                        && a.text.trim() != b.text.trim()
                    {
                        asked.push(question(bench.config.run.seed, query, [a, b])?);
                    }
                }
            }
        }
        let mut store = Store::create(&self.path)?;
        store.ask(asked.iter().map(|(key, asked)| (key.clone(), asked)))?;
        let pending = store.pending(KEYS)?;
        let is_ours = |key: &String| asked.iter().any(|(known, _)| known == key);
        let waiting = pending.iter().filter(|(key, _)| is_ours(key));
        Ok(Some(waiting.count()))
    }
}

/// What the keys of our questions begin with.
const KEYS: &str = "eval-";

/// A comparison under a key that follows from what it says, the answers in an order that chance decides.
fn question(root: u64, query: &Query, pair: [&Reply; 2]) -> Result<(String, Comparison)> {
    let texts = serde_json::to_vec(&(&query.text, pair.map(|reply| &reply.text)))?;
    let digest = digest::of_bytes(&texts);
    let key = format!("{KEYS}{}", &digest[..32]);
    let number = u64::from_str_radix(&digest[..16], 16)?;
    let passage = |text: &str, tokens: &[u32]| Passage {
        text: Some(text.to_owned()),
        tokens: Some(tokens.to_vec()),
    };
    let order = Stream::new(seed::derive(root, "ask", number)).permutation(2);
    let responses = order.into_iter().map(|place| pair[place]);
    let comparison = Comparison {
        query: passage(&query.text, &query.tokens),
        responses: responses
            .map(|reply| passage(&reply.text, &reply.tokens))
            .collect(),
        source: None,
    };
    Ok((key, comparison))
}

/// What a label says of two texts; none where it is of others or says nothing that tells them apart.
fn vote(label: &Label, one: &str, other: &str) -> Option<Choice> {
    let find = |text: &str| {
        let mut responses = label.comparison.responses.iter();
        responses.position(|passage| {
            passage
                .text
                .as_deref()
                .is_some_and(|own| own.trim() == text.trim())
        })
    };
    let (one, other) = (find(one)?, find(other)?);
    let rank = |groups: &[Vec<usize>], place: usize| {
        let rank = groups.iter().position(|group| group.contains(&place));
        rank.unwrap_or(groups.len())
    };
    let by_ranks = |one: usize, other: usize| match one.cmp(&other) {
        std::cmp::Ordering::Less => Choice::First,
        std::cmp::Ordering::Greater => Choice::Second,
        std::cmp::Ordering::Equal => Choice::Tie,
    };
    match &label.answer {
        Answer::Best(place) if *place == one => Some(Choice::First),
        Answer::Best(place) if *place == other => Some(Choice::Second),
        Answer::Tie(places) => match (places.contains(&one), places.contains(&other)) {
            (true, true) => Some(Choice::Tie),
            (true, false) => Some(Choice::First),
            (false, true) => Some(Choice::Second),
            (false, false) => None,
        },
        Answer::Ranking(groups) => Some(by_ranks(rank(groups, one), rank(groups, other))),
        // How much less the response at place 0 is worth than that at place 1.
        Answer::Difference(value) => {
            let choice = Choice::by_scores(-value, 0.0);
            Some(if one == 0 { choice } else { choice.turned() })
        }
        Answer::Abstain => Some(Choice::Abstain),
        Answer::Best(_) | Answer::Rating(_) | Answer::Skip => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Labeler;

    #[test]
    fn a_label_is_a_vote_wherever_the_answers_stand() {
        let label = |texts: &[&str], answer| Label {
            comparison: Comparison {
                query: Passage::of_text("q"),
                responses: texts.iter().map(|text| Passage::of_text(*text)).collect(),
                source: None,
            },
            answer,
            labeler: Labeler::Unknown,
            time: None,
        };
        let three = ["x", " a ", "b"];
        for (texts, answer, expected) in [
            (&["a", "b"][..], Answer::Best(0), Some(Choice::First)),
            (&["b", "a"], Answer::Best(0), Some(Choice::Second)),
            (&three, Answer::Best(0), None),
            (&three, Answer::Best(1), Some(Choice::First)),
            (&three, Answer::Tie(vec![0, 2]), Some(Choice::Second)),
            (&three, Answer::Tie(vec![1, 2]), Some(Choice::Tie)),
            (
                &three,
                Answer::Ranking(vec![vec![2], vec![0], vec![1]]),
                Some(Choice::Second),
            ),
            (&["a", "b"], Answer::Difference(0.5), Some(Choice::Second)),
            (&["b", "a"], Answer::Difference(0.5), Some(Choice::First)),
            (&["a", "b"], Answer::Difference(0.0), Some(Choice::Tie)),
            (&["a", "b"], Answer::Abstain, Some(Choice::Abstain)),
            (&["a", "b"], Answer::Skip, None),
            (&["a", "c"], Answer::Best(0), None),
        ] {
            let label = label(texts, answer);
            assert_eq!(vote(&label, "a", "b"), expected, "{label:?}");
        }
    }
}

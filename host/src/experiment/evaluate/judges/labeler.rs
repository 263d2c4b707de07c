//! A plugin that judges: asked for scores of single answers, and for the better of two in both seats.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::config::OnError;
use crate::eval::contest::Choice;
use crate::experiment::evaluate::bench::Bench;
use crate::role::{CallContext, Group, Judgement, Labeler, Outcome, Query, Split, Verdict};
use crate::seed;
use crate::train::answers::Reply;

/// What was said in both seats of each query; none where nothing was asked, or where nothing was said that is of use.
type Choices = Vec<Option<[Choice; 2]>>;

/// What a labeler said, and where it failed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Heard<T> {
    said: T,
    failures: Failures,
}

impl<T> Heard<T> {
    /// Whether it failed nowhere. Where it did, it may not the next time, or under other limits.
    pub(super) fn is_whole(&self) -> bool {
        self.failures.count == 0
    }

    /// What was said, and on how many queries the labeler failed, where the config puts up with so many.
    pub(super) fn settle(self, labeler: &dyn Labeler, bench: &Bench) -> Result<(T, usize)> {
        let failed = self.failures.settle(labeler, bench)?;
        Ok((self.said, failed))
    }
}

fn context(bench: &Bench) -> CallContext {
    CallContext {
        seed: seed::derive(bench.config.run.seed, "judge", 0),
        update: 0,
        split: Split::Test,
    }
}

/// A labeler's score of each answer by itself; none where it gives no scores.
pub(super) fn scored(
    labeler: &dyn Labeler,
    bench: &Bench,
    replies: &[Option<Reply>],
) -> Result<Heard<Option<Vec<Option<f64>>>>> {
    let rows = bench.queries.iter().zip(replies).enumerate();
    let groups: Vec<Group> = rows
        .filter_map(|(row, (query, reply))| Some(group(row, query, [reply.as_ref()?])))
        .collect();
    let mut judged = labeler.judge(context(bench), &groups)?.into_iter();
    let mut failures = Failures::default();
    let (mut scores, mut compares_only) = (Vec::new(), false);
    for (row, reply) in replies.iter().enumerate() {
        let outcome = reply.as_ref().and_then(|_| judged.next());
        scores.push(match outcome {
            Some(Outcome::Value(judgement)) => {
                compares_only |= judgement.scores.is_empty();
                judgement.scores.first().map(|&score| f64::from(score))
            }
            None | Some(Outcome::NotApplicable(_)) => None,
            Some(Outcome::Invalid(said) | Outcome::Error(said)) => {
                failures.add(row, said);
                None
            }
        });
    }
    Ok(Heard {
        said: Some(scores).filter(|_| !compares_only),
        failures,
    })
}

fn group<const N: usize>(id: usize, query: &Query, replies: [&Reply; N]) -> Group {
    Group {
        id: id as u64,
        query: query.clone(),
        responses: replies.map(|reply| reply.text.clone()).to_vec(),
    }
}

/// A labeler's choice between the answers to each query, once with each of them first. Of two that are the same none is
/// better, and nobody is asked.
pub(super) fn in_both_seats(
    labeler: &dyn Labeler,
    bench: &Bench,
    [one, other]: [&[Option<Reply>]; 2],
) -> Result<Heard<Choices>> {
    let mut said: Choices = vec![None; bench.queries.len()];
    let (mut groups, mut asked) = (Vec::new(), Vec::new());
    for (row, query) in bench.queries.iter().enumerate() {
        let (Some(a), Some(b)) = (&one[row], &other[row]) else {
            continue;
        };
        if a.text == b.text {
            said[row] = Some([Choice::Tie; 2]);
            continue;
        }
        groups.push(group(2 * row, query, [a, b]));
        groups.push(group(2 * row + 1, query, [b, a]));
        asked.push(row);
    }
    let judged = labeler.judge(context(bench), &groups)?;
    let mut failures = Failures::default();
    for (row, seats) in asked.into_iter().zip(judged.chunks(2)) {
        let mut heard = seats.iter().map(heard);
        match (heard.next(), heard.next()) {
            (Some(Ok(first)), Some(Ok(second))) => {
                said[row] = Some([first, second.turned()]);
            }
            (first, second) => {
                let text = first.into_iter().chain(second).find_map(Result::err);
                failures.add(row, text.unwrap_or_default());
            }
        }
    }
    Ok(Heard { said, failures })
}

fn heard(outcome: &Outcome<Judgement>) -> Result<Choice, String> {
    match outcome {
        Outcome::Value(judgement) => Ok(match &judgement.verdict {
            Verdict::Best(0) => Choice::First,
            Verdict::Best(_) => Choice::Second,
            Verdict::Tie(_) => Choice::Tie,
            Verdict::Abstain => Choice::Abstain,
        }),
        Outcome::NotApplicable(_) => Ok(Choice::Abstain),
        Outcome::Invalid(said) | Outcome::Error(said) => Err(said.clone()),
    }
}

/// Queries on which a labeler failed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Failures {
    count: usize,
    first: Option<(usize, String)>,
}

impl Failures {
    fn add(&mut self, row: usize, said: String) {
        self.count += 1;
        self.first.get_or_insert((row, said));
    }

    /// Refuses to go on, unless the config says that such rows are left out; how many there are.
    fn settle(self, labeler: &dyn Labeler, bench: &Bench) -> Result<usize> {
        let Some((row, said)) = self.first else {
            return Ok(0);
        };
        let (limits, all) = (&bench.config.plugins, bench.queries.len());
        let (name, count) = (&labeler.identity().name, self.count);
        let told = format!("labeler `{name}`: query {row}: {said} ({count} of {all} queries)");
        if limits.on_error == OnError::Fail {
            bail!("{told}\nhint: set [plugins] on_error = \"drop\" to leave such queries out");
        }
        if count as f64 > limits.max_error_rate * all as f64 {
            bail!(
                "{told}, more than [plugins] max_error_rate {} allows\nhint: mend the plugin, or raise \
                 plugins.max_error_rate",
                limits.max_error_rate
            );
        }
        Ok(count)
    }
}

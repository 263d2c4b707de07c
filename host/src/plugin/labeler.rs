//! A labeler that is a plugin.
//!
//! Does not know what its verdicts are for.

use std::sync::Arc;

use anyhow::Result;

use super::bindings::{self as b, expect_len, finite, settle};
use super::call::clean;
use super::contract;
use super::pool::Pool;
use super::wit::attune::plugin::types::Columns;
use super::wit::exports::attune::plugin::labeler_plugin as wit;
use super::{Spec, TokenizerHost, load as file};
use crate::role::{
    CallContext, CallError, Group, Hint, Identity, Judgement, Labeler, Outcome, Verdict,
};

struct Plugin {
    pool: Pool<dyn contract::Labeler>,
    columns: Columns,
}

/// Loads and configures the labeler.
pub(super) fn load(
    spec: &Spec,
    tokenizer: Arc<dyn TokenizerHost>,
) -> Result<impl Labeler + 'static> {
    let opened = file::open(&spec.path, spec.trust, &spec.limits, tokenizer.clone())?;
    let pool = Pool::<dyn contract::Labeler>::new("labeler", &opened, spec, tokenizer)?;
    Ok(Plugin {
        pool,
        columns: opened.columns,
    })
}

impl Labeler for Plugin {
    fn identity(&self) -> &Identity {
        &self.pool.identity
    }

    fn judge(
        &self,
        context: CallContext,
        groups: &[Group],
    ) -> Result<Vec<Outcome<Judgement>>, CallError> {
        let context = b::context(context);
        let pick = |rows: &[usize]| rows.iter().map(|row| &groups[*row]).collect::<Vec<_>>();
        self.pool.rows(
            "judge",
            groups.len(),
            |guest, store, rows| guest.judge(store, context, &columns(self.columns, &pick(rows))),
            |judged, rows| judgements(judged, &pick(rows)),
        )
    }

    fn annotate(
        &self,
        context: CallContext,
        groups: &[Group],
    ) -> Result<Vec<Outcome<Vec<Hint>>>, CallError> {
        let context = b::context(context);
        let pick = |rows: &[usize]| rows.iter().map(|row| &groups[*row]).collect::<Vec<_>>();
        self.pool.rows(
            "annotate",
            groups.len(),
            |guest, store, rows| {
                guest.annotate(store, context, &columns(self.columns, &pick(rows)))
            },
            |given, rows| hints(given, &pick(rows)),
        )
    }
}

fn columns(asked: Columns, groups: &[&Group]) -> wit::Groups {
    let text = |column: Columns, of: fn(&Group) -> &str| {
        if asked.contains(column) {
            b::texts(groups.iter().map(|group| of(group)))
        } else {
            b::no_texts()
        }
    };
    let mut end = 0;
    let ends = groups.iter().map(|group| {
        end += group.responses.len() as u32;
        end
    });
    wit::Groups {
        ids: groups.iter().map(|group| group.id).collect(),
        group_ends: ends.collect(),
        query_text: text(Columns::QUERY_TEXT, |group| &group.query.text),
        reference_text: text(Columns::REFERENCE_TEXT, |group| &group.query.reference),
        metadata: text(Columns::METADATA, |group| &group.query.metadata),
        response_text: if asked.contains(Columns::RESPONSE_TEXT) {
            b::texts(
                groups
                    .iter()
                    .flat_map(|group| &group.responses)
                    .map(String::as_str),
            )
        } else {
            b::no_texts()
        },
    }
}

pub(super) fn judgements(
    judged: wit::Judgements,
    groups: &[&Group],
) -> Result<Vec<Outcome<Judgement>>, String> {
    let count = groups.len();
    expect_len("verdicts", judged.verdicts.len(), count)?;
    if !judged.confidence.is_empty() {
        expect_len("confidences", judged.confidence.len(), count)?;
    }
    if !judged.scores.is_empty() {
        let responses = groups.iter().map(|group| group.responses.len()).sum();
        expect_len("scores", judged.scores.len(), responses)?;
    }
    let outcomes = b::read_outcomes(judged.outcomes, count)?;
    let mut start = 0;
    let mut read = Vec::with_capacity(count);
    for (row, (outcome, verdict)) in outcomes.into_iter().zip(judged.verdicts).enumerate() {
        let responses = groups[row].responses.len();
        let confidence = judged.confidence.get(row).copied();
        let scores = judged
            .scores
            .get(start..start + responses)
            .unwrap_or_default();
        read.push(settle(outcome, || {
            judgement(verdict, confidence, scores, responses)
        }));
        start += responses;
    }
    Ok(read)
}

fn judgement(
    verdict: wit::Verdict,
    confidence: Option<f32>,
    scores: &[f32],
    responses: usize,
) -> Result<Judgement, String> {
    let index = |index: u32| match index as usize {
        index if index < responses => Ok(index),
        index => Err(format!("chose response {index} of {responses}")),
    };
    let verdict = match verdict {
        wit::Verdict::Best(best) => Verdict::Best(index(best)?),
        wit::Verdict::Tie(tied) => {
            let mut indices = tied.into_iter().map(index).collect::<Result<Vec<_>, _>>()?;
            indices.sort_unstable();
            indices.dedup();
            if indices.len() < 2 {
                return Err(format!("returned a tie of {} responses", indices.len()));
            }
            Verdict::Tie(indices)
        }
        wit::Verdict::Abstain => Verdict::Abstain,
    };
    if let Some(value) = confidence.filter(|value| !(0.0..=1.0).contains(value)) {
        return Err(format!("returned the confidence {value}, not from 0 to 1"));
    }
    let scores = scores
        .iter()
        .map(|score| finite("a score", *score))
        .collect::<Result<_, _>>()?;
    Ok(Judgement {
        verdict,
        confidence,
        scores,
    })
}

pub(super) fn hints(
    given: Vec<wit::Hint>,
    groups: &[&Group],
) -> Result<Vec<Outcome<Vec<Hint>>>, String> {
    let mut read: Vec<Outcome<Vec<Hint>>> =
        groups.iter().map(|_| Outcome::Value(Vec::new())).collect();
    for hint in given {
        let row = hint.group as usize;
        let Some(group) = groups.get(row) else {
            return Err(format!(
                "returned a hint for group {row} of {}",
                groups.len()
            ));
        };
        match (&mut read[row], passage(&hint, group)) {
            (Outcome::Value(hints), Ok(hint)) => hints.push(hint),
            (outcome, Err(text)) => *outcome = Outcome::Error(text),
            _ => {}
        }
    }
    Ok(read)
}

fn passage(hint: &wit::Hint, group: &Group) -> Result<Hint, String> {
    let (response, start, end) = (
        hint.response as usize,
        hint.start as usize,
        hint.end as usize,
    );
    let Some(text) = group.responses.get(response) else {
        return Err(format!(
            "returned a hint for response {response} of {}",
            group.responses.len()
        ));
    };
    if text.get(start..end).is_none() {
        return Err(format!(
            "returned a hint for bytes {start} to {end}, no passage of a text of {}",
            text.len()
        ));
    }
    Ok(Hint {
        response,
        start,
        end,
        note: clean(&hint.note),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_that_is_not_there_cannot_be_best() {
        assert!(judgement(wit::Verdict::Best(2), None, &[], 2).is_err());
        assert!(judgement(wit::Verdict::Tie(vec![1, 1]), None, &[], 2).is_err());
        assert!(judgement(wit::Verdict::Best(1), Some(f32::NAN), &[], 2).is_err());
        assert!(judgement(wit::Verdict::Best(1), Some(0.5), &[0.0, f32::INFINITY], 2).is_err());
        assert!(judgement(wit::Verdict::Best(1), Some(0.5), &[0.0, 1.0], 2).is_ok());
    }

    #[test]
    fn hints_must_be_passages() {
        let group = Group {
            responses: vec!["äb".into()],
            ..Group::default()
        };
        let hint = |start, end| wit::Hint {
            group: 0,
            response: 0,
            start,
            end,
            note: "n".into(),
        };
        assert!(passage(&hint(0, 2), &group).is_ok());
        assert!(passage(&hint(1, 2), &group).is_err());
        assert!(passage(&hint(2, 9), &group).is_err());
    }
}

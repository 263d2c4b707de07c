//! Answers that no plugin would give, checked as those of plugins are.

use super::super::call::disturbs;
use super::super::wit::attune::plugin::types as t;
use super::super::wit::exports::attune::plugin::{
    labeler_plugin as l, shaper_plugin as s, task_plugin as k,
};
use super::super::{labeler, shaper, task};
use super::input::{Input, Vocabulary};
use crate::role::{Group, Outcome, Query, Sample};

/// Answers of a plugin to a batch, both made up: every row has an outcome, and no value is one that
/// the host could stumble over.
pub fn answers(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(7) {
        0 => judgements(&mut input),
        1 => hints(&mut input),
        2 => shaped(&mut input),
        3 => endings(&mut input),
        4 => evaluation(&mut input),
        5 => baseline(&mut input),
        _ => queries(&mut input),
    }
}

/// That there is an outcome for each of `rows`, and `check` holds for the values.
fn all<T>(read: Result<Vec<Outcome<T>>, String>, rows: usize, check: impl Fn(usize, &T)) {
    match read {
        Ok(outcomes) => {
            assert_eq!(outcomes.len(), rows);
            for (row, outcome) in outcomes.iter().enumerate() {
                match outcome {
                    Outcome::Value(value) => check(row, value),
                    Outcome::NotApplicable(Some(text))
                    | Outcome::Invalid(text)
                    | Outcome::Error(text) => shown(text),
                    Outcome::NotApplicable(None) => {}
                }
            }
        }
        Err(text) => shown(&text),
    }
}

/// That a text can be shown.
fn shown(text: &str) {
    assert!(!text.is_empty() && !text.chars().any(disturbs), "{text:?}");
}

fn samples(input: &mut Input<'_>) -> Vec<Sample> {
    input.list(|input| Sample {
        id: input.byte().into(),
        tokens: input.list(|input| input.number()),
        ..Sample::default()
    })
}

fn groups(input: &mut Input<'_>) -> Vec<Group> {
    input.list(|input| Group {
        id: input.byte().into(),
        responses: input.list(Input::text),
        ..Group::default()
    })
}

fn outcomes(input: &mut Input<'_>) -> t::Outcomes {
    t::Outcomes {
        status: input.list(|input| match input.below(4) {
            0 => t::Status::Value,
            1 => t::Status::NotApplicable,
            2 => t::Status::Invalid,
            _ => t::Status::Error,
        }),
        messages: input.list(|input| t::RowMessage {
            row: input.number(),
            message: input.text(),
        }),
    }
}

fn judgements(input: &mut Input<'_>) {
    let groups = groups(input);
    let given = l::Judgements {
        verdicts: input.list(|input| match input.below(3) {
            0 => l::Verdict::Best(input.number()),
            1 => l::Verdict::Tie(input.list(Input::number)),
            _ => l::Verdict::Abstain,
        }),
        confidence: input.list(Input::float),
        scores: input.list(Input::float),
        outcomes: outcomes(input),
    };
    let rows: Vec<&Group> = groups.iter().collect();
    all(
        labeler::judgements(given, &rows),
        rows.len(),
        |row, judged| {
            use crate::role::Verdict;
            let inside = |index: &usize| *index < rows[row].responses.len();
            assert!(match &judged.verdict {
                Verdict::Best(best) => inside(best),
                Verdict::Tie(tied) => tied.len() > 1 && tied.iter().all(inside),
                Verdict::Abstain => true,
            });
            assert!(
                judged
                    .confidence
                    .is_none_or(|sure| (0.0..=1.0).contains(&sure))
            );
            assert!(judged.scores.iter().all(|score| score.is_finite()));
            let (scores, responses) = (judged.scores.len(), rows[row].responses.len());
            assert!(scores == 0 || scores == responses);
        },
    );
}

fn hints(input: &mut Input<'_>) {
    let groups = groups(input);
    let given = input.list(|input| l::Hint {
        group: input.number(),
        response: input.number(),
        start: input.number(),
        end: input.number(),
        note: input.text(),
    });
    let rows: Vec<&Group> = groups.iter().collect();
    all(labeler::hints(given, &rows), rows.len(), |row, hints| {
        for hint in hints {
            let text = &rows[row].responses[hint.response];
            assert!(text.get(hint.start..hint.end).is_some());
        }
    });
}

fn shaped(input: &mut Input<'_>) {
    let samples = samples(input);
    let metrics = input.below(3);
    let given = s::Shaped {
        terms: input.list(|input| s::Term {
            name: input.text(),
            values: input.list(Input::float),
        }),
        per_token: input.list(Input::byte),
        metrics: input.list(Input::float),
        outcomes: outcomes(input),
    };
    let rows: Vec<&Sample> = samples.iter().collect();
    all(
        shaper::read(given, &rows, metrics),
        rows.len(),
        |row, shaped| {
            for (name, value) in &shaped.terms {
                shown(name);
                assert!(value.is_finite());
            }
            let (rewards, tokens) = (shaped.per_token.len(), rows[row].tokens.len());
            assert!(rewards == 0 || rewards == tokens);
            assert!(shaped.per_token.iter().all(|value| value.is_finite()));
            assert!(shaped.metrics.is_empty() || shaped.metrics.len() == metrics);
        },
    );
}

fn endings(input: &mut Input<'_>) {
    let samples = samples(input);
    let given = k::Endings {
        kept: input.list(Input::number),
        valid: input.list(|input| input.below(2) == 1),
        penalty: input.list(Input::float),
        outcomes: outcomes(input),
    };
    let rows: Vec<&Sample> = samples.iter().collect();
    all(task::endings(given, &rows), rows.len(), |row, ending| {
        assert!(ending.kept <= rows[row].tokens.len() && ending.penalty.is_finite());
    });
}

fn evaluation(input: &mut Input<'_>) {
    let (rows, metrics) = (input.below(5), input.below(3));
    let given = k::Evaluation {
        metrics: input.list(Input::float),
        outcomes: outcomes(input),
    };
    all(task::evaluation(given, rows, metrics), rows, |_, values| {
        assert_eq!(values.len(), metrics);
        assert!(values.iter().all(|value| value.is_finite()));
    });
}

fn text_column(input: &mut Input<'_>) -> t::TextColumn {
    t::TextColumn {
        data: input.list(Input::byte),
        ends: input.list(Input::number),
    }
}

fn baseline(input: &mut Input<'_>) {
    let rows = input.below(5);
    let given = k::Baseline {
        name: input.text(),
        responses: text_column(input),
    };
    match task::baseline(given, rows) {
        Ok(baseline) => {
            shown(&baseline.name);
            assert_eq!(baseline.responses.len(), rows);
        }
        Err(text) => shown(&text),
    }
}

fn queries(input: &mut Input<'_>) {
    let ids: Vec<u64> = input.list(|input| input.byte().into());
    let (most, vocabulary) = (input.below(5) + 1, input.number());
    let given = k::QueryBatch {
        tokens: t::TokenColumn {
            data: input.list(Input::byte),
            ends: input.list(Input::number),
        },
        reference_text: text_column(input),
        metadata: text_column(input),
        outcomes: outcomes(input),
    };
    let tokenizer = Vocabulary(vocabulary);
    let read = task::read_queries(given, &ids, most, &tokenizer);
    all(read, ids.len(), |row, query: &Query| {
        assert_eq!(query.id, ids[row]);
        assert!((1..=most).contains(&query.tokens.len()));
        assert!(query.tokens.iter().all(|token| *token < vocabulary));
    });
}

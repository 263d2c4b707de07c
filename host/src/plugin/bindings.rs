//! Turns rows into the contract's columns and columns back into rows.
//!
//! Does not know what the numbers mean; it refuses columns whose lengths do not fit.

use super::call::clean;
use super::wit::attune::plugin::types::{
    CallContext, Columns, Outcomes, Rollouts, Split, Status, TextColumn, TokenColumn,
};
use crate::role::{self, Outcome, Query, Sample};

/// The context as the contract writes it.
pub(super) fn context(context: role::CallContext) -> CallContext {
    CallContext {
        seed: context.seed,
        update: context.update,
        split: match context.split {
            role::Split::Train => Split::Train,
            role::Split::Validation => Split::Validation,
            role::Split::Test => Split::Test,
        },
    }
}

/// A column of texts.
pub(super) fn texts<'a>(rows: impl Iterator<Item = &'a str> + Clone) -> TextColumn {
    let mut column = TextColumn {
        data: Vec::with_capacity(rows.clone().map(str::len).sum()),
        ends: Vec::with_capacity(rows.size_hint().0),
    };
    for row in rows {
        column.data.extend_from_slice(row.as_bytes());
        column.ends.push(column.data.len() as u32);
    }
    column
}

/// A column that was not asked for.
pub(super) fn no_texts() -> TextColumn {
    TextColumn {
        data: Vec::new(),
        ends: Vec::new(),
    }
}

fn tokens<'a>(rows: impl Iterator<Item = &'a [u32]> + Clone) -> TokenColumn {
    let mut end = 0;
    let ends = rows.clone().map(|row| {
        end += row.len() as u32;
        end
    });
    TokenColumn {
        ends: ends.collect(),
        data: packed(rows, u32::to_le_bytes),
    }
}

fn no_tokens() -> TokenColumn {
    TokenColumn {
        data: Vec::new(),
        ends: Vec::new(),
    }
}

/// The numbers of all rows, one after the other.
fn packed<'a, N: Copy + 'a>(
    rows: impl Iterator<Item = &'a [N]> + Clone,
    bytes: fn(N) -> [u8; 4],
) -> Vec<u8> {
    let mut data = vec![0; 4 * rows.clone().map(<[N]>::len).sum::<usize>()];
    let places = data.as_chunks_mut::<4>().0.iter_mut();
    for (place, number) in places.zip(rows.flatten()) {
        *place = bytes(*number);
    }
    data
}

/// One number for each token of each row; empty unless every row has them all.
fn per_token<'a>(rows: &[&'a Sample], of: impl Fn(&'a Sample) -> &'a [f32] + Clone) -> Vec<u8> {
    if rows.iter().any(|row| of(row).len() != row.tokens.len()) {
        return Vec::new();
    }
    packed(rows.iter().map(|row| of(row)), f32::to_le_bytes)
}

/// The rows as columns, those of `asked` only.
pub(super) fn rollouts(asked: Columns, rows: &[&Sample]) -> Rollouts {
    let numbers = |column: Columns, of: fn(&Sample) -> &[f32]| {
        if asked.contains(column) {
            per_token(rows, of)
        } else {
            Vec::new()
        }
    };
    let ids = rows.iter().map(|row| row.id).collect();
    Rollouts {
        response_text: if asked.contains(Columns::RESPONSE_TEXT) {
            texts(rows.iter().map(|row| row.text.as_str()))
        } else {
            no_texts()
        },
        response_tokens: if asked.contains(Columns::RESPONSE_TOKENS) {
            tokens(rows.iter().map(|row| row.tokens.as_slice()))
        } else {
            no_tokens()
        },
        logprobs: numbers(Columns::LOGPROBS, |row| &row.logprobs),
        ref_logprobs: numbers(Columns::REF_LOGPROBS, |row| &row.ref_logprobs),
        values: numbers(Columns::VALUES, |row| &row.values),
        score: if asked.contains(Columns::SCORE) {
            let scores = rows.iter().map(|row| row.score.unwrap_or(f32::NAN));
            scores.collect()
        } else {
            Vec::new()
        },
        ..of_queries(asked, ids, rows.iter().map(|row| &row.query))
    }
}

/// Queries as rows whose responses are empty.
pub(super) fn without_responses(asked: Columns, queries: &[Query]) -> Rollouts {
    let ids = queries.iter().map(|query| query.id).collect();
    let count = queries.len();
    let ends = |column: Columns| vec![0; if asked.contains(column) { count } else { 0 }];
    Rollouts {
        response_text: TextColumn {
            data: Vec::new(),
            ends: ends(Columns::RESPONSE_TEXT),
        },
        response_tokens: TokenColumn {
            data: Vec::new(),
            ends: ends(Columns::RESPONSE_TOKENS),
        },
        score: ends(Columns::SCORE).iter().map(|_| f32::NAN).collect(),
        ..of_queries(asked, ids, queries.iter())
    }
}

/// What rows have of their queries.
fn of_queries<'a>(
    asked: Columns,
    ids: Vec<u64>,
    queries: impl Iterator<Item = &'a Query> + Clone,
) -> Rollouts {
    let text = |column: Columns, of: fn(&Query) -> &str| {
        if asked.contains(column) {
            texts(queries.clone().map(of))
        } else {
            no_texts()
        }
    };
    Rollouts {
        ids,
        query_text: text(Columns::QUERY_TEXT, |query| &query.text),
        query_tokens: if asked.contains(Columns::QUERY_TOKENS) {
            tokens(queries.clone().map(|query| query.tokens.as_slice()))
        } else {
            no_tokens()
        },
        reference_text: text(Columns::REFERENCE_TEXT, |query| &query.reference),
        metadata: text(Columns::METADATA, |query| &query.metadata),
        response_text: no_texts(),
        response_tokens: no_tokens(),
        logprobs: Vec::new(),
        ref_logprobs: Vec::new(),
        values: Vec::new(),
        score: Vec::new(),
    }
}

/// Refuses a column that is not as long as it has to be.
pub(super) fn expect_len(what: &str, len: usize, wanted: usize) -> Result<(), String> {
    if len == wanted {
        return Ok(());
    }
    Err(format!("returned {len} {what}, not {wanted}"))
}

/// The rows of a column whose ends are `ends`, over `len` units.
fn ranges(
    what: &str,
    ends: &[u32],
    len: usize,
    rows: usize,
) -> Result<Vec<(usize, usize)>, String> {
    expect_len(&format!("rows in {what}"), ends.len(), rows)?;
    let mut start = 0;
    let mut ranges = Vec::with_capacity(rows);
    for (row, end) in ends.iter().map(|end| *end as usize).enumerate() {
        if end < start || end > len {
            return Err(format!(
                "returned {what} whose row {row} ends at {end}, not from {start} to {len}"
            ));
        }
        ranges.push((start, end));
        start = end;
    }
    expect_len(&format!("units in the rows of {what}"), start, len)?;
    Ok(ranges)
}

/// The texts of a column; a row that is not UTF-8 is an error of its own.
pub(super) fn read_texts(
    what: &str,
    column: TextColumn,
    rows: usize,
) -> Result<Vec<Result<String, String>>, String> {
    let ranges = ranges(what, &column.ends, column.data.len(), rows)?;
    let text = |(start, end): (usize, usize)| {
        let bytes = column.data[start..end].to_vec();
        String::from_utf8(bytes).map_err(|_| format!("returned {what} that is not UTF-8"))
    };
    Ok(ranges.into_iter().map(text).collect())
}

/// The token ids of a column.
pub(super) fn read_tokens(
    what: &str,
    column: &TokenColumn,
    rows: usize,
) -> Result<Vec<Vec<u32>>, String> {
    let (ids, rest) = column.data.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(format!(
            "returned {what} of {} bytes, no multiple of 4",
            column.data.len()
        ));
    }
    let ranges = ranges(what, &column.ends, ids.len(), rows)?;
    let row = |(start, end): (usize, usize)| {
        ids[start..end]
            .iter()
            .map(|b| u32::from_le_bytes(*b))
            .collect()
    };
    Ok(ranges.into_iter().map(row).collect())
}

/// The numbers of a packed buffer.
pub(super) fn read_floats(what: &str, data: &[u8]) -> Result<Vec<f32>, String> {
    let (numbers, rest) = data.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(format!(
            "returned {what} of {} bytes, no multiple of 4",
            data.len()
        ));
    }
    Ok(numbers
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect())
}

/// What became of each row.
pub(super) fn read_outcomes(outcomes: Outcomes, rows: usize) -> Result<Vec<Outcome<()>>, String> {
    if !outcomes.status.is_empty() {
        expect_len("outcomes", outcomes.status.len(), rows)?;
    }
    let mut texts: Vec<Option<String>> = vec![None; rows];
    for message in outcomes.messages {
        let Some(text) = texts.get_mut(message.row as usize) else {
            return Err(format!(
                "returned a message for row {} of {rows}",
                message.row
            ));
        };
        *text = Some(clean(&message.message)).filter(|text| !text.trim().is_empty());
    }
    if outcomes.status.is_empty() {
        return Ok((0..rows).map(|_| Outcome::Value(())).collect());
    }
    let reason = |text: Option<String>| text.unwrap_or_else(|| "it gave no reason".into());
    let row = |(status, text): (Status, Option<String>)| match status {
        Status::Value => Outcome::Value(()),
        Status::NotApplicable => Outcome::NotApplicable(text),
        Status::Invalid => Outcome::Invalid(reason(text)),
        Status::Error => Outcome::Error(reason(text)),
    };
    Ok(outcomes.status.into_iter().zip(texts).map(row).collect())
}

/// The value of a row that has one, unless there is something wrong with it.
pub(super) fn settle<T>(
    outcome: Outcome<()>,
    value: impl FnOnce() -> Result<T, String>,
) -> Outcome<T> {
    match outcome {
        Outcome::Value(()) => value().map_or_else(Outcome::Error, Outcome::Value),
        Outcome::NotApplicable(why) => Outcome::NotApplicable(why),
        Outcome::Invalid(text) => Outcome::Invalid(text),
        Outcome::Error(text) => Outcome::Error(text),
    }
}

/// Refuses what is not a number, or infinite.
pub(super) fn finite(what: &str, value: f32) -> Result<f32, String> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(format!("returned {value} as {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::wit::attune::plugin::types::RowMessage;
    use super::*;

    #[test]
    fn texts_come_back_as_they_went() {
        let column = texts(["a", "", "äb"].into_iter());
        let rows: Vec<_> = read_texts("texts", column, 3)
            .unwrap()
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(rows, ["a", "", "äb"]);
    }

    #[test]
    fn ends_that_do_not_fit_are_refused() {
        for ends in [vec![1, 0], vec![1, 9], vec![1], vec![1, 2]] {
            let column = TextColumn {
                data: b"abc".to_vec(),
                ends,
            };
            assert!(read_texts("texts", column, 2).is_err());
        }
    }

    #[test]
    fn bad_utf8_is_the_row_s_own_error() {
        let column = TextColumn {
            data: vec![0xff, b'a'],
            ends: vec![1, 2],
        };
        let rows = read_texts("texts", column, 2).unwrap();
        assert!(rows[0].is_err());
        assert_eq!(rows[1].as_deref(), Ok("a"));
    }

    #[test]
    fn columns_not_asked_for_are_empty() {
        let sample = Sample {
            text: "a".into(),
            tokens: vec![7],
            logprobs: vec![0.5],
            ..Sample::default()
        };
        let rows = rollouts(Columns::RESPONSE_TEXT, &[&sample]);
        assert_eq!(rows.response_text.data, b"a");
        assert!(
            rows.response_tokens.data.is_empty()
                && rows.logprobs.is_empty()
                && rows.query_text.ends.is_empty()
        );
    }

    #[test]
    fn outcomes_and_buffers_are_checked() {
        let wrong = Outcomes {
            status: vec![Status::Value],
            messages: Vec::new(),
        };
        assert!(read_outcomes(wrong, 2).is_err());
        let silent = Outcomes {
            status: vec![Status::Error],
            messages: vec![RowMessage {
                row: 0,
                message: " ".into(),
            }],
        };
        let read = read_outcomes(silent, 1).unwrap();
        assert_eq!(read, [Outcome::Error("it gave no reason".into())]);
        let messages = ["too\nshort", "\t"].into_iter().zip(0..);
        let dropped = Outcomes {
            status: vec![Status::NotApplicable; 3],
            messages: messages
                .map(|(message, row)| RowMessage {
                    row,
                    message: message.into(),
                })
                .collect(),
        };
        let said: [Option<String>; 3] = [Some("too short".into()), None, None];
        let read = read_outcomes(dropped, 3).unwrap();
        assert_eq!(read, said.map(Outcome::NotApplicable));
        assert!(read_floats("rewards", &[0; 5]).is_err());
        assert!(finite("a score", f32::NAN).is_err());
    }
}

//! What becomes of a row, and how a batch of rows is reported to the host. The batch loop of all
//! kinds lives here; it does not know what a row holds.

use crate::bindings::types::{Outcomes, RowMessage, Status};

/// A value for a row, or why there is none.
pub type RowResult<T> = Result<T, Row>;

/// Why a row has no value. Any `std::error::Error` becomes [`Row::Error`] with `?`.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// The plugin has nothing to say about this row.
    NotApplicable,
    /// As [`Row::NotApplicable`], for this reason.
    Skip(String),
    /// The row itself is at fault.
    Invalid(String),
    /// The plugin failed on this row.
    Error(String),
}

impl Row {
    /// The plugin has nothing to say about this row, for this reason. The rows that a task drops
    /// are counted by it: let it say what such rows have in common.
    ///
    /// ```
    /// use attune_sdk::{Row, RowResult};
    ///
    /// fn words(text: &str, least: usize) -> RowResult<Vec<&str>> {
    ///     let words: Vec<&str> = text.split_whitespace().collect();
    ///     if words.len() < least {
    ///         return Err(Row::skip(format!("fewer than least {least} words")));
    ///     }
    ///     Ok(words)
    /// }
    ///
    /// let why = Row::Skip("fewer than least 3 words".into());
    /// assert_eq!(words("too short", 3), Err(why));
    /// ```
    pub fn skip(message: impl Into<String>) -> Self {
        Self::Skip(message.into())
    }

    /// The row is at fault, for this reason.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// The plugin failed, for this reason.
    pub fn error(message: impl Into<String>) -> Self {
        Self::Error(message.into())
    }
}

impl<E: std::error::Error> From<E> for Row {
    fn from(error: E) -> Self {
        Self::Error(error.to_string())
    }
}

/// Calls `each` for every row, telling the host the row's place first, so that a row that panics
/// or hangs can be named.
pub(crate) fn each_row<T>(
    rows: usize,
    mut each: impl FnMut(usize) -> RowResult<T>,
) -> Vec<RowResult<T>> {
    let results = (0..rows)
        .map(|row| {
            at_row(row);
            each(row)
        })
        .collect();
    // Past the last row: what goes wrong from here on is no row's fault.
    at_row(rows);
    results
}

fn at_row(row: usize) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::attune::plugin::progress::row(row as u32);
    #[cfg(not(target_arch = "wasm32"))]
    crate::native::row(row as u32);
}

/// Statuses and messages of `rows`; no statuses when every row has a value.
pub(crate) fn outcomes<T>(rows: &[RowResult<T>]) -> Outcomes {
    let mut outcomes = Outcomes {
        status: Vec::new(),
        messages: Vec::new(),
    };
    if rows.iter().all(Result::is_ok) {
        return outcomes;
    }
    for (row, result) in rows.iter().enumerate() {
        let (status, message) = match result {
            Ok(_) => (Status::Value, None),
            Err(Row::NotApplicable) => (Status::NotApplicable, None),
            Err(Row::Skip(message)) => (Status::NotApplicable, Some(message)),
            Err(Row::Invalid(message)) => (Status::Invalid, Some(message)),
            Err(Row::Error(message)) => (Status::Error, Some(message)),
        };
        outcomes.status.push(status);
        if let Some(message) = message {
            outcomes.messages.push(RowMessage {
                row: row as u32,
                message: message.clone(),
            });
        }
    }
    outcomes
}

/// An error of the row when it has not as many numbers as the plugin declares.
pub(crate) fn expect(what: &str, got: usize, want: usize) -> RowResult<()> {
    if got == want {
        return Ok(());
    }
    Err(Row::error(format!(
        "has {got} {what}, not {want} as declared"
    )))
}

/// Row-major numbers, `width` a row, zeros where a row has no value (its status says so).
pub(crate) fn row_major<T>(
    rows: &[RowResult<T>],
    width: usize,
    numbers: impl Fn(&T) -> &[f32],
) -> Vec<f32> {
    let mut packed = Vec::with_capacity(rows.len() * width);
    for result in rows {
        match result {
            Ok(row) => packed.extend_from_slice(numbers(row)),
            Err(_) => packed.extend(std::iter::repeat_n(0.0, width)),
        }
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_does_not_apply_may_say_why() {
        let rows: [RowResult<()>; 4] = [
            Ok(()),
            Err(Row::NotApplicable),
            Err(Row::skip("has no text")),
            Err(Row::invalid("is no text")),
        ];
        let Outcomes { status, messages } = outcomes(&rows);
        let none = Status::NotApplicable;
        assert_eq!(status, [Status::Value, none, none, Status::Invalid]);
        let said: Vec<(u32, &str)> = messages
            .iter()
            .map(|said| (said.row, said.message.as_str()))
            .collect();
        assert_eq!(said, [(2, "has no text"), (3, "is no text")]);
    }
}

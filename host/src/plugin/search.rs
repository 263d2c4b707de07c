//! Gets an outcome for every row of a batch from a plugin that may hang, panic or lie on some of
//! them: the rows go to several instances in pieces, and a piece that fails is divided until the
//! rows to blame are alone.
//!
//! Rows are independent by contract, so how they are divided changes no outcome. Does not know what
//! is called, or what an instance is.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::call::{Call, Pace};
use super::patience;
use crate::role::Outcome;

/// Rows of a call to one instance. Fewer are not worth another thread: 64 rows of a light plugin take
/// 50 µs, about as long as a thread takes to begin and another 5 µs that a call costs.
const PIECE: usize = 64;
/// Less than this is not worth an attempt.
const LEAST: Duration = Duration::from_millis(20);
/// One row may have this part of the time.
const ROW_SHARE: u32 = 4;
/// When the plugin does not say where it is, a piece may have this part of the time.
const SILENT_SHARE: u32 = 3;

/// Why a piece has no outcomes.
#[derive(Debug)]
pub(super) enum Failure {
    /// The plugin was stopped or stopped itself, at this row of the piece if it is known.
    Lost {
        /// What happened.
        message: String,
        /// Place of the row in the piece.
        row: Option<usize>,
    },
    /// The whole call's time was up.
    Late(String),
    /// The plugin answered that it cannot, or lied, and did not say on which row.
    Refused(String),
    /// There was no instance to ask.
    NoInstance(String),
}

/// Asks the plugin about some rows.
pub(super) type Ask<'a, T> =
    &'a (dyn Fn(&[usize], Pace) -> Result<Vec<Outcome<T>>, Failure> + Sync);

/// The outcomes of `count` rows in their order, got by at most `workers` threads before the call's
/// time is up; an error when the plugin would answer nothing whatever the rows were.
pub(super) fn rows<T: Send>(
    function: &str,
    count: usize,
    workers: usize,
    call: &Call,
    ask: Ask<'_, T>,
) -> Result<Vec<Outcome<T>>, String> {
    let pieces = pieces(count);
    let workers = workers.clamp(1, pieces.len().max(1));
    let search = Mutex::new(Search {
        function,
        alone: pieces.len() == 1,
        outcomes: (0..count).map(|_| None).collect(),
        pending: pieces,
        failed: None,
        refused: None,
        refused_rows: 0,
    });
    std::thread::scope(|scope| {
        for _ in 1..workers {
            // One that there is no thread for is done without.
            let _ = patience::spawn(scope, || work(&search, call, ask));
        }
        patience::roomy(|| work(&search, call, ask))
    })?;
    let search = search.into_inner().unwrap_or_else(PoisonError::into_inner);
    search.finish()
}

/// The places of all rows, in pieces that are as long as each other.
fn pieces(count: usize) -> VecDeque<Vec<usize>> {
    let number = count.div_ceil(PIECE);
    (0..number)
        .map(|piece| (piece * count / number..(piece + 1) * count / number).collect())
        .collect()
}

/// Asks about pieces until none is left.
fn work<T>(search: &Mutex<Search<'_, T>>, call: &Call, ask: Ask<'_, T>) {
    loop {
        let mut locked = lock(search);
        let Some(rows) = locked.pending.pop_front() else {
            return;
        };
        let left = call.left();
        if left < LEAST && locked.give_up(&rows) {
            continue;
        }
        let pace = locked.pace(rows.len(), left);
        drop(locked);
        let answered = ask(&rows, pace);
        lock(search).take(rows, answered);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is known of a batch.
struct Search<'a, T> {
    function: &'a str,
    /// Whether the batch is one piece.
    alone: bool,
    outcomes: Vec<Option<Outcome<T>>>,
    /// Pieces that were not asked about yet, untried ones first.
    pending: VecDeque<Vec<usize>>,
    /// What went wrong first.
    failed: Option<String>,
    /// What the plugin said first when it refused to answer.
    refused: Option<String>,
    /// Rows that it refused to answer about alone.
    refused_rows: usize,
}

impl<T> Search<'_, T> {
    /// How long parts of a piece of `rows` may take when `left` is left for all. A row that hangs
    /// must leave time for the others.
    fn pace(&self, rows: usize, left: Duration) -> Pace {
        if self.outcomes.len() == 1 {
            return Pace {
                row: left,
                silence: left,
            };
        }
        let first = self.failed.is_none();
        let silent_share = if first && self.alone { 2 } else { SILENT_SHARE };
        let silence = if rows == 1 && first {
            left
        } else {
            (left / silent_share).max(LEAST)
        };
        Pace {
            row: (left / ROW_SHARE).max(LEAST),
            silence,
        }
    }

    /// Gives up `rows` since no time is left, unless nothing went wrong so far.
    fn give_up(&mut self, rows: &[usize]) -> bool {
        let Some(first) = &self.failed else {
            return false;
        };
        let text = format!("no time was left for this row after: {first}");
        self.blame(rows, &text);
        true
    }

    fn blame(&mut self, rows: &[usize], text: &str) {
        for row in rows {
            self.outcomes[*row] = Some(Outcome::Error(format!("`{}`: {text}", self.function)));
        }
    }

    /// Notes what came of a piece.
    fn take(&mut self, mut rows: Vec<usize>, answered: Result<Vec<Outcome<T>>, Failure>) {
        match answered {
            Ok(outcomes) => {
                for (row, outcome) in rows.into_iter().zip(outcomes) {
                    self.outcomes[row] = Some(outcome);
                }
            }
            Err(Failure::Late(text)) => {
                self.blame(&rows, &text);
                self.failed.get_or_insert(text);
            }
            Err(Failure::NoInstance(text)) => {
                self.refused_rows += rows.len();
                self.blame(&rows, &text);
                self.refused.get_or_insert(text.clone());
                self.failed.get_or_insert(text);
            }
            Err(Failure::Refused(text)) => {
                if rows.len() == 1 {
                    self.refused_rows += 1;
                    self.blame(&rows, &text);
                } else {
                    let middle = rows.len() / 2;
                    self.divide(rows, middle);
                }
                self.refused.get_or_insert(text.clone());
                self.failed.get_or_insert(text);
            }
            Err(Failure::Lost { message, row }) => {
                match row.filter(|row| *row < rows.len()) {
                    Some(place) => {
                        let bad = rows.remove(place);
                        self.blame(&[bad], &message);
                        // What was answered before it is not asked about once more with the rest,
                        // where other rows may be bad.
                        self.divide(rows, place);
                    }
                    None if rows.len() == 1 => self.blame(&rows, &message),
                    None => {
                        let middle = rows.len() / 2;
                        self.divide(rows, middle);
                    }
                }
                self.failed.get_or_insert(message);
            }
        }
    }

    /// Puts the rows back in two pieces, behind those that were not tried.
    fn divide(&mut self, mut rows: Vec<usize>, middle: usize) {
        let second = rows.split_off(middle);
        let pieces = [rows, second].into_iter();
        self.pending
            .extend(pieces.filter(|piece| !piece.is_empty()));
    }

    fn finish(self) -> Result<Vec<Outcome<T>>, String> {
        let count = self.outcomes.len();
        if let Some(first) = self.refused.filter(|_| self.refused_rows == count) {
            // It would be so whatever the rows are.
            return Err(first);
        }
        let outcomes = self.outcomes.into_iter();
        Ok(outcomes
            .map(|outcome| outcome.expect("every row was answered or given up"))
            .collect())
    }
}

#[cfg(test)]
mod tests;

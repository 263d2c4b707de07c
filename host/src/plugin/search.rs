//! Gets an outcome for every row of a batch from a plugin that may hang, panic or lie on some of
//! them: the rows go to several instances in pieces, and a piece that fails is divided until the
//! rows to blame are alone.
//!
//! Rows are independent by contract, so how they are divided changes no outcome. A row that fails may
//! have been spoilt by one before it, in this call or an earlier one: it is asked about again, by who
//! knows nothing, before it is blamed. Does not know what is called, or what an instance is.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::call::{Call, Pace};
use super::{effort, patience};
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
pub(super) type Ask<'a, T> = &'a (dyn Fn(&Piece, Pace) -> Result<Vec<Outcome<T>>, Failure> + Sync);

/// Rows that are asked about together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// Their places in the batch.
    pub(super) rows: Vec<usize>,
    /// Whether they failed once and are to be put to an instance that was asked nothing before.
    pub(super) again: bool,
}

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
fn pieces(count: usize) -> VecDeque<Piece> {
    let number = count.div_ceil(PIECE);
    let rows = |piece| piece * count / number..(piece + 1) * count / number;
    (0..number)
        .map(|piece| Piece {
            rows: rows(piece).collect(),
            again: false,
        })
        .collect()
}

/// Asks about pieces until none is left.
fn work<T>(search: &Mutex<Search<'_, T>>, call: &Call, ask: Ask<'_, T>) {
    loop {
        call.lengthen(effort::look());
        let mut locked = lock(search);
        let Some(piece) = locked.pending.pop_front() else {
            return;
        };
        let left = call.left();
        if left < LEAST && locked.give_up(&piece) {
            continue;
        }
        let pace = locked.pace(piece.rows.len(), left);
        drop(locked);
        let answered = ask(&piece, pace);
        lock(search).take(piece, answered);
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
    pending: VecDeque<Piece>,
    /// What went wrong first.
    failed: Option<String>,
    /// What the plugin said first when it refused to answer.
    refused: Option<String>,
    /// Rows that it refused to answer about alone, or that there was no time for after that.
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

    /// Gives up a piece since no time is left, unless nothing went wrong so far.
    fn give_up(&mut self, piece: &Piece) -> bool {
        let Some(first) = &self.failed else {
            // What failed by itself keeps its error.
            return piece.again;
        };
        let text = format!("no time was left for this row after: {first}");
        if self.refused.is_some() {
            self.refuse(&piece.rows);
        }
        self.blame(&piece.rows, &text);
        true
    }

    /// Counts rows that the plugin does not answer about, whatever they are.
    fn refuse(&mut self, rows: &[usize]) {
        let nothing = |row: &&usize| self.outcomes[**row].is_none();
        self.refused_rows += rows.iter().filter(nothing).count();
    }

    /// Makes `text` the error of rows that have none of their own.
    fn blame(&mut self, rows: &[usize], text: &str) {
        for row in rows {
            let error = || Outcome::Error(format!("`{}`: {text}", self.function));
            self.outcomes[*row].get_or_insert_with(error);
        }
    }

    /// Notes outcomes. Rows that failed are asked about again, the last one first, since what spoilt them
    /// came before them; and once more as long as that gives any of them a value.
    fn note(&mut self, piece: Piece, outcomes: Vec<Outcome<T>>) {
        let mut doubtful = Vec::new();
        let asked = piece.rows.len();
        for (row, outcome) in piece.rows.into_iter().zip(outcomes) {
            if matches!(outcome, Outcome::Error(_)) {
                doubtful.push(row);
            }
            self.outcomes[row] = Some(outcome);
        }
        let helped = !piece.again || doubtful.len() < asked;
        if helped && !doubtful.is_empty() {
            doubtful.reverse();
            self.pending.push_back(Piece {
                rows: doubtful,
                again: true,
            });
        }
    }

    /// Notes what came of a piece.
    fn take(&mut self, piece: Piece, answered: Result<Vec<Outcome<T>>, Failure>) {
        match answered {
            Ok(outcomes) => self.note(piece, outcomes),
            Err(Failure::Late(text)) => {
                self.blame(&piece.rows, &text);
                self.failed.get_or_insert(text);
            }
            Err(Failure::NoInstance(text)) => {
                // Rows that brought instances down have used up the time in which there could be others.
                let by_rows = self.failed.is_some() && self.refused.is_none();
                if !by_rows {
                    self.refuse(&piece.rows);
                    self.refused.get_or_insert(text.clone());
                }
                self.blame(&piece.rows, &text);
                self.failed.get_or_insert(text);
            }
            Err(Failure::Refused(text)) => {
                if piece.rows.len() > 1 {
                    let middle = piece.rows.len() / 2;
                    self.divide(piece, middle);
                } else if piece.again {
                    self.refuse(&piece.rows);
                    self.blame(&piece.rows, &text);
                } else {
                    self.pending.push_back(Piece {
                        again: true,
                        ..piece
                    });
                }
                self.refused.get_or_insert(text.clone());
                self.failed.get_or_insert(text);
            }
            Err(Failure::Lost { message, row }) => {
                self.lost(piece, &message, row);
                self.failed.get_or_insert(message);
            }
        }
    }

    /// The plugin was lost over a piece, at this row of it if it is known.
    fn lost(&mut self, mut piece: Piece, message: &str, row: Option<usize>) {
        match row.filter(|row| *row < piece.rows.len()) {
            Some(place) => {
                let bad = piece.rows.remove(place);
                self.blame(&[bad], message);
                // What was answered before it is not asked about once more with the rest,
                // where other rows may be bad.
                self.divide(piece, place);
            }
            None if piece.rows.len() == 1 => self.blame(&piece.rows, message),
            None => {
                let middle = piece.rows.len() / 2;
                self.divide(piece, middle);
            }
        }
    }

    /// Puts the rows back in two pieces, behind those that were not tried.
    fn divide(&mut self, piece: Piece, middle: usize) {
        let Piece { mut rows, again } = piece;
        let second = rows.split_off(middle);
        let pieces = [rows, second].into_iter().filter(|rows| !rows.is_empty());
        self.pending
            .extend(pieces.map(|rows| Piece { rows, again }));
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

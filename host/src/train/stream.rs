//! The endless stream of queries: data rows in a fixed shuffled order, pass after pass.
//!
//! The order depends on the shuffle seed alone, as in the original, so the cursor is the whole state. Of data that
//! memory should not hold, rows are shuffled and not queries, since which rows make queries is not known before they
//! are needed; then the row at which the cursor stands is kept as well, to be found again quickly.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail};

use crate::role::Query;
use crate::seed;
use crate::train::queries::ROWS_PER_CALL;
use crate::train::rowcount::{RowCount, Tally};
use crate::train::streamed::Streamed;

/// Queries before they are shuffled.
pub enum Queries {
    /// All of them.
    Held(Vec<Query>),
    /// They are made when they are needed.
    Streamed(Streamed),
}

impl Queries {
    /// Shuffles once.
    #[must_use]
    pub fn shuffled(self, shuffle_seed: u64) -> QueryStream {
        let mut random = seed::Stream::new(seed::derive(shuffle_seed, "shuffle", 0));
        let source = match self {
            Queries::Held(queries) => Source::Held {
                order: random.permutation(queries.len()),
                queries,
            },
            Queries::Streamed(streamed) => {
                // Half the memory of the usual kind; `Streamed::new` has seen to it that there are not more.
                let mut order: Vec<u32> = (0..streamed.until as u32).collect();
                random.shuffle(&mut order);
                let walk = Mutex::new(Walk::new(&streamed));
                Source::Streamed {
                    streamed,
                    order,
                    walk,
                }
            }
        };
        QueryStream(source)
    }

    /// How many queries or, where that is not known, rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Queries::Held(queries) => queries.len(),
            Queries::Streamed(streamed) => streamed.until,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Queries in a fixed shuffled order, repeated for ever.
pub struct QueryStream(Source);

enum Source {
    Held {
        queries: Vec<Query>,
        order: Vec<usize>,
    },
    Streamed {
        streamed: Streamed,
        order: Vec<u32>,
        walk: Mutex<Walk>,
    },
}

/// Where one stands in rows of which some make no query.
struct Walk {
    /// Queries that were handed out.
    place: u64,
    /// Rows, in the order of the stream, up to behind the last query that was handed out.
    row: u64,
    /// The next row to look at: where a call to the task begins, which is the same wherever one begins to walk.
    looked_at: u64,
    /// Rows, in the order of the stream, that the tallies have: of the first pass, and each once.
    counted: u64,
    /// Queries that were made and not handed out, each with the row behind it.
    ready: VecDeque<(Query, u64)>,
    tallies: Vec<Tally>,
}

impl Walk {
    fn new(streamed: &Streamed) -> Walk {
        Walk {
            place: 0,
            row: 0,
            looked_at: 0,
            counted: 0,
            ready: VecDeque::new(),
            tallies: streamed.tallies(),
        }
    }

    /// Stands behind `place` queries and `row` rows of which there are `len` in a pass.
    fn stand(&mut self, place: u64, row: u64, len: u64) {
        (self.place, self.row) = (place, row);
        self.looked_at = row - (row % len) % ROWS_PER_CALL as u64;
        self.ready.clear();
    }

    /// Has counted what a walk up to `row` has.
    fn count(&mut self, row: u64, len: u64, counts: &[RowCount]) {
        self.counted = row.next_multiple_of(ROWS_PER_CALL as u64).min(len);
        for (tally, count) in self.tallies.iter_mut().zip(counts) {
            // The files may lie elsewhere by now.
            let path = std::mem::take(&mut tally.count.path);
            tally.count = RowCount {
                path,
                ..count.clone()
            };
        }
    }

    fn next(&mut self, streamed: &Streamed, order: &[u32]) -> Result<Query> {
        let mut passed = 0;
        while self.ready.is_empty() {
            if passed >= order.len() {
                bail!(
                    "no row makes a query\nhint: look at the task's settings and at what the rows have"
                );
            }
            passed += ROWS_PER_CALL;
            self.look(streamed, order)?;
        }
        let Some((query, row)) = self.ready.pop_front() else {
            bail!("no row makes a query");
        };
        (self.place, self.row) = (self.place + 1, row);
        Ok(query)
    }

    /// Makes queries of the next rows, none of them of another pass.
    fn look(&mut self, streamed: &Streamed, order: &[u32]) -> Result<()> {
        let (start, len) = (self.looked_at, order.len() as u64);
        let pass = start / len;
        let next = start..(start + ROWS_PER_CALL as u64).min((pass + 1) * len);
        let at = next.clone().map(|row| order[(row % len) as usize] as usize);
        let at: Vec<usize> = at.collect();
        let made = if next.end > self.counted && pass == 0 {
            self.counted = next.end;
            streamed.make(&at, &mut self.tallies)?
        } else {
            streamed.make(&at, &mut self.tallies.clone())?
        };
        for (row, query) in next.clone().zip(made) {
            let query = query.filter(|_| row >= self.row);
            self.ready.extend(query.map(|query| (query, row + 1)));
        }
        self.looked_at = next.end;
        Ok(())
    }
}

impl QueryStream {
    /// The queries at places `start..start + count` of the stream.
    ///
    /// # Errors
    /// Rows that are read when they are needed cannot be read any more, or make no query.
    pub fn batch(&self, start: u64, count: usize) -> Result<Vec<Query>> {
        let (streamed, order, mut walk) = match &self.0 {
            Source::Held { queries, order } => {
                let places = start..start + count as u64;
                let query = |place| queries[order[(place % queries.len() as u64) as usize]].clone();
                return Ok(places.map(query).collect());
            }
            Source::Streamed {
                streamed,
                order,
                walk,
            } => (streamed, order, locked(walk)),
        };
        if start < walk.place {
            walk.stand(0, 0, order.len() as u64);
        }
        while walk.place < start {
            walk.next(streamed, order)?;
        }
        (0..count).map(|_| walk.next(streamed, order)).collect()
    }

    /// How many different queries there are at most.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Source::Held { queries, .. } => queries.len(),
            Source::Streamed { order, .. } => order.len(),
        }
    }

    /// Never: a stream is made of at least one query.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row behind the last query that was handed out, where that is not known from the number of queries.
    #[must_use]
    pub fn row(&self) -> Option<u64> {
        match &self.0 {
            Source::Held { .. } => None,
            Source::Streamed { walk, .. } => Some(locked(walk).row),
        }
    }

    /// Goes on behind `place` queries and [`QueryStream::row`], with [`QueryStream::counts`] up to there.
    pub fn go_on(&self, place: u64, row: Option<u64>, counts: &[RowCount]) {
        if let (Source::Streamed { walk, order, .. }, Some(row)) = (&self.0, row) {
            let (mut walk, len) = (locked(walk), order.len() as u64);
            walk.stand(place, row, len);
            walk.count(row, len, counts);
        }
    }

    /// What became of the rows of each file so far, where that was not known before.
    #[must_use]
    pub fn counts(&self) -> Vec<RowCount> {
        match &self.0 {
            Source::Held { .. } => Vec::new(),
            Source::Streamed { walk, .. } => {
                let walk = locked(walk);
                walk.tallies
                    .iter()
                    .map(|tally| tally.count.clone())
                    .collect()
            }
        }
    }
}

/// Whoever panicked has left numbers that are as good as they were.
fn locked(walk: &Mutex<Walk>) -> MutexGuard<'_, Walk> {
    walk.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

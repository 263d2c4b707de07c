//! Rows of which queries are made when they are needed, so that data of any size needs little memory.

use std::collections::VecDeque;

use anyhow::{Result, bail};

use crate::role::Query;
use crate::rows::Rows;
use crate::train::queries::{Maker, ROWS_PER_CALL, too_few};
use crate::train::rowcount::{RowCount, Tally};

/// Rows that are read, and made queries of, whenever they are needed.
pub struct Streamed {
    /// The rows of each file.
    pub rows: Vec<Rows>,
    /// Who makes queries of them.
    pub maker: Maker,
    /// How many there are to train on; the others are held out.
    pub until: usize,
}

impl Streamed {
    /// All rows of some files.
    ///
    /// # Errors
    /// There are more than can be shuffled.
    pub fn new(rows: Vec<Rows>, maker: Maker) -> Result<Streamed> {
        let until = rows.iter().map(Rows::len).sum();
        if until > u32::MAX as usize {
            bail!(
                "there are {until} rows, which is more than {}\nhint: name fewer files",
                u32::MAX
            );
        }
        Ok(Streamed { rows, maker, until })
    }

    /// Takes the last queries away, as many as are to be held out.
    ///
    /// # Errors
    /// There are not as many, or a row cannot be made a query of.
    pub fn hold_out(&mut self, count: usize) -> Result<Vec<Query>> {
        let mut tallies = self.tallies();
        let mut last = VecDeque::new();
        while last.len() < count {
            if self.until == 0 {
                return Err(too_few(last.len(), count));
            }
            self.until -= 1;
            let made = self.make(&[self.until], &mut tallies)?;
            made.into_iter()
                .flatten()
                .for_each(|query| last.push_front(query));
        }
        Ok(last.into())
    }

    /// The first queries, in the order of the rows, of which `wanted` says that they will do: `count`, if there are as many.
    ///
    /// # Errors
    /// A row cannot be made a query of.
    pub fn first(
        &self,
        count: usize,
        wanted: impl Fn(&Query) -> bool,
    ) -> Result<(Vec<Query>, Vec<RowCount>)> {
        let mut tallies = self.tallies();
        let (mut first, mut at) = (Vec::new(), 0);
        while first.len() < count && at < self.until {
            let chunk: Vec<usize> = (at..self.until.min(at + ROWS_PER_CALL)).collect();
            at += chunk.len();
            let made = self.make(&chunk, &mut tallies)?;
            first.extend(made.into_iter().flatten().filter(&wanted));
        }
        first.truncate(count);
        Ok((
            first,
            tallies.into_iter().map(|tally| tally.count).collect(),
        ))
    }

    /// What becomes of the first rows, in their order, for a person to see what is in the files.
    ///
    /// # Errors
    /// A row cannot be made a query of.
    pub fn sample(&self) -> Result<Vec<RowCount>> {
        let mut tallies = self.tallies();
        let first: Vec<usize> = (0..self.until.min(ROWS_PER_CALL)).collect();
        self.make(&first, &mut tallies)?;
        Ok(tallies.into_iter().map(|tally| tally.count).collect())
    }

    pub(super) fn tallies(&self) -> Vec<Tally> {
        self.rows.iter().map(Tally::of).collect()
    }

    /// The queries of the rows at some places, counted through all files.
    pub(super) fn make(&self, at: &[usize], tallies: &mut [Tally]) -> Result<Vec<Option<Query>>> {
        let mut made: Vec<Option<Query>> = at.iter().map(|_| None).collect();
        let mut before = 0;
        for (rows, tally) in self.rows.iter().zip(tallies) {
            let here = before..before + rows.len();
            before = here.end;
            let places = (0..at.len()).filter(|place| here.contains(&at[*place]));
            let places: Vec<usize> = places.collect();
            if places.is_empty() {
                continue;
            }
            let own: Vec<usize> = places.iter().map(|place| at[*place] - here.start).collect();
            let queries = self.maker.some(rows, &own, tally)?;
            self.maker.check_failed(tally, rows.len())?;
            for (place, query) in places.into_iter().zip(queries) {
                made[place] = query;
            }
        }
        Ok(made)
    }
}

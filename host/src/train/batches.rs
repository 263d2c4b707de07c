//! Examples that are learned from together: in a step, and at a time within it.

use crate::seed;

/// Examples in steps, each once an epoch, in an order of that epoch's own.
#[derive(Debug, Clone, Copy)]
pub struct Batches {
    /// How many examples there are.
    pub examples: usize,
    /// Examples for each optimizer step; the last of an epoch may have fewer.
    pub batch_size: usize,
}

/// The examples of a step.
pub(in crate::train) struct Batch {
    /// Epochs before this one.
    pub(in crate::train) epoch: u64,
    /// Examples before these, through all epochs.
    pub(in crate::train) seen: u64,
    /// Which they are.
    pub(in crate::train) rows: Vec<usize>,
}

impl Batches {
    /// Optimizer steps of an epoch.
    #[must_use]
    pub fn per_epoch(&self) -> u64 {
        self.examples.div_ceil(self.batch_size) as u64
    }

    /// The examples of a step, which is counted from 0 through all epochs; orders come from a seed and a name.
    pub(in crate::train) fn of_step(&self, step: u64, (root_seed, name): (u64, &str)) -> Batch {
        let (epoch, number) = (step / self.per_epoch(), step % self.per_epoch());
        let stream = seed::derive(root_seed, name, epoch);
        let order = seed::Stream::new(stream).permutation(self.examples);
        let from = number as usize * self.batch_size;
        Batch {
            epoch,
            seen: epoch * self.examples as u64 + from as u64,
            rows: order.into_iter().skip(from).take(self.batch_size).collect(),
        }
    }
}

/// Splits rows into parts of at most `tokens`, padding included, short rows first; a row longer than
/// that is a part by itself.
pub(in crate::train) fn parts<T: Copy>(
    rows: &[T],
    tokens: usize,
    len: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let padded = |part: &[T], row: &T| (part.len() + 1) * len(row);
    split(rows, tokens, &len, padded)
}

/// As [`parts`], where rows are packed and nothing is padded.
pub(in crate::train) fn packed_parts<T: Copy>(
    rows: &[T],
    tokens: usize,
    len: impl Fn(&T) -> usize,
) -> Vec<Vec<T>> {
    let packed = |part: &[T], row: &T| part.iter().map(&len).sum::<usize>() + len(row);
    split(rows, tokens, &len, packed)
}

/// `size`: tokens of a part that gets one more row, which is no shorter than the others.
fn split<T: Copy>(
    rows: &[T],
    tokens: usize,
    len: impl Fn(&T) -> usize,
    size: impl Fn(&[T], &T) -> usize,
) -> Vec<Vec<T>> {
    let mut sorted: Vec<T> = rows.to_vec();
    sorted.sort_by_key(&len);
    let mut parts: Vec<Vec<T>> = Vec::new();
    for row in sorted {
        match parts.last_mut() {
            Some(part) if size(part, &row) <= tokens => part.push(row),
            _ => parts.push(vec![row]),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_as_many_tokens_as_they_may() {
        let rows = [9, 2, 3, 12, 2];
        let len = |row: &usize| *row;
        assert_eq!(parts(&rows, 9, len), [vec![2, 2, 3], vec![9], vec![12]]);
        assert_eq!(parts(&rows, 18, len), [vec![2, 2, 3], vec![9], vec![12]]);
        let packed = |tokens| packed_parts(&rows, tokens, len);
        assert_eq!(packed(9), [vec![2, 2, 3], vec![9], vec![12]]);
        assert_eq!(packed(16), [vec![2, 2, 3, 9], vec![12]]);
        assert!(packed_parts(&[], 9, len).is_empty());
    }
}

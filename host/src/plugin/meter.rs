//! Counts the memory of one instance, all of its memories and tables together, and remembers a
//! refusal: out of memory, a Rust guest traps without a word.
//!
//! Does not know what the memory is for.

use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::ResourceLimiter;

/// Entries of all tables together; they lie in the host's memory.
const MAX_TABLE_ENTRIES: usize = 100_000;

/// Bytes that the largest instance of this process had.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

/// Bytes of memory that the largest instance of this process had so far.
pub fn largest_instance() -> usize {
    LARGEST.load(Ordering::Relaxed)
}

/// What an instance asked for and did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Memory.
    Memory,
    /// Table entries.
    Tables,
}

/// The memory of one instance.
pub(super) struct Meter {
    limit: usize,
    /// Bytes of all memories.
    pub(super) used: usize,
    entries: usize,
    /// What it asked for in this call beyond its limits.
    pub(super) refused: Option<Refusal>,
}

impl Meter {
    pub(super) fn new(limit: usize) -> Self {
        Meter {
            limit,
            used: 0,
            entries: 0,
            refused: None,
        }
    }

    /// What is to be said of a refusal.
    pub(super) fn explain(&self) -> Option<String> {
        self.refused.map(|refusal| match refusal {
            Refusal::Memory => format!("out of memory (limit {} MiB)", self.limit >> 20),
            Refusal::Tables => format!("out of table entries (limit {MAX_TABLE_ENTRIES})"),
        })
    }
}

/// The new total, if growth from `current` to `desired` is within `limit` and `maximum`.
fn grown(
    total: usize,
    current: usize,
    desired: usize,
    maximum: Option<usize>,
    limit: usize,
) -> Option<usize> {
    let more = total.saturating_add(desired.saturating_sub(current));
    // What the module itself forbids does not happen, and is not counted.
    let happens = maximum.is_none_or(|maximum| desired <= maximum);
    (more <= limit).then_some(if happens { more } else { total })
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = grown(self.used, current, desired, maximum, self.limit);
        match total {
            Some(total) => {
                self.used = total;
                LARGEST.fetch_max(total, Ordering::Relaxed);
            }
            None => self.refused = Some(Refusal::Memory),
        }
        Ok(total.is_some())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = grown(self.entries, current, desired, maximum, MAX_TABLE_ENTRIES);
        match total {
            Some(total) => self.entries = total,
            None => self.refused = Some(Refusal::Tables),
        }
        Ok(total.is_some())
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        16
    }

    fn memories(&self) -> usize {
        8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_memories_are_summed_and_refusals_remembered() {
        let mut meter = Meter::new(100);
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 60, None).unwrap());
        assert_eq!(meter.refused, Some(Refusal::Memory));
        assert_eq!(meter.used, 60);
        meter.refused = None;
        assert!(meter.memory_growing(60, 100, None).unwrap());
        assert!(meter.memory_growing(100, 100, Some(50)).unwrap());
        assert_eq!(meter.used, 100);
    }

    #[test]
    fn all_tables_are_summed() {
        let mut meter = Meter::new(100);
        assert!(meter.table_growing(0, 60_000, None).unwrap());
        assert!(!meter.table_growing(0, 60_000, None).unwrap());
        assert!(meter.explain().unwrap().contains("table entries"));
    }
}

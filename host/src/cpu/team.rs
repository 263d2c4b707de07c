//! Threads that run one program together: each does its share of every step, and none goes on before
//! all have arrived. Cheaper than handing out tasks when a step takes microseconds.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How often a waiting thread looks before it lets others run.
const SPINS: u32 = 2000;

/// One of the threads, as the program sees itself.
pub struct Member<'a> {
    index: usize,
    count: usize,
    arrived: &'a AtomicUsize,
    round: usize,
}

impl Member<'_> {
    /// This thread's part of `len` things, in multiples of `unit`; the parts cover all of them.
    pub fn share(&self, len: usize, unit: usize) -> Range<usize> {
        let units = len.div_ceil(unit);
        let cut = |index: usize| (units * index / self.count * unit).min(len);
        cut(self.index)..cut(self.index + 1)
    }

    /// Waits until all have come here; what they wrote before is then seen by all.
    pub fn meet(&mut self) {
        self.round += 1;
        self.arrived.fetch_add(1, Ordering::AcqRel);
        let mut looks = 0;
        while self.arrived.load(Ordering::Acquire) < self.round * self.count {
            looks += 1;
            if looks < SPINS {
                std::hint::spin_loop();
            } else {
                // Another process may have our core's partner.
                std::thread::yield_now();
            }
        }
    }
}

/// Runs `program` on `threads` threads at once, this one among them.
///
/// # Panics
/// When the program panics on any of them. The program must not panic between meetings.
pub fn run(threads: usize, program: impl Fn(&mut Member) + Sync) {
    let count = threads.max(1);
    let arrived = AtomicUsize::new(0);
    let work = |index| {
        program(&mut Member {
            index,
            count,
            arrived: &arrived,
            round: 0,
        });
    };
    std::thread::scope(|scope| {
        for index in 1..count {
            scope.spawn(move || work(index));
        }
        work(0);
    });
}

#[cfg(test)]
mod tests {
    use super::run;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn shares_cover_everything_once_and_meetings_order_them() {
        for threads in [1, 2, 3, 5] {
            let marks: Vec<AtomicU32> = (0..37).map(|_| AtomicU32::new(0)).collect();
            run(threads, |member| {
                for round in 0..200 {
                    for at in member.share(marks.len(), 4) {
                        marks[at].fetch_add(1, Ordering::Relaxed);
                    }
                    member.meet();
                    assert!(marks.iter().all(|m| m.load(Ordering::Relaxed) > round));
                    member.meet();
                }
            });
            assert!(marks.iter().all(|mark| mark.load(Ordering::Relaxed) == 200));
        }
    }
}

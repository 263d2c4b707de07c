//! Threads that run one program together: each does its share of every step, and none goes on before
//! all have arrived. Cheaper than handing out tasks when a step takes microseconds.

mod openmp;

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// How often a waiting thread looks before it sleeps: some tens of microseconds. Longer would only
/// take time from others, who may be what the late thread is waiting for.
const LOOKS: u32 = 4000;

/// Where the threads of a team wait for each other.
#[derive(Default)]
struct Meeting {
    arrived: AtomicUsize,
    sleepers: AtomicUsize,
    door: Mutex<()>,
    opened: Condvar,
}

impl Meeting {
    /// Waits until `wanted` arrivals were made, this one among them.
    fn arrive(&self, wanted: usize) {
        if self.arrived.fetch_add(1, Ordering::SeqCst) + 1 == wanted {
            if self.sleepers.load(Ordering::SeqCst) > 0 {
                // Who sleeps has looked at `arrived` behind this door, so nobody misses the call.
                drop(self.door.lock().unwrap_or_else(PoisonError::into_inner));
                self.opened.notify_all();
            }
            return;
        }
        for _ in 0..LOOKS {
            if self.arrived.load(Ordering::SeqCst) >= wanted {
                return;
            }
            std::hint::spin_loop();
        }
        let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while self.arrived.load(Ordering::SeqCst) < wanted {
            let opened = self.opened.wait(door);
            door = opened.unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One of the threads, as the program sees itself.
pub(crate) struct Member<'a> {
    index: usize,
    count: usize,
    meeting: &'a Meeting,
    round: usize,
}

impl Member<'_> {
    /// This thread's part of `len` things, in multiples of `unit`; the parts cover all of them.
    pub(crate) fn share(&self, len: usize, unit: usize) -> Range<usize> {
        let units = len.div_ceil(unit);
        let cut = |index: usize| (units * index / self.count * unit).min(len);
        cut(self.index)..cut(self.index + 1)
    }

    /// Waits until all have come here; what they wrote before is then seen by all.
    pub(crate) fn meet(&mut self) {
        self.round += 1;
        self.meeting.arrive(self.round * self.count);
    }
}

/// Runs `program` on `threads` threads at once, this one among them: on libtorch's own where that is
/// possible, whose workers stay awake for a while after each of its operations and would be in the
/// way of others.
///
/// # Panics
/// When the program panics. It must not panic on one thread alone between meetings.
pub(crate) fn run(threads: usize, program: impl Fn(&mut Member) + Sync) {
    let meeting = Meeting::default();
    let work = |index, count| {
        program(&mut Member {
            index,
            count,
            meeting: &meeting,
            round: 0,
        });
    };
    let count = threads.max(1);
    if count > 1 && openmp::run(count, &work) {
        return;
    }
    std::thread::scope(|scope| {
        for index in 1..count {
            scope.spawn(move || work(index, count));
        }
        work(0, count);
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

//! How long a thread has computed, other than how long ago it began: on a machine that is busy with other programs it
//! waits for its turn, and what becomes of a plugin's rows must not depend on that.
//!
//! Does not know what is computed, or how long it may take.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static EFFORT: Cell<Option<Effort>> = const { Cell::new(None) };
}

/// What is known of a thread.
#[derive(Clone, Copy)]
struct Effort {
    begun: Instant,
    /// What the thread had computed when it began.
    before: Duration,
    /// For how long it has waited for others who worked for it.
    waited: Duration,
    /// For how long it has waited for its turn, when it was looked at last.
    starved: Duration,
}

/// Counts anew on this thread.
pub(super) fn begin() {
    EFFORT.set(computed().map(|before| Effort {
        begun: Instant::now(),
        before,
        waited: Duration::ZERO,
        starved: Duration::ZERO,
    }));
}

/// By how much longer this thread has waited for its turn than when it was looked at last; nothing where the system
/// does not say what it computed, or nobody counts.
pub(super) fn look() -> Duration {
    let (Some(mut effort), Some(now)) = (EFFORT.get(), computed()) else {
        return Duration::ZERO;
    };
    let busy = now.saturating_sub(effort.before) + effort.waited + effort.starved;
    let more = effort.begun.elapsed().saturating_sub(busy);
    effort.starved += more;
    EFFORT.set(Some(effort));
    more
}

/// For how long this thread has waited for its turn, as far as it was looked at.
pub(super) fn starved() -> Duration {
    EFFORT.get().map_or(Duration::ZERO, |effort| effort.starved)
}

/// Notes for how long others have worked for this thread while it waited: that is no waiting for a turn.
pub(super) fn waited(time: Duration) {
    if let Some(mut effort) = EFFORT.get() {
        effort.waited += time;
        EFFORT.set(Some(effort));
    }
}

/// What this thread has computed so far.
#[cfg(unix)]
pub(super) fn computed() -> Option<Duration> {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

#[cfg(unix)]
fn read(clock: libc::clockid_t) -> Option<Duration> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer leads to a live value, which the system fills in.
    let done = unsafe { libc::clock_gettime(clock, &mut time) };
    (done == 0).then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

#[cfg(not(unix))]
pub(super) fn computed() -> Option<Duration> {
    None
}

/// What says to other threads how long a thread has computed.
pub(super) struct Clock(#[cfg(unix)] libc::clockid_t);

impl Clock {
    /// This thread's.
    #[cfg(unix)]
    pub(super) fn own() -> Option<Clock> {
        let mut id = 0;
        // SAFETY: the pointer leads to a live value, which the system fills in, and this thread runs.
        let found = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut id) };
        (found == 0).then_some(Clock(id))
    }

    #[cfg(not(unix))]
    pub(super) fn own() -> Option<Clock> {
        None
    }

    /// How long the thread has computed, while it is there.
    pub(super) fn read(&self) -> Option<Duration> {
        #[cfg(unix)]
        return read(self.0);
        #[cfg(not(unix))]
        None
    }
}

/// Computes for so long.
#[cfg(test)]
pub(super) fn compute(time: Duration) {
    let before = computed().unwrap();
    while computed().unwrap() - before < time {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    #[test]
    fn who_sleeps_waits_for_a_turn_and_who_computes_does_not() {
        assert_eq!(look(), Duration::ZERO, "nobody counts");
        begin();
        std::thread::sleep(SHORT);
        assert!(look() > SHORT / 2 && starved() > SHORT / 2);
        let (before, begun) = (starved(), Instant::now());
        std::thread::sleep(SHORT);
        waited(SHORT);
        compute(SHORT);
        look();
        // What is left of the time was given to others.
        assert!(starved() - before <= begun.elapsed() - 2 * SHORT);
    }
}

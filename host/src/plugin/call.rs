//! One call of the host's: until when it must be answered, and how much of it may be logged,
//! whichever instances it goes through.
//!
//! Does not know what is called.

use std::io::Write;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Limits;

/// On a machine that is busy with others, a call may take so many times longer, and no more: it ends.
const MOST_LONGER: u32 = 9;
/// Longer lines are cut.
const MAX_LINE: usize = 2000;

/// What one call may use up.
pub(super) struct Call {
    /// When it must be over on a machine that has nothing else to do.
    until: Instant,
    /// By how much longer it may take, in nanoseconds: what other programs were given meanwhile.
    longer: AtomicU64,
    /// What that is at most.
    most: Duration,
    name: String,
    max_lines: usize,
    lines: AtomicUsize,
}

/// Why the host stops a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The call's time is up.
    Late,
    /// One row has had its share of the time.
    Row,
    /// A part of the batch has had its share, and the plugin does not say at which row it is.
    Silence,
}

/// How long a part of a call may take before something must be wrong with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// One row.
    pub(super) row: Duration,
    /// What comes before the plugin says at which row it is.
    pub(super) silence: Duration,
}

impl Pace {
    /// As long as the call itself.
    pub(super) fn free(call: &Call) -> Self {
        let left = call.left();
        Pace {
            row: left,
            silence: left,
        }
    }
}

impl Call {
    /// A call of the plugin `name` that begins now.
    pub(super) fn new(name: &str, limits: &Limits) -> Self {
        Call {
            until: Instant::now() + limits.deadline,
            longer: AtomicU64::new(0),
            most: MOST_LONGER * limits.deadline,
            name: name.to_owned(),
            max_lines: limits.log_lines,
            lines: AtomicUsize::new(0),
        }
    }

    /// When it must be over.
    pub(super) fn until(&self) -> Instant {
        let longer = Duration::from_nanos(self.longer.load(Ordering::Relaxed));
        self.until + longer.min(self.most)
    }

    /// How much time is left.
    pub(super) fn left(&self) -> Duration {
        self.until().saturating_duration_since(Instant::now())
    }

    /// Adds what a part of it has waited for its turn.
    pub(super) fn lengthen(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.longer.fetch_add(by, Ordering::Relaxed);
    }

    /// Shows a line, unless there were too many.
    pub(super) fn log(&self, level: &str, line: &str) {
        if self.lines.fetch_add(1, Ordering::Relaxed) < self.max_lines {
            self.show(level, line);
        }
    }

    fn show(&self, level: &str, line: &str) {
        // A closed stderr is no reason to stop a run.
        let _ = writeln!(std::io::stderr().lock(), "{}: {level}: {line}", self.name);
    }
}

impl Drop for Call {
    /// Says how many lines were not shown.
    fn drop(&mut self) {
        let suppressed = self.lines.get_mut().saturating_sub(self.max_lines);
        if suppressed > 0 {
            let limit = self.max_lines;
            let line = format!("{suppressed} more lines were not shown (limit {limit})");
            self.show("warn", &line);
        }
    }
}

/// Text of a plugin as it may be shown on a terminal: no escapes, one line, not endless.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .take(MAX_LINE)
        .map(|c| if disturbs(c) { ' ' } else { c })
        .collect()
}

/// Whether a character can change what is shown around it: escapes, and those that turn the
/// direction of text.
pub(super) fn disturbs(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_are_taken_out() {
        assert_eq!(clean("a\u{1b}[31m\nb"), "a [31m b");
        assert_eq!(clean("a\u{9b}31m\u{202e}b\u{7f}"), "a 31m b ");
        assert_eq!(clean(&"x".repeat(1 << 20)).len(), MAX_LINE);
    }
}

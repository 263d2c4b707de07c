//! How fast somebody works.

use super::Judged;

/// Between two answers that are farther apart lies a pause, in milliseconds.
const PAUSE: i64 = 5 * 60_000;
const HOUR: f64 = 3_600_000.0;

/// Answers an hour: by the times between answers that follow each other without a pause.
pub(super) fn per_hour(own: &[&Judged]) -> Option<f64> {
    let mut times: Vec<i64> = own.iter().map(|judged| judged.time).collect();
    times.sort_unstable();
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    let gaps: Vec<i64> = gaps.filter(|gap| *gap <= PAUSE).collect();
    let worked: i64 = gaps.iter().sum();
    (worked > 0).then(|| gaps.len() as f64 * HOUR / worked as f64)
}

/// The middle of the times from display to the first answer.
pub(super) fn median(own: &[&Judged]) -> Option<f64> {
    let mut times: Vec<u64> = own.iter().map(|judged| judged.first.shown_ms).collect();
    times.sort_unstable();
    let (low, high) = (times.len().checked_sub(1)? / 2, times.len() / 2);
    Some((times[low] as f64 + times[high] as f64) / 2.0)
}

/// First answers that came before anybody could have read. To pass on takes no reading.
pub(super) fn too_fast(own: &[&Judged]) -> u64 {
    let read = own.iter().filter(|judged| !judged.first_skips);
    read.filter(|judged| judged.first.shown_ms < judged.about.least_ms)
        .count() as u64
}

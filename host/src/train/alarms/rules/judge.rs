//! A reward that rises while a judge that has no part in it falls.

use super::{Finding, found};
use crate::train::alarms::Bounds;
use crate::train::alarms::history::{History, MEASURE, mean};

/// Updates that are averaged to compare rewards and measures.
const WINDOW: usize = 8;

/// The reward is higher than where a measure was at its best, and the measure is lower.
///
/// Both are means of [`WINDOW`] updates, apart from each other. A difference counts from so many of its standard
/// errors on, for which the variance of single updates is estimated from the differences of neighbours (von Neumann
/// 1941), which no trend enters. The best of many windows is high by chance alone, about `sqrt(2 ln windows)` deviations
/// of one window, which are `sqrt(ln windows)` errors of a difference: a measure must have fallen by so much more.
pub(super) fn finds(history: &History, bounds: &Bounds) -> Option<Finding> {
    let rewards = history.column("objective/score");
    let mut found_in = history.measures().filter_map(|name| {
        let (measures, now) = (history.column(name), rewards.len().checked_sub(WINDOW)?);
        // Where both are known; a measure may have nothing to say of a batch.
        let at = |series: &[f64], start: usize| mean(&series[start..start + WINDOW]);
        let starts = (0..(now + 1).saturating_sub(WINDOW)).filter(|&start| at(measures, start).is_finite());
        let best = starts.max_by(|&a, &b| at(measures, a).total_cmp(&at(measures, b)))?;
        let errors = bounds.alarms.judge_errors;
        let (fallen, risen) = (
            at(measures, best) - at(measures, now),
            at(rewards, now) - at(rewards, best),
        );
        let windows = (measures.len() / WINDOW).max(1) as f64;
        let by_chance = windows.ln().sqrt();
        let is_so = fallen > (errors + by_chance) * error_of(measures)? && risen > errors * error_of(rewards)?;
        is_so.then(|| {
            let who = &name[MEASURE.len()..];
            format!(
                "the reward has risen by {risen:.3} since update {}, where `{who}`, which is no part of it, was at its \
                 best, and `{who}` has fallen by {fallen:.3}",
                best + WINDOW - 1
            )
        })
    });
    found(
        found_in.next()?,
        "the policy has learned what the reward gets wrong: take a checkpoint of before, raise kl.coef, or mend the \
         reward",
    )
}

/// The standard error of the difference of two means of [`WINDOW`] updates.
fn error_of(series: &[f64]) -> Option<f64> {
    let steps: Vec<f64> = series
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).powi(2))
        .filter(|square| square.is_finite())
        .collect();
    let variance = mean(&steps) / 2.0;
    Some((2.0 * variance / WINDOW as f64).sqrt()).filter(|error| error.is_finite())
}

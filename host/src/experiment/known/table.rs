//! The study in numbers: a table to read and a file to draw from.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::{Answers, Arm, Point, smooth};
use crate::train::observer::Table;

/// The policies on held-out queries.
pub(super) fn of(arms: &[Arm]) -> Result<Table> {
    let lines: Vec<Vec<Point>> = arms.iter().map(|arm| smooth(&arm.course)).collect();
    let furthest = |line: &Vec<Point>| line.iter().map(|point| point.kl).fold(0.0, f64::max);
    let all_reach = lines.iter().map(furthest).fold(f64::INFINITY, f64::min);
    let reached = format!("true reward at {all_reach:.1} nats");
    let mut table = Table::new(
        "study",
        &[
            "policy trained against",
            "its reward names the best",
            "true reward",
            "± 95 %",
            "learned reward",
            "KL, nats",
            &reached,
        ],
    );
    let first = arms.first().context("a study has policies")?;
    let original = "nothing: the original".to_owned();
    table
        .rows
        .push(row(original, None, &first.before, false, None));
    for (arm, line) in arms.iter().zip(&lines) {
        let name = match arm.labels {
            Some(_) => format!("a reward model from {}", arm.name()),
            None => arm.name(),
        };
        let near = truth_at(line, all_reach);
        let learned = arm.labels.is_some();
        table
            .rows
            .push(row(name, arm.accuracy, &arm.after, learned, near));
    }
    table.caption =
        "Rewards of held-out answers, in deviations of the original model's responses, whose mean is 0. The last \
         column is of the updates, five of them averaged, where a policy first is that far from the \
         original: as far as all of them come."
            .to_owned();
    Ok(table)
}

fn row(
    name: String,
    accuracy: Option<f64>,
    answers: &Answers,
    learned: bool,
    near: Option<f64>,
) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let (truth, error) = answers.truth;
    vec![
        name,
        or_dash(accuracy.map(|share| format!("{:.1} %", 100.0 * share))),
        format!("{truth:.2}"),
        format!("{error:.2}"),
        or_dash(learned.then(|| format!("{:.2}", answers.learned))),
        format!("{:.1}", answers.kl),
        or_dash(near.map(|truth| format!("{truth:.2}"))),
    ]
}

/// The true reward where a line first comes to `kl`.
fn truth_at(line: &[Point], kl: f64) -> Option<f64> {
    let at = line.iter().position(|point| point.kl >= kl)?;
    let after = line[at];
    let Some(before) = at.checked_sub(1).map(|before| line[before]) else {
        return Some(after.truth);
    };
    let share = (kl - before.kl) / (after.kl - before.kl);
    Some(before.truth + share * (after.truth - before.truth))
}

/// All updates of all policies, a line each.
pub(super) fn csv(arms: &[Arm]) -> Result<String> {
    let mut lines = String::from("labels,episodes,kl,true_reward,learned_reward\n");
    for arm in arms {
        let labels = arm
            .labels
            .map_or("true".to_owned(), |size| size.to_string());
        for point in &arm.course {
            writeln!(
                lines,
                "{labels},{},{},{},{}",
                point.episodes, point.kl, point.truth, point.learned
            )?;
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reward_on_the_way_lies_between_two_updates() {
        let point = |kl, truth| Point {
            episodes: 0.0,
            kl,
            truth,
            learned: 0.0,
        };
        let line = [
            point(0.0, 0.0),
            point(2.0, 1.0),
            point(1.0, 5.0),
            point(4.0, 2.0),
        ];
        assert_eq!(truth_at(&line, 1.0), Some(0.5));
        assert_eq!(truth_at(&line, 4.0), Some(2.0));
        assert_eq!(truth_at(&line, 5.0), None);
    }
}

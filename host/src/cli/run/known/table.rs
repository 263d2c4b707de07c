//! The study in numbers: a table to read and a file to draw from.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::{Answers, Arm};

/// The policies on held-out queries, as Markdown.
pub(super) fn markdown(arms: &[Arm]) -> Result<String> {
    let mut table = String::from(
        "| policy trained against | its reward names the best | true reward | ± 95 % | learned reward | \
         KL, nats |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    let mut row = |name: &str, accuracy: Option<f64>, answers: &Answers, learned: bool| {
        let accuracy = accuracy.map_or("–".to_owned(), |share| format!("{:.1} %", 100.0 * share));
        let learned = match learned {
            true => format!("{:.2}", answers.learned),
            false => "–".to_owned(),
        };
        let (truth, error) = answers.truth;
        writeln!(
            table,
            "| {name} | {accuracy} | {truth:.2} | {error:.2} | {learned} | {:.1} |",
            answers.kl
        )
    };
    let first = arms.first().context("a study has policies")?;
    row("nothing: the original", None, &first.before, false)?;
    for arm in arms {
        let name = match arm.labels {
            Some(_) => format!("a reward model from {}", arm.name()),
            None => arm.name(),
        };
        row(&name, arm.accuracy, &arm.after, arm.labels.is_some())?;
    }
    table.push_str(
        "\nRewards of held-out answers, in deviations of the original model's responses, whose mean is 0.\n",
    );
    Ok(table)
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

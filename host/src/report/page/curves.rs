//! How numbers went, update by update: the names are those of the paper's code. Runs of one kind are drawn over each
//! other.

use anyhow::Result;

use super::{Plots, Told};
use crate::report::cited::of_line;
use crate::report::html::{Table, code, name};
use crate::report::metrics::chosen;
use crate::report::plot::{Line, POINTS, Plot, Point};

/// What is drawn of a policy, and what it means.
const POLICY: [(&str, &str); 21] = [
    (
        "objective/score",
        "mean score, penalty and shapers included",
    ),
    ("objective/kl", "KL to the reference, nats a response"),
    ("objective/score_total", "score less the KL penalty"),
    ("objective/kl_coef", "KL coefficient"),
    (
        "objective/entropy",
        "negative log-probability of a response, nats",
    ),
    ("objective/valid", "share of valid responses"),
    ("objective/score_std", "deviation of the score over rows"),
    ("response/length", "tokens that scorers see"),
    (
        "response/repeated",
        "share of repeated runs of three tokens",
    ),
    (
        "response/duplicates",
        "share of responses that another row says too",
    ),
    ("ppo/loss/policy", "clipped policy loss"),
    ("ppo/loss/value", "clipped value loss"),
    ("ppo/loss/total", "policy loss and value loss together"),
    (
        "ppo/policy/entropy",
        "entropy of a token's distribution, nats",
    ),
    (
        "ppo/policy/approxkl",
        "half the squared change of log-probabilities",
    ),
    ("ppo/policy/clipfrac", "share of clipped ratios"),
    ("ppo/returns/mean", "mean return"),
    ("ppo/val/error", "error of the value head"),
    (
        "ppo/val/var_explained",
        "variance that the value head explains",
    ),
    ("sampling/mismatch_kl", "sampler less trainer, nats a token"),
    ("time/update", "seconds of an update"),
];
/// The same of a reward model.
const REWARD_MODEL: [(&str, &str); 6] = [
    ("reward/loss", "loss of the batch, before the step"),
    (
        "reward/accuracy",
        "how often the best response has the highest reward",
    ),
    ("validation/loss", "loss on the validation labels"),
    ("validation/accuracy", "accuracy on the validation labels"),
    ("reward/lr", "learning rate"),
    ("reward/grad_norm", "norm of the gradient"),
];
/// The same of a policy that learns what people wrote.
const SUPERVISED: [(&str, &str); 4] = [
    ("sft/loss", "loss of a token, before the step, nats"),
    ("validation/loss", "loss on the validation pairs, nats"),
    ("sft/lr", "learning rate"),
    ("sft/grad_norm", "norm of the gradient"),
];

/// Curves of all kinds of runs, and every number of each in a table.
pub(super) fn all(runs: &[Told], plots: &mut Plots) -> Result<String> {
    let mut html = String::new();
    for (stage, title, keys) in [
        ("policy", "Policies", &POLICY[..]),
        ("reward model", "Reward models", &REWARD_MODEL[..]),
        ("sft", "Learning what people wrote", &SUPERVISED[..]),
    ] {
        let of_stage: Vec<&Told> = runs
            .iter()
            .filter(|told| told.run.header.stage == stage && !told.run.metrics.updates().is_empty())
            .collect();
        if of_stage.is_empty() {
            continue;
        }
        html += &format!("<h3>{title}</h3>\n<div class=\"plots\">\n");
        for (key, about) in keys {
            html += &curve(&of_stage, key, about, plots)?;
        }
        html += "</div>\n";
        for told in of_stage {
            html += &numbers(told);
        }
    }
    Ok(html)
}

/// A number of several runs over their updates; nothing where none has it.
pub(super) fn curve(runs: &[&Told], key: &str, about: &str, plots: &mut Plots) -> Result<String> {
    let line = |told: &&Told| {
        let metrics = &told.run.metrics;
        let column = metrics.column(key)?;
        let known: Vec<usize> = (0..column.len())
            .filter(|row| column[*row].is_finite())
            .collect();
        let rows = chosen(&[column], column.len(), POINTS);
        // A number that few updates have is joined over those that have none.
        let sparse = known.len() < column.len() / 2;
        let rows = if sparse { known } else { rows };
        let point = |row: usize| Point::at(metrics.updates()[row] as f64, column[row]);
        Some(Line {
            name: told.short.clone(),
            marked: rows.len() < 2,
            points: rows.into_iter().map(point).collect(),
            joined: true,
        })
    };
    let plot = Plot {
        name: key.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        title: key.to_owned(),
        about: format!("{key} over updates: {about}"),
        x: "update".to_owned(),
        lines: runs.iter().filter_map(line).collect(),
        ..Plot::default()
    };
    plots.figure(plot, &format!("{}: {about}", code(key)))
}

/// Every number of a run: at first, at last, and at its ends.
fn numbers(told: &Told) -> String {
    let metrics = &told.run.metrics;
    let file = told.file("metrics.jsonl");
    let columns = [
        "number",
        "first",
        "last",
        "least",
        "in update",
        "most",
        "in update",
    ];
    let mut table = Table::new(
        "From <code>metrics.jsonl</code>; <code>docs/metrics.md</code> says what each is.",
        &columns,
    );
    for key in metrics.keys() {
        let Some(column) = metrics.column(key) else {
            continue;
        };
        let finite = || (0..column.len()).filter(|row| column[*row].is_finite());
        let least = finite().min_by(|a, b| column[*a].total_cmp(&column[*b]));
        let most = finite().max_by(|a, b| column[*a].total_cmp(&column[*b]));
        let (Some(first), Some(last), Some(least), Some(most)) =
            (finite().next(), finite().next_back(), least, most)
        else {
            continue;
        };
        let value = |row: usize| of_line(&file, metrics.line(row), &[key], column[row]);
        let update = |row: usize| metrics.updates()[row].to_string();
        table.row(vec![
            code(key),
            value(first),
            value(last),
            value(least),
            update(least),
            value(most),
            update(most),
        ]);
    }
    format!(
        "<details><summary>All numbers of {}</summary>\n{}</details>\n",
        name(&told.short),
        table.html()
    )
}

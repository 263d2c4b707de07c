//! What rewards are made of, update by update, and what was gained for how far a policy went.

use std::collections::BTreeSet;

use anyhow::Result;

use super::curves::curve;
use super::{Plots, Told};
use crate::report::cited::{Cited, or_none};
use crate::report::html::{Table, code, name};
use crate::report::metrics::chosen;
use crate::report::plot::{Line, POINTS, Plot, Point};

/// Numbers of which rewards are made, by how their names begin.
const PARTS: [(&str, &str); 5] = [
    ("labeler/", "of the labeler, unweighted"),
    ("reward_model/", "of the reward model, unweighted"),
    ("task/", "of the task, unweighted"),
    ("shaper/", "of a shaper, unweighted"),
    ("measure/", "measured, and no part of the reward"),
];

/// Each part of the rewards over the updates.
pub(super) fn components(runs: &[Told], plots: &mut Plots) -> Result<String> {
    let runs: Vec<&Told> = runs.iter().collect();
    let mut html = String::new();
    for (prefix, about) in PARTS {
        let keys = runs.iter().flat_map(|told| told.run.metrics.keys());
        let keys: BTreeSet<&String> = keys.filter(|key| key.starts_with(prefix)).collect();
        for key in keys {
            html += &curve(&runs, key, about, plots)?;
        }
    }
    Ok(match html.is_empty() {
        true => html,
        false => format!("<div class=\"plots\">\n{html}</div>\n"),
    })
}

/// Score over divergence: of each policy while it learns, and of its held-out answers.
pub(super) fn frontier(runs: &[Told], plots: &mut Plots) -> Result<String> {
    let policies: Vec<&Told> = runs
        .iter()
        .filter(|told| told.run.header.stage == "policy")
        .collect();
    let training = Plot {
        name: "kl-reward-training".to_owned(),
        title: "Score over KL while training".to_owned(),
        about: "objective/score over objective/kl, update by update".to_owned(),
        x: "objective/kl, nats".to_owned(),
        y: "objective/score".to_owned(),
        lines: policies.iter().filter_map(|told| course(told)).collect(),
        ..Plot::default()
    };
    let ended = |told: &&Told| {
        let number = |key: &str| told.run.after.as_ref()?.get(key)?.as_f64();
        Some(Line {
            name: told.short.clone(),
            points: vec![Point::at(number("kl")?, number("score")?)],
            joined: false,
            marked: true,
        })
    };
    let answers = Plot {
        name: "kl-reward-held-out".to_owned(),
        title: "Held-out score over KL".to_owned(),
        about: "mean score of held-out answers over their KL, a point for each policy".to_owned(),
        x: "KL, nats".to_owned(),
        y: "score".to_owned(),
        lines: policies.iter().filter_map(ended).collect(),
        ..Plot::default()
    };
    let figures = [
        plots.figure(
            training,
            &format!(
                "{} over {}, update by update: what is gained for how far a policy goes.",
                code("objective/score"),
                code("objective/kl")
            ),
        )?,
        match policies.len() {
            // One point says nothing that the table does not.
            0 | 1 => String::new(),
            _ => plots.figure(
                answers,
                "The same of the answers to held-out queries, after the last update.",
            )?,
        },
    ]
    .concat();
    if figures.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(
        "<div class=\"plots\">\n{figures}</div>\n{}",
        table(&policies).html()
    ))
}

/// The path of a policy.
fn course(told: &Told) -> Option<Line> {
    let metrics = &told.run.metrics;
    let (kl, score) = (
        metrics.column("objective/kl")?,
        metrics.column("objective/score")?,
    );
    let rows = chosen(&[kl, score], kl.len(), POINTS);
    Some(Line {
        name: told.short.clone(),
        points: rows
            .iter()
            .map(|row| Point::at(kl[*row], score[*row]))
            .collect(),
        joined: true,
        marked: rows.len() < 2,
    })
}

fn table(policies: &[&Told]) -> Table {
    let mut table = Table::new(
        "Held-out answers, from <code>eval/before.json</code> and <code>eval/after.json</code>.",
        &["policy", "score before", "score after", "KL after, nats"],
    );
    for told in policies {
        let [before, after] =
            ["before", "after"].map(|when| told.file(&format!("eval/{when}.json")));
        let number = |file: &str, value: &Option<serde_json::Value>, key: &str| {
            let value = value.as_ref()?;
            Some(Cited::of(file, value).get(key)?.html())
        };
        if told.run.after.is_some() {
            table.row(vec![
                name(&told.short),
                or_none(number(&before, &told.run.before, "score")),
                or_none(number(&after, &told.run.after, "score")),
                or_none(number(&after, &told.run.after, "kl")),
            ]);
        }
    }
    table
}

//! What reward models are worth on labels that they never saw, as `report.json` has it: how often they are right, whether
//! they know how sure they are, and what more labels would do.

use anyhow::Result;

use super::{Plots, Told};
use crate::report::cited::{Cited, or_none};
use crate::report::html::{Table, code, name};
use crate::report::plot::{Line, Plot, Point};

/// All reward models, and what policies that learned what people wrote came to.
pub(super) fn all(runs: &[Told], plots: &mut Plots) -> Result<String> {
    let files: Vec<(&Told, String)> = runs
        .iter()
        .map(|told| (told, told.file("report.json")))
        .collect();
    let reports: Vec<(&Told, Cited)> = files
        .iter()
        .filter_map(|(told, file)| Some((*told, Cited::of(file, told.run.report.as_ref()?))))
        .collect();
    let supervised: Vec<&(&Told, Cited)> = reports
        .iter()
        .filter(|(_, report)| is_supervised(report))
        .collect();
    let models: Vec<&(&Told, Cited)> = reports
        .iter()
        .filter(|(_, report)| !is_supervised(report))
        .collect();
    let figures = [efficiency(&models, plots)?, calibration(&models, plots)?].concat();
    let mut html = rated(&models).html();
    if !figures.is_empty() {
        html += &format!("<div class=\"plots\">\n{figures}</div>\n");
    }
    for (told, report) in models {
        let bins = bins(report);
        if !bins.is_empty() {
            html += &format!(
                "<details><summary>What {} promises and keeps</summary>\n{}{}</details>\n",
                name(&told.short),
                bins.html(),
                spread(report)
            );
        }
    }
    let learned = wrote(&supervised).html();
    if !learned.is_empty() {
        html += &format!("<h3>Learned from what people wrote</h3>\n{learned}");
    }
    Ok(html)
}

fn is_supervised(report: &Cited) -> bool {
    report.get("train_pairs").is_some()
}

fn rated(models: &[&(&Told, Cited)]) -> Table {
    let columns = [
        "reward model",
        "labels learned from",
        "steps",
        "best epoch",
        "tested on",
        "loss",
        "accuracy",
        "accuracy of pairs",
        "calibration error",
        "Pearson's r",
    ];
    let mut table = Table::new(
        "On labels that none of them saw, from <code>report.json</code>; shares with Wilson's 95 % interval.",
        &columns,
    );
    for (told, report) in models {
        let own = |key: &str| or_none(report.get(key).map(|value| value.html()));
        let held_out = report.get("held_out");
        let held_out = held_out.as_ref();
        let number = |key: &str| or_none(held_out.and_then(|found| Some(found.get(key)?.html())));
        let share = |key: &str| or_none(held_out.and_then(|found| Some(found.get(key)?.share())));
        let r = held_out.and_then(|found| Some(found.get("ratings")?.get("correlation")?.html()));
        table.row(vec![
            name(&told.short),
            own("train_labels"),
            own("steps"),
            own("best_epoch"),
            number("labels"),
            number("loss"),
            share("accuracy"),
            share("pairwise"),
            number("expected_calibration_error"),
            or_none(r),
        ]);
    }
    table
}

/// Accuracy over labels, where several models learned from several numbers of them.
fn efficiency(models: &[&(&Told, Cited)], plots: &mut Plots) -> Result<String> {
    let line = |key: &str, title: &str| {
        let point = |(_, report): &&(&Told, Cited)| {
            let share = report.get("held_out")?.get(key)?;
            Some(Point {
                x: report
                    .number("train_labels")
                    .filter(|labels| *labels > 0.0)?,
                y: share.number("value")?,
                low: share.number("low")?,
                high: share.number("high")?,
            })
        };
        let mut points: Vec<Point> = models.iter().filter_map(point).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        Line {
            name: title.to_owned(),
            points,
            joined: true,
            marked: true,
        }
    };
    let lines = [
        line("accuracy", "the best of all"),
        line("pairwise", "pairs"),
    ];
    let plot = Plot {
        name: "label-efficiency".to_owned(),
        title: "Accuracy over labels".to_owned(),
        about: "accuracy of reward models on held-out labels over how many they learned from"
            .to_owned(),
        x: "labels".to_owned(),
        y: "share that is right".to_owned(),
        doubling: true,
        lines: lines
            .into_iter()
            .filter(|line| line.points.len() > 1)
            .collect(),
        ..Plot::default()
    };
    plots.figure(
        plot,
        "How often reward models are right on labels that they never saw, with 95 % intervals; each step to the right is \
         twice as many labels.",
    )
}

/// What models promise and what they keep.
fn calibration(models: &[&(&Told, Cited)], plots: &mut Plots) -> Result<String> {
    let line = |(told, report): &&(&Told, Cited)| {
        let bins = report.get("held_out")?.list("reliability");
        let some = bins
            .iter()
            .filter(|bin| bin.number("count").is_some_and(|count| count > 0.0));
        let points =
            some.filter_map(|bin| Some(Point::at(bin.number("mean")?, bin.number("accuracy")?)));
        Some(Line {
            name: told.short.clone(),
            points: points.collect(),
            joined: true,
            marked: true,
        })
    };
    let plot = Plot {
        name: "calibration".to_owned(),
        title: "Calibration".to_owned(),
        about: "how often reward models are right over how sure they are".to_owned(),
        x: "promised".to_owned(),
        y: "kept".to_owned(),
        diagonal: true,
        lines: models.iter().filter_map(line).collect(),
        ..Plot::default()
    };
    plots.figure(
        plot,
        "How often a choice is right over the probability that the model gives it. Below the diagonal it is too sure.",
    )
}

/// The bins of both tables.
fn bins(report: &Cited) -> Table {
    let mut table = Table::new(
        "Choices by the probability that the model gives them, and by the margin between first and second reward.",
        &["by", "mean", "right", "labels"],
    );
    let Some(held_out) = report.get("held_out") else {
        return table;
    };
    for (key, title) in [("reliability", "probability"), ("margins", "margin")] {
        for bin in held_out.list(key) {
            let cell = |key: &str| bin.get(key).map(|value| value.html());
            if bin.number("count").is_some_and(|count| count > 0.0) {
                table.row(vec![
                    title.to_owned(),
                    or_none(cell("mean")),
                    or_none(bin.get("accuracy").map(|share| share.percent())),
                    or_none(cell("count")),
                ]);
            }
        }
    }
    table
}

/// The span of rewards, and how many lie in each tenth of it.
fn spread(report: &Cited) -> String {
    let found = report.get("held_out").and_then(|held_out| {
        let range = held_out.get("range")?;
        let counts = held_out.list("histogram");
        let counts: Vec<String> = counts.iter().map(|count| count.html()).collect();
        Some((range.at(0)?.html(), range.at(1)?.html(), counts.join(", ")))
    });
    match found {
        Some((low, high, counts)) => {
            format!("<p>Rewards from {low} to {high}; in each tenth of that: {counts}.</p>\n")
        }
        None => String::new(),
    }
}

fn wrote(reports: &[&(&Told, Cited)]) -> Table {
    let mut table = Table::new("From <code>report.json</code>.", &["run"]);
    let keys = [
        "train_pairs",
        "validation_pairs",
        "without_reference",
        "cut",
        "steps",
        "best_epoch",
        "validation_loss",
        "validation_perplexity",
    ];
    keys.iter().for_each(|key| table.column(code(key)));
    for (told, report) in reports {
        let cell = |key: &&str| or_none(report.get(key).map(|value| value.html()));
        let mut cells = vec![name(&told.short)];
        cells.extend(keys.iter().map(cell));
        table.row(cells);
    }
    table
}

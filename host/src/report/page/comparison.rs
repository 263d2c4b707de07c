//! What comparisons came to, as `eval.json` has it: measures of each entry, who wins before whom, scores over divergence,
//! and what more labels are worth.

use anyhow::Result;

use super::differences::differences;
use super::spread::{quantiles, tenths};
use super::wins::wins;
use super::{Plots, Told};
use crate::report::cited::{Cited, or_none};
use crate::report::html::{Table, code, name};
use crate::report::plot::{Line, Plot, Point};

/// All comparisons.
pub(super) fn all(runs: &[Told], plots: &mut Plots) -> Result<String> {
    let mut html = String::new();
    for told in runs {
        let Some(eval) = &told.run.eval else {
            continue;
        };
        let file = told.file("eval.json");
        let eval = Cited::of(&file, eval);
        html += &format!("<h3>{}</h3>\n", name(&told.short));
        html += &one(&eval, plots)?;
    }
    Ok(html)
}

fn one(eval: &Cited, plots: &mut Plots) -> Result<String> {
    let mut html = format!(
        "<p>{} held-out queries, {} with a reference; measured against {}.</p>\n",
        or_none(eval.get("queries").map(|count| count.html())),
        or_none(eval.get("with_reference").map(|count| count.html())),
        name(eval.text("against")),
    );
    html += &entries(eval).html();
    for judge in eval.list("judges") {
        html += &format!(
            "<h4>{} ({})</h4>\n",
            name(judge.text("name")),
            name(judge.text("kind"))
        );
        html += &wins(&judge, plots)?;
        html += &format!(
            "<div class=\"plots\">\n{}{}</div>\n",
            frontier(&judge, plots)?,
            labels(eval, &judge, plots)?
        );
        html += &scores(&judge).html();
        html += &ratings(&judge).html();
    }
    let paired = differences(eval).html();
    let spread = [quantiles(eval), tenths(eval)].map(|table| table.html());
    let spread = spread.concat();
    if !paired.is_empty() {
        html += &format!(
            "<details><summary>Differences, query by query</summary>\n{paired}</details>\n"
        );
    }
    if !spread.is_empty() {
        html +=
            &format!("<details><summary>How measures are spread</summary>\n{spread}</details>\n");
    }
    Ok(html)
}

/// A row for each number, a column for each entry.
fn entries(eval: &Cited) -> Table {
    let entries = eval.list("entries");
    let mut table = Table::new(
        "Means with 95 % intervals; <code>docs/evaluation.md</code> says what each is. Shares are from 0 to 1; n is of how \
         many answers a number is, where that is not all.",
        &["measure"],
    );
    entries
        .iter()
        .for_each(|entry| table.column(name(entry.text("name"))));
    for key in ["labels", "answers", "missing", "cut", "kl_bound"] {
        let cells: Vec<Option<String>> = entries
            .iter()
            .map(|entry| Some(entry.get(key)?.html()))
            .collect();
        if cells.iter().any(Option::is_some) {
            let title = match key {
                "labels" => "labels learned from".to_owned(),
                "kl_bound" => "KL at most, nats".to_owned(),
                key => key.to_owned(),
            };
            table.row(row(title, cells));
        }
    }
    for key in ["invalid", "empty"] {
        let share = |entry: &Cited| Some(entry.get(key)?.share());
        let cells: Vec<Option<String>> = entries.iter().map(share).collect();
        if cells.iter().any(Option::is_some) {
            table.row(row(key.to_owned(), cells));
        }
    }
    let mut keys: Vec<&str> = Vec::new();
    for entry in &entries {
        for (key, _) in entry.table("measures") {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    for key in keys {
        let cell = |entry: &Cited| {
            let mean = entry.get("measures")?.get(key)?;
            Some(mean.interval() + &of_fewer(entry, &mean))
        };
        table.row(row(code(key), entries.iter().map(cell).collect()));
    }
    table
}

/// Of how many answers a number is, where that is not all.
fn of_fewer(entry: &Cited, mean: &Cited) -> String {
    let count = mean.get("count").filter(|count| {
        count.value().as_u64() != entry.get("answers").and_then(|all| all.value().as_u64())
    });
    count.map_or(String::new(), |count| format!("; n {}", count.html()))
}

fn row(title: String, cells: Vec<Option<String>>) -> Vec<String> {
    let cells = cells.into_iter().map(or_none);
    std::iter::once(title).chain(cells).collect()
}

/// The mean of an entry, as a point.
fn point(x: f64, mean: &Cited) -> Option<Point> {
    Some(Point {
        x,
        y: mean.number("value")?,
        low: mean.number("low")?,
        high: mean.number("high")?,
    })
}

/// Scores over divergence, of all whose divergence is known.
fn frontier(judge: &Cited, plots: &mut Plots) -> Result<String> {
    let line = |scored: &Cited| {
        Some(Line {
            name: scored.text("entry").to_owned(),
            points: vec![point(scored.number("kl")?, &scored.get("score")?)?],
            joined: false,
            marked: true,
        })
    };
    let plot = Plot {
        name: "kl-reward-entries".to_owned(),
        title: format!("Score by {} over KL", judge.text("name")),
        about: format!(
            "mean scores by {} over KL to the reference",
            judge.text("name")
        ),
        x: "KL, nats".to_owned(),
        y: "score".to_owned(),
        lines: judge.list("scores").iter().filter_map(line).collect(),
        ..Plot::default()
    };
    plots.figure(
        plot,
        "Mean scores with 95 % intervals over the KL to the reference. Towards the upper left is better.",
    )
}

/// Scores over the labels that rewards were learned from.
fn labels(eval: &Cited, judge: &Cited, plots: &mut Plots) -> Result<String> {
    let scores = judge.list("scores");
    let mut points: Vec<Point> = Vec::new();
    for entry in eval.list("entries") {
        let scored = scores
            .iter()
            .find(|scored| scored.text("entry") == entry.text("name"));
        let found = entry.number("labels").zip(scored);
        points.extend(found.and_then(|(labels, scored)| point(labels, &scored.get("score")?)));
    }
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    if points.len() < 2 {
        return Ok(String::new());
    }
    let plot = Plot {
        name: "label-efficiency-entries".to_owned(),
        title: format!("Score by {} over labels", judge.text("name")),
        about: format!(
            "mean scores by {} over how many labels taught the reward",
            judge.text("name")
        ),
        x: "labels".to_owned(),
        y: "score".to_owned(),
        doubling: true,
        lines: vec![Line {
            name: judge.text("name").to_owned(),
            points,
            joined: true,
            marked: true,
        }],
        ..Plot::default()
    };
    plots.figure(
        plot,
        "What more labels are worth: each step to the right is twice as many.",
    )
}

fn scores(judge: &Cited) -> Table {
    let mut table = Table::new(
        "Scores of answers by themselves. On the frontier, no other entry has as good a score for as little KL.",
        &["entry", "score", "difference", "p", "KL, nats", "frontier"],
    );
    for scored in judge.list("scores") {
        let paired = scored.get("paired");
        let frontier = scored
            .get("on_frontier")
            .and_then(|found| found.value().as_bool());
        table.row(vec![
            name(scored.text("entry")),
            or_none(scored.get("score").map(|mean| mean.interval())),
            or_none(
                paired
                    .as_ref()
                    .and_then(|paired| Some(paired.get("difference")?.interval())),
            ),
            or_none(
                paired
                    .as_ref()
                    .and_then(|paired| Some(paired.get("p")?.html())),
            ),
            or_none(scored.get("kl").map(|kl| kl.html())),
            or_none(frontier.map(|is_on| if is_on { "on it" } else { "below" }.to_owned())),
        ]);
    }
    table
}

fn ratings(judge: &Cited) -> Table {
    let mut table = Table::new(
        "Strengths of Bradley and Terry, in points of Elo's scale around 0, with 95 % intervals of queries drawn again; none \
         where those decide no strength too often.",
        &["entry", "rating", "comparisons"],
    );
    for rated in judge.list("ratings") {
        table.row(vec![
            name(rated.text("entry")),
            rated.interval(),
            or_none(rated.get("count").map(|count| count.html())),
        ]);
    }
    table
}

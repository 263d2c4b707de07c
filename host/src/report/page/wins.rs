//! Who wins before a judge, and how sure that is.

use anyhow::Result;

use super::Plots;
use crate::report::cited::{Cited, or_none};
use crate::report::html::{Table, name};
use crate::report::plot::{Line, Plot, Point};

/// More pairs are in the table alone.
const MOST: usize = 24;

/// Each two entries before a judge.
pub(super) fn wins(judge: &Cited, plots: &mut Plots) -> Result<String> {
    let contests = judge.list("contests");
    let who = judge.text("name");
    let shown = &contests[..contests.len().min(MOST)];
    let point = |(row, contest): (usize, &Cited)| {
        let rate = contest.get("win_rate")?;
        Some(Point {
            x: rate.number("value")?,
            // The first of them is on top.
            y: (shown.len() - 1 - row) as f64,
            low: rate.number("low")?,
            high: rate.number("high")?,
        })
    };
    let pair = |contest: &Cited| format!("{} / {}", contest.text("first"), contest.text("second"));
    let plot = Plot {
        name: "win-rates".to_owned(),
        title: format!("Wins by {who}"),
        about: format!(
            "how often the first of each two entries wins by {who}, with 95 % intervals"
        ),
        x: "share that the first wins".to_owned(),
        rows: shown.iter().rev().map(pair).collect(),
        diagonal: true,
        lines: vec![Line {
            name: who.to_owned(),
            points: shown.iter().enumerate().filter_map(point).collect(),
            joined: false,
            marked: true,
        }],
        ..Plot::default()
    };
    let figure = plots.figure(
        plot,
        "How often the first of two wins, ties half; 95 % intervals of Wilson. Where one crosses the middle, neither is \
         better for sure.",
    )?;
    Ok(format!(
        "<div class=\"plots\">\n{figure}</div>\n{}{}",
        table(&contests).html(),
        habits(judge)
    ))
}

fn table(contests: &[Cited]) -> Table {
    let columns = [
        "first",
        "second",
        "won",
        "lost",
        "tied",
        "undecided",
        "abstained",
        "first wins",
        "bootstrap",
        "at equal length",
        "p",
    ];
    let mut table = Table::new(
        "p of the exact sign test. At equal length: how often the first would win with answers as long as the second's.",
        &columns,
    );
    for contest in contests {
        let number = |key: &str| or_none(contest.get(key).map(|value| value.html()));
        let share = |key: &str| or_none(contest.get(key).map(|value| value.share()));
        table.row(vec![
            name(contest.text("first")),
            name(contest.text("second")),
            number("wins"),
            number("losses"),
            number("ties"),
            number("undecided"),
            number("abstained"),
            share("win_rate"),
            share("bootstrap"),
            share("equal_length"),
            number("p"),
        ]);
    }
    table
}

/// What is known of how the judge judges.
fn habits(judge: &Cited) -> String {
    let mut html = String::new();
    if let Some(seat) = judge.get("first_seat") {
        html += &format!(
            "<p>Of its choices {} took the answer that it saw first; a judge without habits takes half.</p>\n",
            seat.share()
        );
    }
    for (key, what) in [
        ("failed", "comparisons"),
        ("failed_scores", "scores of answers"),
    ] {
        if let Some(failed) = judge
            .get(key)
            .filter(|failed| failed.value().as_u64() != Some(0))
        {
            html += &format!(
                "<p>It failed on {} {what}, which are left out.</p>\n",
                failed.html()
            );
        }
    }
    html
}

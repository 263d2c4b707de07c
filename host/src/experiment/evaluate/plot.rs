//! A comparison as a picture: how much of what is said stands in the query, and what a judge gives for how far a model
//! went.

use anyhow::{Context, Result};
use plotters::prelude::*;

use super::report::{EntryReport, Report, Scored};
use crate::drawing::{
    Area, COLORS, Chart, chart, describe, intervals, legend, range, solid, words,
};
use crate::eval::share::Mean;

const SIZE: (u32, u32) = (1100, 460);
/// The longest runs of words that are counted.
const LONGEST: usize = 10;
/// Radius of a point, in pixels.
const POINT: u32 = 3;

/// Draws the comparison as SVG.
pub(super) fn draw(report: &Report) -> Result<String> {
    let mut text = String::new();
    drawn(report, &mut text).context("the plot could not be drawn")?;
    Ok(text)
}

fn drawn(report: &Report, text: &mut String) -> Result<()> {
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(words)?;
    let (left, right) = area.split_horizontally(SIZE.0 / 2);
    copying(&left, &report.entries)?;
    let mut judges = report.judges.iter();
    if let Some(judge) = judges.find(|judge| !judge.scores.is_empty()) {
        scores(&right, &judge.name, &judge.scores)?;
    }
    area.present().map_err(words)
}

/// Over the length of runs of words, the share of them that is copied.
fn copying(area: &Area, entries: &[EntryReport]) -> Result<()> {
    let mut chart = chart(
        area,
        "Copied from the query",
        0.5..LONGEST as f64 + 0.5,
        0.0..1.02,
    )?;
    describe(
        &mut chart,
        "words in a row",
        "share that stands in the query",
    )?;
    for (number, entry) in entries.iter().enumerate() {
        let points: Vec<(f64, &Mean)> = (1..=LONGEST)
            .filter_map(|n| Some((n as f64, entry.measures.get(&format!("copied_{n}grams"))?)))
            .collect();
        let color = color(number);
        let line = points.iter().map(|(n, share)| (*n, share.value));
        solid(&mut chart, line, color, &entry.name)?;
        // Beside each other, where they would hide each other.
        let aside = 0.04 * (number as f64 - entries.len() as f64 / 2.0);
        let places = points.iter().map(|(n, share)| (n + aside, *share));
        means(&mut chart, places, color)?;
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)
}

/// Scores over divergence, of all whose divergence is known; of the others as lines across.
fn scores(area: &Area, judge: &str, scores: &[Scored]) -> Result<()> {
    let most = scores.iter().filter_map(|one| one.kl).fold(0.0, f64::max);
    let far = range([0.0, most].into_iter());
    let values = scores
        .iter()
        .flat_map(|one| [one.score.low, one.score.high]);
    let mut chart = chart(
        area,
        &format!("Score by {judge}"),
        far.clone(),
        range(values),
    )?;
    describe(
        &mut chart,
        "KL to the reference, nats a response",
        "mean score",
    )?;
    for (number, one) in scores.iter().enumerate() {
        let color = color(number);
        match one.kl {
            Some(kl) => {
                solid(
                    &mut chart,
                    std::iter::once((kl, one.score.value)),
                    color,
                    &one.entry,
                )?;
                means(&mut chart, std::iter::once((kl, &one.score)), color)?;
            }
            None => {
                let across = [far.start, far.end].map(|kl| (kl, one.score.value));
                solid(&mut chart, across.into_iter(), color, &one.entry)?;
            }
        }
    }
    legend(&mut chart, SeriesLabelPosition::LowerRight)
}

/// Means as points, and their intervals as lines through them.
fn means<'m>(
    chart: &mut Chart,
    means: impl Iterator<Item = (f64, &'m Mean)>,
    color: RGBColor,
) -> Result<()> {
    let points = means.map(|(x, mean)| (x, mean.value, mean.low, mean.high));
    intervals(chart, points, color, (POINT, 1))
}

fn color(number: usize) -> RGBColor {
    match number.checked_sub(COLORS.len()) {
        None => COLORS[number],
        Some(more) => [BLACK, RGBColor(120, 120, 120)][more % 2],
    }
}

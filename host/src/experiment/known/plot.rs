//! The study as a picture: true reward over episodes, and true against learned reward over KL.

use anyhow::{Context, Result};
use plotters::prelude::*;

use super::{Arm, Point, smooth};
use crate::drawing::{COLORS, chart, describe, legend, range, solid, words};

const SIZE: (u32, u32) = (1100, 460);
/// Draws the study as SVG.
pub(super) fn draw(arms: &[Arm]) -> Result<String> {
    let mut text = String::new();
    drawn(arms, &mut text).context("the plot could not be drawn")?;
    Ok(text)
}

fn drawn(arms: &[Arm], text: &mut String) -> Result<()> {
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(words)?;
    let (left, right) = area.split_horizontally(SIZE.0 / 2);
    let lines: Vec<Vec<Point>> = arms.iter().map(|arm| smooth(&arm.course)).collect();
    let all = || lines.iter().flatten();

    let mut episodes = chart(
        &left,
        "True reward while training",
        range(all().map(|p| p.episodes)),
        range(all().map(|p| p.truth)),
    )?;
    describe(
        &mut episodes,
        "episodes",
        "true reward, deviations of the original",
    )?;
    for (number, (arm, line)) in arms.iter().zip(&lines).enumerate() {
        let points = line.iter().map(|point| (point.episodes, point.truth));
        solid(&mut episodes, points, color(number, arm), &arm.name())?;
    }
    legend(&mut episodes, SeriesLabelPosition::UpperLeft)?;

    let rewards = all().flat_map(|point| [point.truth, point.learned]);
    let mut divergence = chart(
        &right,
        "True reward (solid) and learned reward (dashed)",
        range(all().map(|p| p.kl)),
        range(rewards),
    )?;
    describe(
        &mut divergence,
        "KL to the original, nats a response",
        "reward, deviations of the original",
    )?;
    for (number, (arm, line)) in arms.iter().zip(&lines).enumerate() {
        let color = color(number, arm);
        let truth = line.iter().map(|point| (point.kl, point.truth));
        solid(&mut divergence, truth, color, &arm.name())?;
        if arm.labels.is_some() {
            let learned = line.iter().map(|point| (point.kl, point.learned));
            let dashed = DashedLineSeries::new(learned, 6, 4, color.stroke_width(2));
            divergence.draw_series(dashed).map_err(words)?;
        }
    }
    legend(&mut divergence, SeriesLabelPosition::UpperLeft)?;
    area.present().map_err(words)
}

fn color(number: usize, arm: &Arm) -> RGBColor {
    match arm.labels {
        None => BLACK,
        Some(_) => COLORS[number % COLORS.len()],
    }
}

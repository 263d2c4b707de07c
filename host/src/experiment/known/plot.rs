//! The study as a picture: true reward over episodes, and true against learned reward over KL.

use std::ops::Range;

use anyhow::{Context, Result, anyhow};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::{Arm, Point, smooth};

const SIZE: (u32, u32) = (1100, 460);
/// Of one hue each, told apart by most eyes; the last is the true reward's.
const COLORS: [RGBColor; 6] = [
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
];

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws the study as SVG.
pub(super) fn draw(arms: &[Arm]) -> Result<String> {
    let mut text = String::new();
    drawn(arms, &mut text).context("the plot could not be drawn")?;
    Ok(text)
}

/// The backend's errors borrow what is drawn on, so only their words go on.
fn words(error: impl std::error::Error) -> anyhow::Error {
    anyhow!("{error}")
}

fn drawn(arms: &[Arm], text: &mut String) -> Result<()> {
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(words)?;
    let (left, right) = area.split_horizontally(SIZE.0 / 2);
    let lines: Vec<Vec<Point>> = arms.iter().map(|arm| smooth(&arm.course)).collect();
    let all = || lines.iter().flatten();

    let mut chart = ChartBuilder::on(&left)
        .caption("True reward while training", ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(
            range(all().map(|p| p.episodes)),
            range(all().map(|p| p.truth)),
        )
        .map_err(words)?;
    chart
        .configure_mesh()
        .x_desc("episodes")
        .y_desc("true reward, deviations of the original")
        .light_line_style(TRANSPARENT)
        .draw()
        .map_err(words)?;
    for (number, (arm, line)) in arms.iter().zip(&lines).enumerate() {
        let points = line.iter().map(|point| (point.episodes, point.truth));
        solid(&mut chart, points, color(number, arm), &arm.name())?;
    }
    legend(&mut chart, SeriesLabelPosition::UpperLeft)?;

    let rewards = all().flat_map(|point| [point.truth, point.learned]);
    let mut chart = ChartBuilder::on(&right)
        .caption(
            "True reward (solid) and learned reward (dashed)",
            ("sans-serif", 18),
        )
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(range(all().map(|p| p.kl)), range(rewards))
        .map_err(words)?;
    chart
        .configure_mesh()
        .x_desc("KL to the original, nats a response")
        .y_desc("reward, deviations of the original")
        .light_line_style(TRANSPARENT)
        .draw()
        .map_err(words)?;
    for (number, (arm, line)) in arms.iter().zip(&lines).enumerate() {
        let color = color(number, arm);
        let truth = line.iter().map(|point| (point.kl, point.truth));
        solid(&mut chart, truth, color, &arm.name())?;
        if arm.labels.is_some() {
            let learned = line.iter().map(|point| (point.kl, point.learned));
            let dashed = DashedLineSeries::new(learned, 6, 4, color.stroke_width(2));
            chart.draw_series(dashed).map_err(words)?;
        }
    }
    legend(&mut chart, SeriesLabelPosition::UpperLeft)?;
    area.present().map_err(words)
}

fn color(number: usize, arm: &Arm) -> RGBColor {
    match arm.labels {
        None => BLACK,
        Some(_) => COLORS[number % COLORS.len()],
    }
}

fn solid<'a>(
    chart: &mut Chart<'a, '_>,
    points: impl Iterator<Item = (f64, f64)>,
    color: RGBColor,
    name: &str,
) -> Result<()> {
    let line = LineSeries::new(points, color.stroke_width(2));
    let drawn = chart.draw_series(line).map_err(words)?;
    drawn
        .label(name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    Ok(())
}

fn legend<'a>(chart: &mut Chart<'a, 'a>, position: SeriesLabelPosition) -> Result<()> {
    let labels = &mut chart.configure_series_labels();
    let labels = labels.position(position).background_style(WHITE.mix(0.8));
    labels.border_style(BLACK.mix(0.3)).draw().map_err(words)
}

/// What values span, and a little more.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return 0.0..1.0;
    }
    let more = 0.05 * (high - low).max(1e-3);
    low - more..high + more
}

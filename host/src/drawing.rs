//! What pictures of results have in common: colors, axes that hold all points, named lines, means with intervals.
//! Knows points, not what they are of.

use std::ops::Range;

use anyhow::{Result, anyhow};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// Of one hue each, told apart by most eyes.
pub(crate) const COLORS: [RGBColor; 6] = [
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
];

/// What is drawn on.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Two axes of numbers.
pub(crate) type Chart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The backend's errors borrow what is drawn on, so only their words go on.
pub(crate) fn words(error: impl std::error::Error) -> anyhow::Error {
    anyhow!("{error}")
}

/// A frame with a title and room for what axes say.
pub(crate) fn chart<'a, 'b>(
    area: &Area<'b>,
    caption: &str,
    x: Range<f64>,
    y: Range<f64>,
) -> Result<Chart<'a, 'b>> {
    ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(48)
        .build_cartesian_2d(x, y)
        .map_err(words)
}

/// Axes with what they show.
pub(crate) fn describe(chart: &mut Chart, x: &str, y: &str) -> Result<()> {
    let mesh = &mut chart.configure_mesh();
    let mesh = mesh.x_desc(x).y_desc(y).light_line_style(TRANSPARENT);
    mesh.draw().map_err(words)
}

/// A line with its name.
pub(crate) fn solid<'a>(
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

/// Points `(x, value, low, high)` as dots of a radius, and their intervals as lines of a width through them.
pub(crate) fn intervals(
    chart: &mut Chart,
    points: impl Iterator<Item = (f64, f64, f64, f64)>,
    color: RGBColor,
    (radius, width): (u32, u32),
) -> Result<()> {
    for (x, value, low, high) in points {
        let ends = PathElement::new([(x, low), (x, high)], color.stroke_width(width));
        let point = Circle::new((x, value), radius, color.filled());
        chart.draw_series([ends]).map_err(words)?;
        chart.draw_series([point]).map_err(words)?;
    }
    Ok(())
}

/// The names of the lines.
pub(crate) fn legend<'a>(chart: &mut Chart<'a, 'a>, position: SeriesLabelPosition) -> Result<()> {
    let labels = &mut chart.configure_series_labels();
    let labels = labels.position(position).background_style(WHITE.mix(0.8));
    labels.border_style(BLACK.mix(0.3)).draw().map_err(words)
}

/// What values span, and a little more.
pub(crate) fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
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

//! What pictures of results have in common: colors, axes that hold all points, named lines.

use std::ops::Range;

use anyhow::{Result, anyhow};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// Of one hue each, told apart by most eyes.
pub(super) const COLORS: [RGBColor; 6] = [
    RGBColor(204, 121, 167),
    RGBColor(213, 94, 0),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(0, 114, 178),
    RGBColor(86, 180, 233),
];

/// Two axes of numbers.
pub(super) type Chart<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The backend's errors borrow what is drawn on, so only their words go on.
pub(super) fn words(error: impl std::error::Error) -> anyhow::Error {
    anyhow!("{error}")
}

/// A line with its name.
pub(super) fn solid<'a>(
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

/// The names of the lines.
pub(super) fn legend<'a>(chart: &mut Chart<'a, 'a>, position: SeriesLabelPosition) -> Result<()> {
    let labels = &mut chart.configure_series_labels();
    let labels = labels.position(position).background_style(WHITE.mix(0.8));
    labels.border_style(BLACK.mix(0.3)).draw().map_err(words)
}

/// What values span, and a little more.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
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

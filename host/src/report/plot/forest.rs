//! A plot of named rows: a share or a score of each, with its interval, to the right.

use anyhow::Result;
use plotters::prelude::*;

use super::{
    LABEL, LONGEST_AXIS, LONGEST_TITLE, Plot, STROKE, TITLE, WIDTH, color, mark, named, span, tick,
};
use crate::drawing::words;

/// Of a row.
const ROW: u32 = 46;
/// Of title and axis.
const REST: u32 = 190;
/// Of the rows' names.
const NAMES: u32 = 350;
/// Characters of them.
const LONGEST: usize = 23;

/// Pixels of so many rows.
pub(super) fn height(rows: u32) -> u32 {
    rows * ROW + REST
}

/// Draws it. Of each point `y` is the row, and `low` and `high` are of `x`.
pub(super) fn draw(plot: &Plot, text: &mut String) -> Result<()> {
    let size = (WIDTH, plot.height());
    let area = SVGBackend::with_string(text, size).into_drawing_area();
    area.fill(&WHITE).map_err(words)?;
    let count = plot.rows.len();
    let (upper, lower) = area.split_vertically(height(count as u32));
    let points = || plot.shown().iter().flat_map(|line| &line.points);
    let x = match plot.diagonal {
        true => 0.0..1.0,
        false => span(points().flat_map(|point| [point.low, point.x, point.high])),
    };
    let width = x.end - x.start;
    let mut chart = ChartBuilder::on(&upper)
        .caption(named(&plot.title, LONGEST_TITLE), ("sans-serif", TITLE))
        .margin(14)
        .margin_right(34)
        .margin_left(NAMES)
        .x_label_area_size(82)
        .build_cartesian_2d(x, -0.5..count as f64 - 0.5)
        .map_err(words)?;
    chart
        .configure_mesh()
        .x_desc(named(&plot.x, LONGEST_AXIS))
        .x_labels(5)
        .x_label_formatter(&|x| tick(*x, width))
        .disable_y_mesh()
        .disable_y_axis()
        .label_style(("sans-serif", LABEL))
        .axis_desc_style(("sans-serif", LABEL))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .draw()
        .map_err(words)?;
    if plot.diagonal {
        let half = [(0.5, -0.5), (0.5, count as f64 - 0.5)];
        let half = PathElement::new(half, BLACK.mix(0.4).stroke_width(2));
        chart.draw_series([half]).map_err(words)?;
    }
    for (row, name) in plot.rows.iter().enumerate() {
        let (_, middle) = chart.backend_coord(&(0.0, row as f64));
        let name = named(name, LONGEST);
        let text = Text::new(
            name,
            (16, middle - LABEL as i32 / 2 + 3),
            ("sans-serif", LABEL),
        );
        area.draw(&text).map_err(words)?;
    }
    for (number, line) in plot.shown().iter().enumerate() {
        for point in &line.points {
            let style = color(number).stroke_width(STROKE);
            let ends = PathElement::new([(point.low, point.y), (point.high, point.y)], style);
            chart.draw_series([ends]).map_err(words)?;
            mark(&mut chart, (point.x, point.y), number)?;
        }
    }
    plot.legend(&lower)?;
    area.present().map_err(words)
}

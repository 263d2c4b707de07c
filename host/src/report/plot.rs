//! A plot of a report, drawn as SVG: lines and points with intervals, of several runs, told apart by colour and by
//! dashes or shapes, with their names below. Knows numbers and names, not what they are of.

use std::ops::Range;

use anyhow::{Context, Result};
use plotters::prelude::*;

use super::html::{cut, escaped};
use crate::drawing::{Area, COLORS, Chart, words};

mod forest;

/// Pixels; shown at half of it on a page, so that lines are fine.
const WIDTH: u32 = 880;
const HEIGHT: u32 = 520;
/// Of a row of names below.
const ROW: u32 = 42;
/// Of texts.
const TITLE: u32 = 38;
const LABEL: u32 = 31;
/// Of lines and points.
const STROKE: u32 = 4;
const RADIUS: u32 = 8;
/// The order of colours, those first that are far from each other in lightness.
const ORDER: [usize; 6] = [4, 1, 3, 0, 5, 2];
/// Dashes and gaps; the first line has none.
const DASHES: [Option<(u32, u32)>; 4] = [None, Some((22, 12)), Some((7, 9)), Some((44, 14))];
/// More lines than these nobody tells apart.
pub(crate) const MOST_LINES: usize = 12;
/// Characters of a name in a plot, and of a title.
const NAME: usize = 24;
const LONGEST_TITLE: usize = 46;
/// Characters of what a plot shows, and of an axis' name.
const LONGEST: usize = 240;
const LONGEST_AXIS: usize = 34;
/// Rows of a line that are drawn.
pub(crate) const POINTS: usize = 240;

/// A number over another, and what is not known of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Ends of an interval of `y`; both `y` where there is none.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Point {
    /// Without an interval.
    pub(crate) fn at(x: f64, y: f64) -> Point {
        Point {
            x,
            y,
            low: y,
            high: y,
        }
    }
}

/// What belongs together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
    /// Whether its points are joined.
    pub(crate) joined: bool,
    /// Whether its points are marked.
    pub(crate) marked: bool,
}

/// A plot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plot {
    /// Its file, without an ending.
    pub(crate) name: String,
    pub(crate) title: String,
    /// What it shows, for who does not see it.
    pub(crate) about: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) lines: Vec<Line>,
    /// Whether each step to the right doubles what is shown.
    pub(crate) doubling: bool,
    /// Whether what is promised and what is kept are compared: the diagonal is drawn.
    pub(crate) diagonal: bool,
    /// Names in place of numbers on the upward axis, whose `y` are then 0, 1 …; what is measured goes to the right.
    pub(crate) rows: Vec<String>,
}

impl Plot {
    /// Whether there is anything to see.
    pub(crate) fn is_empty(&self) -> bool {
        let shown = |point: &Point| point.x.is_finite() && point.y.is_finite();
        !self.lines.iter().flat_map(|line| &line.points).any(shown)
    }

    /// Draws it as a file of its own.
    pub(crate) fn svg(&self) -> Result<String> {
        let mut text = String::new();
        let drawn = match self.rows.is_empty() {
            true => self.draw(&mut text),
            false => forest::draw(self, &mut text),
        };
        drawn.with_context(|| format!("the plot `{}` could not be drawn", self.name))?;
        Ok(text)
    }

    /// A drawn plot as a page has it: as wide as there is room, and with what it shows for who does not see it.
    pub(crate) fn inline(&self, svg: &str) -> String {
        let body = svg.find('>').map_or("", |end| &svg[end + 1..]);
        let height = self.height();
        let about = escaped(cut(&self.about, LONGEST).0);
        format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{about}\">{}",
            body.trim_start()
        )
    }

    fn shown(&self) -> &[Line] {
        &self.lines[..self.lines.len().min(MOST_LINES)]
    }

    /// Whether lines need names: one alone is what the title says.
    fn names(&self) -> usize {
        match self.shown() {
            [_] | [] => 0,
            lines => lines.len(),
        }
    }

    fn height(&self) -> u32 {
        let upper = match self.rows.len() as u32 {
            0 => HEIGHT,
            rows => forest::height(rows),
        };
        upper + self.names().div_ceil(2) as u32 * ROW
    }

    fn draw(&self, text: &mut String) -> Result<()> {
        let area = SVGBackend::with_string(text, (WIDTH, self.height())).into_drawing_area();
        area.fill(&WHITE).map_err(words)?;
        let (upper, lower) = area.split_vertically(HEIGHT);
        let points = || self.shown().iter().flat_map(|line| &line.points);
        let x = points().map(|point| self.place(point.x));
        let y = points().flat_map(|point| [point.low, point.y, point.high]);
        let (x, y) = match self.diagonal {
            true => (0.0..1.0, 0.0..1.0),
            false => (span(x), span(y)),
        };
        let mut chart = self.frame(&upper, x, y)?;
        if self.diagonal {
            let ends = PathElement::new([(0.0, 0.0), (1.0, 1.0)], BLACK.mix(0.4).stroke_width(2));
            chart.draw_series([ends]).map_err(words)?;
        }
        for (number, line) in self.shown().iter().enumerate() {
            self.line(&mut chart, line, number)?;
        }
        self.legend(&lower)?;
        area.present().map_err(words)
    }

    /// Where a number is drawn.
    fn place(&self, x: f64) -> f64 {
        match self.doubling {
            true => x.max(1.0).log2(),
            false => x,
        }
    }

    fn frame<'a, 'b>(
        &self,
        area: &Area<'b>,
        x: Range<f64>,
        y: Range<f64>,
    ) -> Result<Chart<'a, 'b>> {
        let (width, height) = (x.end - x.start, y.end - y.start);
        let mut chart = ChartBuilder::on(area)
            .caption(named(&self.title, LONGEST_TITLE), ("sans-serif", TITLE))
            .margin(14)
            .margin_right(34)
            .x_label_area_size(82)
            .y_label_area_size(118)
            .build_cartesian_2d(x, y)
            .map_err(words)?;
        let across = |x: &f64| match self.doubling {
            true => tick(x.exp2(), x.exp2()),
            false => tick(*x, width),
        };
        chart
            .configure_mesh()
            .x_desc(named(&self.x, LONGEST_AXIS))
            .y_desc(named(&self.y, LONGEST_AXIS))
            .x_labels(5)
            .y_labels(5)
            .x_label_formatter(&across)
            .y_label_formatter(&|y| tick(*y, height))
            .label_style(("sans-serif", LABEL))
            .axis_desc_style(("sans-serif", LABEL))
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .draw()
            .map_err(words)?;
        Ok(chart)
    }

    fn line(&self, chart: &mut Chart, line: &Line, number: usize) -> Result<()> {
        let style = color(number).stroke_width(STROKE);
        let places = |point: &Point| (self.place(point.x), point.y);
        // Where there is no number, a line has a gap.
        let is_shown = |point: &Point| point.x.is_finite() && point.y.is_finite();
        let stretches = line.points.split(|point| !is_shown(point));
        for stretch in stretches.filter(|_| line.joined) {
            let points = stretch.iter().map(places);
            match DASHES[number % DASHES.len()] {
                None => {
                    let whole = LineSeries::new(points, style);
                    chart.draw_series(whole).map_err(words)?;
                }
                Some((dash, gap)) => {
                    let dashed = DashedLineSeries::new(points, dash, gap, style);
                    chart.draw_series(dashed).map_err(words)?;
                }
            }
        }
        for point in line
            .points
            .iter()
            .filter(|point| line.marked && is_shown(point))
        {
            let x = self.place(point.x);
            if point.low.is_finite() && point.low < point.high {
                let ends = PathElement::new([(x, point.low), (x, point.high)], style);
                chart.draw_series([ends]).map_err(words)?;
            }
            mark(chart, (x, point.y), number)?;
        }
        Ok(())
    }

    /// The names of lines, two in a row, below all that they could hide.
    fn legend(&self, area: &Area) -> Result<()> {
        for (number, line) in self.shown().iter().enumerate().take(self.names()) {
            let (column, row) = (number % 2, number / 2);
            let left = 40 + column as i32 * (WIDTH as i32 / 2 - 20);
            let middle = row as i32 * ROW as i32 + ROW as i32 / 2;
            let style = color(number).stroke_width(STROKE);
            if line.joined {
                let (dash, gap) = DASHES[number % DASHES.len()].unwrap_or((54, 1));
                for from in (0..54).step_by((dash + gap) as usize) {
                    let to = (from + dash as i32).min(54);
                    let ends = [(left + from, middle), (left + to, middle)];
                    area.draw(&PathElement::new(ends, style)).map_err(words)?;
                }
            }
            if line.marked {
                let middle = (left + 27, middle);
                match number % 3 {
                    0 => area.draw(&Circle::new(middle, RADIUS, color(number).filled())),
                    1 => area.draw(&TriangleMarker::new(
                        middle,
                        RADIUS + 3,
                        color(number).filled(),
                    )),
                    _ => area.draw(&Cross::new(middle, RADIUS, style)),
                }
                .map_err(words)?;
            }
            let name = named(&line.name, NAME);
            let place = (left + 66, middle - LABEL as i32 / 2 + 3);
            let text = Text::new(name, place, ("sans-serif", LABEL));
            area.draw(&text).map_err(words)?;
        }
        Ok(())
    }
}

/// The point of a line, in a shape of its own.
fn mark(chart: &mut Chart, place: (f64, f64), number: usize) -> Result<()> {
    let color = color(number);
    match number % 3 {
        0 => {
            let shape = Circle::new(place, RADIUS, color.filled());
            chart.draw_series([shape]).map_err(words)?;
        }
        1 => {
            let shape = TriangleMarker::new(place, RADIUS + 3, color.filled());
            chart.draw_series([shape]).map_err(words)?;
        }
        _ => {
            let shape = Cross::new(place, RADIUS, color.stroke_width(STROKE));
            chart.draw_series([shape]).map_err(words)?;
        }
    }
    Ok(())
}

fn color(number: usize) -> RGBColor {
    COLORS[ORDER[number % ORDER.len()]]
}

/// What values span, and a little more, however small they are.
fn span(values: impl Iterator<Item = f64>) -> Range<f64> {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return 0.0..1.0;
    }
    let size = low.abs().max(high.abs());
    let more = match high - low {
        // All the same, but for what rounding does.
        wide if wide <= 1e-12 * size => 0.1 * size,
        wide => 0.05 * wide,
    };
    let more = if more > 0.0 { more } else { 0.5 };
    low - more..high + more
}

/// A number at an axis of which `span` is shown, in as few letters as tell it from its neighbours.
fn tick(value: f64, span: f64) -> String {
    // Steps that add up to nothing, but for what rounding does.
    if value.abs() < 1e-6 * span {
        return "0".to_owned();
    }
    let size = value.abs().max(span);
    if !(1e-3..1e6).contains(&size) {
        let text = format!("{value:.1e}");
        return text.replace(".0e", "e");
    }
    let digits = (2 - span.log10().floor() as i32).clamp(0, 6) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A name's first `most` characters, on one line, without what an XML file cannot hold.
fn named(text: &str, most: usize) -> String {
    let plain = crate::terminal::Line(text).to_string();
    let (shown, more) = cut(&plain, most);
    format!("{shown}{}", if more > 0 { "…" } else { "" })
}

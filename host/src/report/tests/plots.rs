//! Plots as files.

use super::HOSTILE;
use crate::report::picture::Painter;
use crate::report::plot::{Line, Plot, Point};

fn plot(name: &str, lines: usize) -> Plot {
    let line = |number: usize| Line {
        name: format!("{name} {number}"),
        points: (0..50)
            .map(|x| match x {
                20 => Point::at(20.0, f64::NAN),
                x => Point::at(f64::from(x), f64::from(x) * number as f64),
            })
            .collect(),
        joined: true,
        marked: number == 1,
    };
    Plot {
        name: "plot".to_owned(),
        title: name.to_owned(),
        about: name.to_owned(),
        x: name.to_owned(),
        lines: (0..lines).map(line).collect(),
        ..Plot::default()
    }
}

#[test]
fn a_plot_is_an_image_whatever_its_names_are() {
    let painter = Painter::new();
    for (name, lines) in [("score", 1), (HOSTILE, 3), ("many", 20)] {
        let plot = plot(name, lines);
        let svg = plot.svg().unwrap();
        let png = painter.png(&svg).unwrap();
        assert!(png.starts_with(b"\x89PNG"), "{name}");
        assert_eq!(png, painter.png(&svg).unwrap());
        let inline = plot.inline(&svg);
        assert!(inline.starts_with("<svg viewBox=") && inline.trim_end().ends_with("</svg>"));
        assert!(
            !inline.contains("<script") && !inline.contains('\u{1b}'),
            "{inline}"
        );
    }
}

#[test]
fn texts_are_drawn_by_the_font_that_is_in_the_program() {
    let painter = Painter::new();
    let with = plot("gain", 1);
    let without = Plot {
        title: String::new(),
        ..plot("gain", 1)
    };
    assert_ne!(
        painter.png(&with.svg().unwrap()).unwrap(),
        painter.png(&without.svg().unwrap()).unwrap()
    );
}

#[test]
fn one_point_and_none_are_plots_too() {
    let empty = Plot::default();
    assert!(empty.is_empty());
    let mut one = plot("one", 1);
    one.lines[0].points.truncate(1);
    assert!(!one.is_empty());
    one.svg().unwrap();
    one.doubling = true;
    one.svg().unwrap();
    let rows = Plot {
        rows: vec!["first / second".to_owned(); 3],
        diagonal: true,
        ..plot("rows", 1)
    };
    assert!(rows.svg().unwrap().contains("first / second"));
}

//! How numbers of single answers are spread, and where in the query copies come from.

use crate::report::cited::{Cited, or_none};
use crate::report::html::{Table, code, name};

/// Quantiles, by their names in `eval.json` and here.
const QUANTILES: [(&str, &str); 7] = [
    ("least", "least"),
    ("p5", "5 %"),
    ("p25", "25 %"),
    ("median", "median"),
    ("p75", "75 %"),
    ("p95", "95 %"),
    ("most", "most"),
];

/// The quantiles of measures that have any.
pub(super) fn quantiles(eval: &Cited) -> Table {
    let mut table = Table::new("Of single answers.", &["entry", "measure"]);
    for (_, title) in QUANTILES {
        table.column(title.to_owned());
    }
    table.column("n".to_owned());
    for entry in eval.list("entries") {
        for (key, spread) in entry.table("quantiles") {
            let mut cells = vec![name(entry.text("name")), code(key)];
            let cell = |(place, (key, _)): (usize, (&str, &str))| {
                // The first form of the file had a list of them.
                let value = spread.get(key).or_else(|| spread.at(place));
                or_none(value.map(|value| value.html()))
            };
            cells.extend(QUANTILES.into_iter().enumerate().map(cell));
            cells.push(or_none(spread.get("count").map(|count| count.html())));
            table.row(cells);
        }
    }
    table
}

/// How many answers' longest copied run begins in each tenth of the query.
pub(super) fn tenths(eval: &Cited) -> Table {
    let mut table = Table::new(
        "Answers whose longest run of words that stands in the query begins in its first tenth, its second, and so on.",
        &["entry"],
    );
    (1..=10).for_each(|tenth| table.column(tenth.to_string()));
    for entry in eval.list("entries") {
        let counts = entry.list("copied_from_tenths");
        if !counts.is_empty() {
            let mut cells = vec![name(entry.text("name"))];
            cells.extend(counts.iter().map(|count| count.html()));
            table.row(cells);
        }
    }
    table
}

//! What the first tables leave out: all other numbers of each entry, how measures are spread, and where in the query
//! copies come from.

use super::{COLUMNS, cell};
use crate::experiment::evaluate::report::{EntryReport, Report};
use crate::train::observer::Table;

/// What the quantiles are called.
const QUANTILES: [&str; 7] = ["least", "5 %", "25 %", "median", "75 %", "95 %", "most"];

/// Tables for a file, which may be long.
pub(in crate::experiment::evaluate) fn more(report: &Report) -> Vec<Table> {
    let mut tables = vec![others(report), spread(report), tenths(report)];
    tables.retain(|table| !table.rows.is_empty());
    tables
}

/// The numbers that the first table does not have, by their names in `eval.json`: a row for each, a column for each entry.
fn others(report: &Report) -> Table {
    let all = &report.entries;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |title: String, of: &dyn Fn(&EntryReport) -> Option<String>| {
        let cells = all.iter().map(|entry| super::or_none(of(entry)));
        rows.push(std::iter::once(title).chain(cells).collect());
    };
    row("missing".to_owned(), &|entry| {
        Some(entry.missing.to_string())
    });
    row("cut".to_owned(), &|entry| Some(entry.cut.to_string()));
    for reason in names(all, |entry| entry.invalid_because.keys()) {
        // What a plugin says may be of several lines, or have what divides cells.
        let said = reason.replace('|', "/").replace(char::is_control, " ");
        row(format!("invalid: {said}"), &|entry| {
            let count = entry.invalid_because.get(reason);
            Some(count.copied().unwrap_or_default().to_string())
        });
    }
    for name in names(all, |entry| entry.measures.keys()) {
        if !COLUMNS.iter().any(|(known, ..)| known == name) {
            row(name.clone(), &|entry| {
                let mean = entry.measures.get(name)?;
                Some(cell(mean, entry.answers, 1.0, 3))
            });
        }
    }
    let mut columns = vec!["measure".to_owned()];
    columns.extend(all.iter().map(|entry| entry.name.clone()));
    Table {
        name: "more of each entry".to_owned(),
        columns,
        rows,
        caption: "Numbers by their names in eval.json, which docs/evaluation.md explains. Shares are from 0 to 1; n is of \
                  how many answers a number is, where that is not all."
            .to_owned(),
    }
}

/// The names that any of the entries has, in their order.
fn names<'r, I: Iterator<Item = &'r String>>(
    entries: &'r [EntryReport],
    of: impl Fn(&'r EntryReport) -> I,
) -> Vec<&'r String> {
    let mut names: Vec<&String> = entries.iter().flat_map(of).collect();
    names.sort();
    names.dedup();
    names
}

fn spread(report: &Report) -> Table {
    let mut columns = vec!["entry", "measure"];
    columns.extend(QUANTILES);
    columns.push("n");
    let mut table = Table::new("how measures are spread", &columns);
    for entry in &report.entries {
        for (name, spread) in &entry.quantiles {
            let mut cells = vec![entry.name.clone(), name.clone()];
            cells.extend(spread.named().map(|(_, value)| short(value)));
            cells.push(spread.count.to_string());
            table.rows.push(cells);
        }
    }
    table.caption = "Of single answers; n of them have the measure.".to_owned();
    table
}

/// A number with as many digits as it has, three at most.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn tenths(report: &Report) -> Table {
    let numbers = (1..=10).map(|tenth| tenth.to_string());
    let mut table = Table {
        name: "where copies come from".to_owned(),
        columns: std::iter::once("entry".to_owned()).chain(numbers).collect(),
        ..Table::default()
    };
    table.columns.push("n".to_owned());
    for entry in &report.entries {
        if let Some(counts) = entry.copied_from_tenths {
            let all = counts.iter().sum::<usize>();
            let mut cells = vec![entry.name.clone()];
            cells.extend(counts.iter().chain([&all]).map(ToString::to_string));
            table.rows.push(cells);
        }
    }
    table.caption = "Answers whose longest run of words that stands in the query begins in its first tenth, its second, and \
                     so on; n have such a run, of a word at least."
        .to_owned();
    table
}

//! The configs of runs, and in which keys they differ.

use std::collections::BTreeMap;

use toml::Value;

use super::{Bounds, Told};
use crate::report::html::{Table, code, cut, escaped, left_out, name};

/// Characters of a value in the table.
const LONGEST: usize = 160;
/// Keys that differ in every run and say nothing.
const PLACES: [&str; 1] = ["run.dir"];

/// The differences as a table, and each config whole.
pub(super) fn all(runs: &[Told], bounds: Bounds) -> String {
    let runs: Vec<&Told> = runs
        .iter()
        .filter(|told| !told.run.header.config.is_empty())
        .collect();
    let mut html = differences(&runs).html();
    if html.is_empty() && runs.len() > 1 {
        html += "<p>The configs are the same, but for the run directory.</p>\n";
    }
    for told in runs {
        let (shown, more) = cut(&told.run.header.config, bounds.config);
        html += &format!(
            "<details><summary>The config of {}</summary>\n<pre tabindex=\"0\"><code>{}</code></pre>{}</details>\n",
            name(&told.short),
            escaped(shown),
            left_out(more)
        );
    }
    html
}

/// The keys in which any two differ, a column for each run.
fn differences(runs: &[&Told]) -> Table {
    let mut table = Table::new("Keys that are not the same in all.", &["key"]);
    if runs.len() < 2 {
        return table;
    }
    let configs: Vec<BTreeMap<String, String>> = runs
        .iter()
        .map(|told| flat(&told.run.header.config))
        .collect();
    runs.iter().for_each(|told| table.column(name(&told.short)));
    let mut keys: Vec<&String> = configs.iter().flat_map(BTreeMap::keys).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        let values: Vec<Option<&String>> = configs.iter().map(|config| config.get(key)).collect();
        if PLACES.contains(&key.as_str()) || values.iter().all(|value| *value == values[0]) {
            continue;
        }
        let cell = |value: &Option<&String>| match value {
            None => "<span class=\"none\">not set</span>".to_owned(),
            Some(value) => {
                let (shown, more) = cut(value, LONGEST);
                format!("{}{}", code(shown), left_out(more))
            }
        };
        let mut cells = vec![code(key)];
        cells.extend(values.iter().map(cell));
        table.row(cells);
    }
    table
}

/// Each value under its whole key, such as `score.0.weight`.
fn flat(config: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let table: toml::Table = config.parse().unwrap_or_default();
    spread("", &Value::Table(table), &mut found);
    found
}

fn spread(key: &str, value: &Value, found: &mut BTreeMap<String, String>) {
    let below = |part: &str| match key {
        "" => part.to_owned(),
        key => format!("{key}.{part}"),
    };
    match value {
        Value::Table(table) => {
            for (part, value) in table {
                spread(&below(part), value, found);
            }
        }
        Value::Array(list) if list.iter().any(Value::is_table) => {
            for (place, value) in list.iter().enumerate() {
                spread(&below(&place.to_string()), value, found);
            }
        }
        value => {
            found.insert(key.to_owned(), value.to_string());
        }
    }
}

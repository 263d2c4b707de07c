//! The header of a table: what it must have, and where it stands once more.

use anyhow::{Result, bail};
use csv::StringRecord;

use super::super::fields;
use super::super::guess::{listed, meant};
use crate::terminal::Line;

/// What is said of a header among the rows.
pub(super) const AGAIN: &str =
    "is the header once more\nhint: who joins tables leaves the header of all but the first out";

/// Whether a row is no label but the names of the columns, perhaps in another order.
pub(super) fn is_header(header: &StringRecord, record: &StringRecord) -> bool {
    let is_there = |name: &str| {
        let mut cells = record.iter();
        cells.any(|cell| cell.trim_start_matches('\u{feff}').trim() == name.trim())
    };
    header.iter().all(is_there)
}

/// Refuses a header that lacks what a label needs; says whether it is the one that we write.
pub(super) fn is_ours(names: &[&str]) -> Result<bool> {
    if !names.contains(&"answer") && ["chosen", "rejected"].iter().all(|n| names.contains(n)) {
        return Ok(false);
    }
    let either =
        |name: &str| names.contains(&name) || names.contains(&format!("{name}_tokens").as_str());
    for name in ["query", "response0", "answer"] {
        if !either(name) {
            bail!(
                "line 1, the header: has no column `{name}`, but {}\n{}",
                listed(names),
                hint_of(name, names)
            );
        }
    }
    Ok(true)
}

/// What to do about a header without the column `name`.
fn hint_of(name: &str, has: &[&str]) -> String {
    let preference = ["chosen", "rejected"];
    let other = |other: &&&str| {
        preference
            .iter()
            .any(|name| other.eq_ignore_ascii_case(name))
    };
    if let Some(other) = has.iter().find(other) {
        let other = Line(other);
        return format!(
            "hint: preferences stand in the columns `prompt`, `chosen` and `rejected`, in small letters; here is `{other}`"
        );
    }
    let query = fields::QUERIES.iter().find(|query| has.contains(query));
    if let ("query", Some(other)) = (name, query) {
        return format!("hint: is `{other}` what is meant? call it `query`");
    }
    if name == "response0" && has.contains(&"response1") {
        return "hint: responses are numbered from 0: `response0`, `response1`".to_owned();
    }
    meant(name, has).unwrap_or_else(|| {
        "hint: the first line names the columns: query, response0, response1, answer, value"
            .to_owned()
    })
}

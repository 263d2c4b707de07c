//! Of which responses a result is: it names them in `to_name`, as `data` does or in a way of its own.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde_json::Value;

use super::super::guess::listed;
use super::super::stream::{shown, wrong};
use super::super::{Imported, count, fields};
use super::Task;

const NONE: &Value = &Value::Null;
/// What is said where a file names what was judged by names that are not those of its data.
const SUPPOSED: &str = "`to_name` does not name two fields of `data`; left was taken to be the response with the \
                        lower number";

/// The names in `to_name`.
pub(super) fn told(result: &Value) -> impl Iterator<Item = &str> {
    let names = result.get("to_name").and_then(Value::as_str);
    names
        .into_iter()
        .flat_map(|names| names.split(','))
        .map(str::trim)
}

/// The places of the left and the right response.
pub(super) fn pair(result: &Value, task: &Task<'_>, into: &mut Imported) -> Result<Vec<usize>> {
    let told: Vec<&str> = told(result).collect();
    let places: Vec<_> = told
        .iter()
        .filter_map(|name| fields::place(name, &task.names()))
        .collect();
    match (places.as_slice(), told.len(), task.names.len()) {
        ([left, right], 2, _) if left != right => Ok(places),
        (_, 2, _) if let Some(places) = fields::places(&told, &task.names()) => Ok(places),
        (_, 0, 2) => Ok(vec![0, 1]),
        // One name is enough to know which side is which.
        (_, 2, 2) if let Some(places) = by_one(&told, task) => Ok(places),
        (_, _, 2) => {
            count(&mut into.noted, SUPPOSED);
            Ok(vec![0, 1])
        }
        (_, 0, several) => bail!(
            "`pairwise` is about two responses, but there are {several}\nhint: several are judged by the tag `Ranker`, \
             one by `Rating`; which two it is about stands in `to_name`"
        ),
        _ => bail!(wrong(
            "to_name",
            result.get("to_name").unwrap_or(NONE),
            &format!("two of {}", listed(&task.names())),
            "the first name is that of the left response"
        )),
    }
}

/// The places of two responses of which one alone is named as the data name it.
fn by_one(told: &[&str], task: &Task<'_>) -> Option<Vec<usize>> {
    let exact = |name: &str| task.names.iter().position(|own| own == name);
    match (exact(told[0]), exact(told[1])) {
        (Some(left), None) => Some(vec![left, 1 - left]),
        (None, Some(right)) => Some(vec![1 - right, right]),
        _ => None,
    }
}

/// The place of the response that a number is about; none where it is about something else of the task.
pub(super) fn rated(
    result: &Value,
    kind: &str,
    task: &Task<'_>,
    results: &[Value],
) -> Result<Option<usize>> {
    let own: Vec<&str> = told(result).collect();
    if let [name] = own.as_slice() {
        if let Some(place) = fields::place(name, &task.names()) {
            return Ok(Some(place));
        }
        if task.has(name) {
            return Ok(None);
        }
    }
    if task.names.len() == 1 {
        return Ok(Some(0));
    }
    // Which is which may show by the names of all that are rated.
    let is_such = |other: &&Value| other.get("type").and_then(Value::as_str) == Some(kind);
    let all = results.iter().filter(is_such).flat_map(told);
    let all: BTreeSet<&str> = all.filter(|name| !task.has(name)).collect();
    let all: Vec<&str> = all.into_iter().collect();
    if let ([name], Some(places)) = (own.as_slice(), fields::places(&all, &task.names())) {
        return Ok(all
            .iter()
            .position(|other| other == name)
            .map(|at| places[at]));
    }
    bail!(
        "`{kind}` is about one response, and `to_name`, {}, does not say which of {}\nhint: name the response there, as \
         `data` does",
        shown(result.get("to_name").unwrap_or(NONE)),
        listed(&task.names())
    )
}

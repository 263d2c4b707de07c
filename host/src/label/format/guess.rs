//! What a file is that is not what it was said to be, and what somebody meant by what cannot be read. For
//! hints alone: nothing is read otherwise than it was asked for.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::Error;
use serde_json::error::Category;

use crate::outside::{Kind, half_a_character};
use crate::rows::opened::Opened;
use crate::spelling;
use crate::terminal::Line;

/// What to do about a file that is of another kind than files of this format are.
pub(super) fn other_kind(kind: Kind, format: &str) -> Option<String> {
    let hint = match kind {
        Kind::Parquet if format == "parquet" => return None,
        Kind::Parquet => "read it by `--format parquet`",
        Kind::Sqlite => {
            "a store is named by `--store`; write its labels to a file by `attune label export` first"
        }
        Kind::Arrow => {
            "write it as Parquet, such as by `datasets.Dataset.from_file(name).to_parquet(other)`"
        }
        Kind::JsonArray | Kind::JsonObject | Kind::JsonLines
            if ["csv", "parquet"].contains(&format) =>
        {
            "rows of JSON are read by `--format` `jsonl`, `trl`, `label-studio`, `argilla` or `original`"
        }
        Kind::JsonArray | Kind::JsonObject | Kind::JsonLines | Kind::Text => return None,
        // Parquet's own reader knows better what its damaged files lack.
        Kind::Binary if format == "parquet" => return None,
        other => other
            .remedy()
            .unwrap_or("labels are in files of text or of Parquet; is it the right file?"),
    };
    Some(format!("it is {}\nhint: {hint}", kind.what()))
}

/// Fields by which rows of each format are known.
const FIELDS: [(&str, &[&str]); 6] = [
    ("jsonl", &["comparison", "answer"]),
    ("trl", &["chosen", "rejected"]),
    ("label-studio", &["data", "annotations"]),
    ("argilla", &["fields", "responses"]),
    ("original", &["query", "sample0"]),
    ("original", &["query", "sample"]),
];

/// The format that a row is of, where that is another one than was asked for.
pub(super) fn by_fields(has: impl Fn(&str) -> bool, format: &str) -> Option<String> {
    let (name, _) = FIELDS
        .iter()
        .find(|(_, fields)| fields.iter().all(|field| has(field)))?;
    (*name != format).then(|| format!("hint: this looks like `--format {name}`"))
}

/// What to do about a row without the field `name`, with those that it has.
pub(super) fn missing<'a>(name: &str, has: impl IntoIterator<Item = &'a str>) -> String {
    let has: Vec<&str> = has.into_iter().collect();
    meant(name, &has).unwrap_or_else(|| {
        let has = listed(&has);
        format!("hint: it has {has}; add `{name}`, or leave the row out")
    })
}

/// What to do when one of the fields is called almost as the one that is missing.
pub(super) fn meant(name: &str, has: &[&str]) -> Option<String> {
    let similar = has.iter().find(|known| {
        let known = known.to_lowercase();
        known.contains(name) || (known.len() > 2 && name.contains(&known))
    });
    let near = similar
        .copied()
        .or_else(|| spelling::nearest(name, has.iter().copied()))?;
    Some(format!(
        "hint: is `{}` what is meant? call it `{name}`",
        Line(near)
    ))
}

/// Names as a message shows them: not all of very many.
pub(super) fn listed(names: &[&str]) -> String {
    const MOST: usize = 8;
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let shown = names
        .iter()
        .take(MOST)
        .map(|name| format!("`{}`", Line(name)));
    let mut shown = shown.collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        shown.push_str(&format!(" and {} more", names.len() - MOST));
    }
    shown
}

/// An error of reading an array, with what to do about it where it is about the JSON.
pub(super) fn with_hint(error: Error, path: &Path) -> Error {
    let hint = error.chain().find_map(|cause| {
        let json = cause.downcast_ref::<serde_json::Error>()?;
        let at = || at_place(path, json.line(), json.column()).unwrap_or_default();
        match json.classify() {
            Category::Io => None,
            Category::Data if is_twice(&json.to_string()) => Some(LEAVE_ONE),
            Category::Data => Some("the file is one array of rows, [{\"name\": value, …}, {…}]"),
            Category::Syntax | Category::Eof => Some(json_hint(&at(), &json.to_string())),
        }
    });
    match hint {
        Some(hint) => error.context(format!("hint: {hint}")),
        None => error,
    }
}

/// What stands in a file at a line and a column, both from 1.
fn at_place(path: &Path, line: usize, column: usize) -> Option<String> {
    let mut file = BufReader::new(Opened::at(path).ok()?.reader);
    for _ in 1..line {
        file.skip_until(b'\n').ok()?;
    }
    std::io::copy(
        &mut file.by_ref().take(column.saturating_sub(1) as u64),
        &mut std::io::sink(),
    )
    .ok()?;
    let mut bytes = Vec::new();
    file.take(16).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What serde says, in words that are not those of the program.
pub(super) fn in_words(error: &serde_json::Error) -> String {
    // Which line it is, the caller says; here it is always the first.
    let mut said = error.to_string().replace(" line 1 column", " column");
    for (from, to) in [
        ("expected usize", "expected a whole number from 0"),
        (
            "expected u32",
            "expected a whole number from 0 to 4294967295",
        ),
        ("expected i64", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected a sequence", "expected a list"),
        ("expected struct Passage", "expected an object"),
        ("expected struct Comparison", "expected an object"),
        ("expected struct Source", "expected an object"),
        ("expected struct Label", "expected an object"),
        ("expected struct Said", "expected an object"),
    ] {
        said = said.replace(from, to);
    }
    said
}

/// What to do about a line that is no JSON from `column` on.
pub(super) fn json(line: &str, problem: &str, column: usize) -> &'static str {
    json_hint(
        line.get(column.saturating_sub(1)..).unwrap_or_default(),
        problem,
    )
}

/// What to do about text that is no JSON; `at` is where it stops to be JSON.
fn json_hint(at: &str, problem: &str) -> &'static str {
    let starts = |words: &[&str]| words.iter().any(|word| at.starts_with(word));
    if at.starts_with('\'') {
        "texts stand in double quotes; Python writes JSON by `json.dumps`"
    } else if starts(&["True", "False", "None"]) {
        "that is Python, not JSON; Python writes JSON by `json.dumps`"
    } else if starts(&["NaN", "Infinity", "-Infinity"]) || problem.contains("invalid number") {
        "JSON has no such number; leave the row out"
    } else if problem.contains("control character") {
        "in a text, the end of a line is written `\\n` and a tab `\\t`"
    } else if problem.contains("EOF") {
        "it ends before it is complete: is the file cut, or is there a line break in a text, which is \
         written `\\n`?"
    } else if problem.contains("trailing comma")
        || (at.starts_with('}') && problem.contains("key must be a string"))
    {
        "remove the comma before `]` or `}`"
    } else if problem.contains("trailing characters") {
        "remove what comes after the end"
    } else if let Some(hint) = half_a_character(problem) {
        hint
    } else if problem.contains("escape") {
        "in a text, `\\` is written `\\\\`"
    } else {
        "each row is a JSON object, {\"name\": value, …}; is it another format?"
    }
}

/// Whether an object has two fields of one name.
fn is_twice(problem: &str) -> bool {
    problem.starts_with("duplicate field")
}

/// What to do then.
const LEAVE_ONE: &str = "leave one of them";

/// What to do about a field of a label in JSON that cannot be read; none for the label as a whole.
pub(super) fn field(path: &str, problem: &str) -> Option<String> {
    // Names of fields stand in such quotes: first the one that is not known, then those that are.
    let mut names = problem.split('`').skip(1).step_by(2);
    if problem.starts_with("unknown ")
        && let Some(near) = names.next().and_then(|name| spelling::nearest(name, names))
    {
        return Some(format!("is `{near}` what is meant?"));
    }
    let starts = |name: &str| path.starts_with(name);
    let unknown = problem.starts_with("unknown ");
    let hint = if is_twice(problem) {
        LEAVE_ONE
    } else if unknown && ["query", "responses", "source"].contains(&path) {
        "it stands in `comparison`"
    } else if starts("comparison.source") {
        "a source is {\"checkpoint\": \"run/100\", \"config\": \"0f3a\"}"
    } else if starts("comparison.query") || starts("comparison.responses[") {
        "a passage is {\"text\": \"…\"}, {\"tokens\": [464, 2646]}, or both in one"
    } else if starts("comparison") && !(unknown && path == "comparison") {
        "a comparison is {\"query\": {\"text\": \"…\"}, \"responses\": [{\"text\": \"…\"}, {\"text\": \"…\"}]}"
    } else if starts("answer") {
        "an answer is {\"best\": 0}, {\"tie\": [0, 2]}, {\"ranking\": [[2], [0, 1]]}, {\"difference\": -0.5}, \
         {\"rating\": 7}, \"abstain\" or \"skip\""
    } else if starts("labeler") {
        "a judge is {\"person\": \"ann\"}, {\"plugin\": {\"name\": …, \"version\": …, \"sha256\": …}} or \"unknown\""
    } else if starts("time") {
        "a time is in milliseconds since 1970, such as 1773094568728"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

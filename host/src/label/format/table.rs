//! A label as one row of a table, for formats that are tables: which columns there are and what stands
//! in them. A cell that is empty is not in the row.

use anyhow::{Context, Error, Result, bail};
use serde_json::{Map, Value};

use super::guess::missing;
use super::stream::{shown, wrong};
use super::time;
use crate::label::{Answer, Comparison, Label, Labeler, Passage, Source};
use crate::spelling;

/// A row by the names of its columns.
pub(super) type Row = Map<String, Value>;

/// The columns that are there once, after those of the passages.
pub(super) const COLUMNS: [&str; 8] = [
    "answer",
    "value",
    "labeler",
    "plugin_version",
    "plugin_sha256",
    "time",
    "checkpoint",
    "config",
];

/// What may stand in the column `answer`.
const KINDS: &str = "best, tie, ranking, difference, rating, abstain or skip";

/// Which response a column is about, and whether it holds token ids: `response2`, `response2_tokens`.
pub(super) fn response_of(column: &str) -> Option<(usize, bool)> {
    let rest = column.strip_prefix("response")?;
    let (number, tokens) = match rest.strip_suffix("_tokens") {
        Some(number) => (number, true),
        None => (rest, false),
    };
    // `response01` would be a second name for `response1`.
    let place: usize = number.parse().ok()?;
    (place.to_string() == number).then_some((place, tokens))
}

/// The label as a row, with the query in the column of this name. Times are milliseconds.
pub(super) fn row(label: &Label, query: &str) -> Row {
    let Label {
        comparison,
        answer,
        labeler,
        time,
    } = label;
    let mut row = Row::new();
    let named = (0..).map(|place| format!("response{place}"));
    let names = [query.to_owned()].into_iter().chain(named);
    for (name, passage) in names.zip(comparison.passages()) {
        let Passage { text, tokens } = passage;
        if let Some(tokens) = tokens {
            row.insert(format!("{name}_tokens"), tokens.clone().into());
        }
        if let Some(text) = text {
            row.insert(name, text.clone().into());
        }
    }
    let (kind, value) = said(answer);
    row.insert("answer".to_owned(), kind.into());
    let (name, plugin) = match labeler {
        Labeler::Person(name) => (Some(name), None),
        Labeler::Plugin {
            name,
            version,
            sha256,
        } => (Some(name), Some((version, sha256))),
        Labeler::Unknown => (None, None),
    };
    let source = comparison.source.as_ref();
    for (column, cell) in [
        ("value", value.map(Value::from)),
        ("labeler", name.cloned().map(Value::from)),
        (
            "plugin_version",
            plugin.map(|(version, _)| version.clone().into()),
        ),
        (
            "plugin_sha256",
            plugin.map(|(_, sha256)| sha256.clone().into()),
        ),
        ("time", time.map(Value::from)),
        ("checkpoint", source.map(|s| s.checkpoint.clone().into())),
        ("config", source.map(|s| s.config.clone().into())),
    ] {
        if let Some(cell) = cell {
            row.insert(column.to_owned(), cell);
        }
    }
    row
}

/// The label of a row, whose query is in the column `query` or `prompt`.
pub(super) fn label(row: &Row) -> Result<Label> {
    let query = ["query", "prompt"]
        .iter()
        .find_map(|name| passage(row, name).transpose())
        .with_context(|| {
            let has = row.keys().map(String::as_str);
            format!("has no query\n{}", missing("prompt", has))
        })??;
    let sha256 = text(row, "plugin_sha256")?;
    let version = text(row, "plugin_version")?;
    let labeler = match (text(row, "labeler")?, sha256) {
        (Some(name), Some(sha256)) => Labeler::Plugin {
            name,
            version: version.unwrap_or_default(),
            sha256,
        },
        (Some(name), None) => Labeler::Person(name),
        (None, _) => Labeler::Unknown,
    };
    let source = match (text(row, "checkpoint")?, text(row, "config")?) {
        (None, None) => None,
        (checkpoint, config) => Some(Source {
            checkpoint: checkpoint.unwrap_or_default(),
            config: config.unwrap_or_default(),
        }),
    };
    let responses = responses(row)?;
    let answer = answer(row, responses.len())?;
    let label = Label {
        comparison: Comparison {
            query,
            responses,
            source,
        },
        answer,
        labeler,
        time: match row.get("time") {
            None => None,
            Some(time) => Some(
                match time {
                    Value::String(text) => time::parse(text),
                    other => other.as_i64(),
                }
                .with_context(|| wrong("time", time, "a time", time::HINT))?,
            ),
        },
    };
    // What it says stands in the column `value`, whatever it is.
    label.check().map_err(|malformed| match malformed.field {
        "best" | "tie" | "ranking" | "score" => {
            let value = shown(row.get("value").unwrap_or(&Value::Null));
            Error::new(malformed).context(format!("`value` is {value}"))
        }
        _ => malformed.into(),
    })?;
    Ok(label)
}

fn responses(row: &Row) -> Result<Vec<Passage>> {
    let mut responses = Vec::new();
    while let Some(response) = passage(row, &format!("response{}", responses.len()))? {
        responses.push(response);
    }
    let count = responses.len();
    let after = row.keys().find_map(|name| {
        let (place, _) = response_of(name)?;
        (place >= count).then_some(name)
    });
    if let Some(name) = after {
        bail!(
            "has a `{name}`, but no `response{count}`\nhint: responses are numbered from 0, without a gap; in CSV, \
             the column `responses` says how many there are when one of them is empty"
        );
    }
    Ok(responses)
}

fn passage(row: &Row, name: &str) -> Result<Option<Passage>> {
    let column = format!("{name}_tokens");
    let tokens = match row.get(&column) {
        None => None,
        Some(value) => {
            let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
            let ids = value.as_array();
            let ids = ids.and_then(|ids| ids.iter().map(id).collect());
            let hint = "token ids are whole numbers from 0 to 4294967295, such as [464, 2646]";
            Some(ids.with_context(|| wrong(&column, value, "a list of token ids", hint))?)
        }
    };
    let text = text(row, name)?;
    Ok((text.is_some() || tokens.is_some()).then_some(Passage { text, tokens }))
}

fn text(row: &Row, name: &str) -> Result<Option<String>> {
    let Some(value) = row.get(name) else {
        return Ok(None);
    };
    let text = value.as_str().map(str::to_owned);
    let hint = "write the column as text";
    Ok(Some(
        text.with_context(|| wrong(name, value, "a text", hint))?,
    ))
}

/// The kind of an answer, and the rest of it.
fn said(answer: &Answer) -> (&'static str, Option<String>) {
    let list = |places: &[usize], between: &str| {
        let places: Vec<String> = places.iter().map(usize::to_string).collect();
        places.join(between)
    };
    match answer {
        Answer::Best(place) => ("best", Some(place.to_string())),
        Answer::Tie(places) => ("tie", Some(list(places, " "))),
        Answer::Ranking(groups) => {
            let groups: Vec<String> = groups.iter().map(|group| list(group, " = ")).collect();
            ("ranking", Some(groups.join(" > ")))
        }
        Answer::Difference(value) => ("difference", Some(value.to_string())),
        Answer::Rating(value) => ("rating", Some(value.to_string())),
        Answer::Abstain => ("abstain", None),
        Answer::Skip => ("skip", None),
    }
}

/// `count`: how many responses there are.
fn answer(row: &Row, count: usize) -> Result<Answer> {
    let kind = row.get("answer").with_context(|| {
        format!(
            "has no `answer`\nhint: it is one of {KINDS}; leave out rows that nobody has judged"
        )
    })?;
    let value = row.get("value");
    // A table that somebody made may have numbers there.
    let said = match value {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let needs = |wanted: &str, hint: &str| match value {
        Some(value) => wrong("value", value, wanted, hint),
        None => format!("has no `value`, must be {wanted}\nhint: {hint}"),
    };
    // Tables with gaps turn whole numbers into others.
    let place = |text: &str| -> Option<usize> {
        let whole = text.strip_suffix(".0").unwrap_or(text);
        whole.parse().ok()
    };
    let list = |text: &str| -> Result<Vec<usize>> {
        let places = text.split(['=', ' ']).filter(|part| !part.is_empty());
        let places: Option<Vec<usize>> = places.map(place).collect();
        let hint = "`0 2` are a tie, `2 > 0 = 1` is a ranking with `response2` before both others";
        places.with_context(|| needs("places from 0", hint))
    };
    let number = || -> Result<f64> {
        let number = said.parse().ok();
        number.with_context(|| needs("a number", "such as 0.5, with a point"))
    };
    Ok(match kind.as_str() {
        Some("best") => Answer::Best(place(&said).with_context(|| {
            let hint = "0 is `response0`, 1 is `response1`";
            needs("a place from 0", hint)
        })?),
        Some("tie") => Answer::Tie(list(&said)?),
        Some("ranking") => {
            let groups = said.split('>').map(list).collect::<Result<_>>()?;
            Answer::ranked(groups, count)
        }
        Some("difference") => Answer::Difference(number()?),
        Some("rating") => Answer::Rating(number()?),
        Some("abstain") => Answer::Abstain,
        Some("skip") => Answer::Skip,
        _ => {
            let said = kind.as_str().unwrap_or_default().to_lowercase();
            let kinds = KINDS.split(", ").flat_map(|part| part.split(" or "));
            let hint = match spelling::nearest(&said, kinds) {
                Some(kind) => format!("is `{kind}` what is meant?"),
                None => "which response is chosen stands in `value`".to_owned(),
            };
            bail!(wrong("answer", kind, KINDS, &hint))
        }
    })
}

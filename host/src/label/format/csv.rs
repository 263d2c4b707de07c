//! Tables for spreadsheets: a header, then a row a label. An empty cell is nothing, so that a text of no
//! characters is one only where the column `responses` counts it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{Cursor, Read};

use anyhow::{Context, Error, Result, anyhow, bail};
use csv::{ErrorKind, ReaderBuilder, StringRecord, Writer};
use serde_json::Value;

use super::fields;
use super::guess::{listed, meant};
use super::stream::{LONGEST, metered, wrong};
use super::table::{self, COLUMNS, Row, response_of};
use super::{Imported, Written, count, one_kind, rows, talk, time, trl};
use crate::label::Label;
use crate::outside::HEAD;
use crate::terminal::Line;

pub(super) fn read(file: File, into: &mut Imported) -> Result<()> {
    from(file, into)
}

fn from(mut file: impl Read, into: &mut Imported) -> Result<()> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let breaks = Breaks::of(&head);
    let (file, left) = metered(Cursor::new(head).chain(file));
    let mut table = ReaderBuilder::new().from_reader(file);
    let header = table.headers().cloned();
    let header = header.map_err(|error| explained(error, &StringRecord::new()))?;
    let ours = check_header(&header)?;
    let is_read = |name: &str| match ours {
        true => known(name),
        false => trl::FIELDS.contains(&name.trim()),
    };
    for name in header.iter().filter(|name| !is_read(name)) {
        count(&mut into.left, format!("the column `{name}`"));
    }
    let mut record = StringRecord::new();
    loop {
        left.set(LONGEST);
        let line = table.position().line();
        match table.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(explained(error, &header)),
        }
        // Where the row begins, which is not where the lines before it end when those are empty.
        let line = record.position().map_or(line, csv::Position::line);
        let record = breaks.plain(&record);
        let pushed = match ours {
            true => row(&header, &record)
                .and_then(|row| table::label(&row))
                .and_then(|label| into.push(label)),
            false => preference(&header, &record).and_then(|row| trl::push(&row, into)),
        };
        pushed.with_context(|| format!("line {line}"))?;
    }
}

/// How the lines of a table end. Who saves one with other line ends changes those in its cells as well.
enum Breaks {
    Unix,
    Windows,
}

impl Breaks {
    fn of(head: &[u8]) -> Breaks {
        let first = head.iter().position(|byte| *byte == b'\n');
        match first.is_some_and(|at| head[..at].ends_with(b"\r")) {
            true => Breaks::Windows,
            false => Breaks::Unix,
        }
    }

    /// The cells as they were before.
    fn plain<'a>(&self, record: &'a StringRecord) -> Cow<'a, StringRecord> {
        let is_changed = |record: &StringRecord| record.iter().any(|cell| cell.contains("\r\n"));
        match self {
            Breaks::Windows if is_changed(record) => {
                let cells = record.iter().map(|cell| cell.replace("\r\n", "\n"));
                Cow::Owned(cells.collect::<Vec<_>>().into())
            }
            _ => Cow::Borrowed(record),
        }
    }
}

/// A row of `chosen` and `rejected`, as [`trl`] reads it.
fn preference(header: &StringRecord, record: &StringRecord) -> Result<Row> {
    let mut row = Row::new();
    for (name, cell) in header.iter().map(str::trim).zip(record) {
        if trl::FIELDS.contains(&name) {
            row.insert(name.to_owned(), cell_of(name, cell)?);
        }
    }
    // An empty cell is nothing; but of two that are compared one may be a text of no characters.
    let is_text = |name: &str| row.get(name).is_some_and(Value::is_string);
    if is_text("chosen") != is_text("rejected") {
        for name in ["chosen", "rejected"] {
            if row.get(name).is_some_and(Value::is_null) {
                row.insert(name.to_owned(), "".into());
            }
        }
    }
    Ok(row)
}

/// A text, a list of messages as JSON, or whether two are equally good.
fn cell_of(name: &str, cell: &str) -> Result<Value> {
    let start = cell.trim_start();
    Ok(match (name, cell.trim().to_lowercase().as_str()) {
        (_, "") => Value::Null,
        ("tie", "true" | "1") => true.into(),
        ("tie", "false" | "0") => false.into(),
        _ if start.starts_with("[{'") => bail!(
            "`{name}` is a list as Python prints it, must be a text or a list of messages in JSON\nhint: write it by \
             `json.dumps`, or write JSON lines for `--format trl`"
        ),
        _ => match serde_json::from_str(cell) {
            Ok(list) if start.starts_with('[') && talk::is_talk(&list) => list,
            _ => cell.into(),
        },
    })
}

fn known(column: &str) -> bool {
    let column = column.trim();
    let once = ["query", "query_tokens", "responses"];
    once.contains(&column) || COLUMNS.contains(&column) || response_of(column).is_some()
}

/// Refuses a header that lacks what a label needs; says whether it is the one that we write.
fn check_header(header: &StringRecord) -> Result<bool> {
    let names: Vec<&str> = header.iter().map(str::trim).collect();
    if let Some(at) = (1..names.len()).find(|at| names[..*at].contains(&names[*at])) {
        bail!(
            "line 1, the header: has `{}` twice\nhint: leave one of them, or give the other another name",
            Line(names[at])
        );
    }
    if !names.contains(&"answer") && ["chosen", "rejected"].iter().all(|n| names.contains(n)) {
        return Ok(false);
    }
    let either =
        |name: &str| names.contains(&name) || names.contains(&format!("{name}_tokens").as_str());
    for name in ["query", "response0", "answer"] {
        if !either(name) {
            bail!(
                "line 1, the header: has no column `{name}`, but {}\n{}",
                listed(&names),
                hint_of(name, &names)
            );
        }
    }
    Ok(true)
}

/// What to do about a header without the column `name`.
fn hint_of(name: &str, has: &[&str]) -> String {
    if let [all] = has
        && let Some(other) = all.chars().find(|c| [';', '\t', '|'].contains(c))
    {
        let other = Line(other);
        return format!("hint: columns are separated by commas, and here by `{other}`");
    }
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

/// What the crate says of a table that is none, with the line and what to do.
fn explained(error: csv::Error, header: &StringRecord) -> Error {
    let line = |at: &Option<csv::Position>| at.as_ref().map_or(1, csv::Position::line);
    match error.kind() {
        ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => anyhow!(
            "line {} has {len} cells, the header has {expected_len}\nhint: a cell with a comma, a quote or a line \
             break stands in double quotes; is one not closed?",
            line(pos)
        ),
        ErrorKind::Utf8 { pos, err } => anyhow!(
            "line {}, column `{}`: is not UTF-8 text\nhint: save the table as UTF-8; spreadsheets call it \
             `CSV UTF-8`",
            line(pos),
            Line(header.get(err.field()).unwrap_or("1"))
        ),
        _ => error.into(),
    }
}

/// The cells that are not empty, and the texts that are.
fn row(header: &StringRecord, record: &StringRecord) -> Result<Row> {
    let mut row = Row::new();
    for (name, cell) in header.iter().map(str::trim).zip(record) {
        if cell.is_empty() || name == "responses" || !known(name) {
            continue;
        }
        let value = if name.ends_with("_tokens") {
            let value = Value::from(cell);
            serde_json::from_str(cell).ok().with_context(|| {
                wrong(name, &value, "a list of token ids", "such as [464, 2646]")
            })?
        } else {
            Value::from(cell)
        };
        row.insert(name.to_owned(), value);
    }
    let counted = header.iter().position(|name| name.trim() == "responses");
    let counted = match counted.and_then(|at| record.get(at)) {
        None | Some("") => None,
        Some(cell) => Some(cell.parse::<usize>().ok().with_context(|| {
            let hint = "such as 2; leave it empty where no response is";
            wrong("responses", &cell.into(), "how many there are", hint)
        })?),
    };
    // Where responses are counted, an empty cell is a text of no characters; else it may be nothing.
    for name in header.iter().map(str::trim) {
        let is_there = name == "query"
            || matches!(response_of(name), Some((place, false)) if Some(place) < counted);
        let or_tokens = counted.is_none() && row.contains_key(&format!("{name}_tokens"));
        if is_there && !or_tokens && !row.contains_key(name) {
            row.insert(name.to_owned(), "".into());
        }
    }
    let places = row.keys().filter_map(|name| response_of(name));
    let there = places.map(|(place, _)| place + 1).max().unwrap_or(0);
    if let Some(counted) = counted
        && counted != there
    {
        bail!(
            "`responses` is {counted}, but there are {there}\nhint: it counts the responses of the row, with those \
             that are empty"
        );
    }
    Ok(row)
}

pub(super) fn write(labels: &[Label]) -> Result<Written> {
    let kind = one_kind(labels)?;
    let most = labels.iter().map(|label| label.comparison.responses.len());
    let names = (0..most.max().unwrap_or_default()).map(|place| format!("response{place}"));
    let passages: Vec<String> = ["query".to_owned()].into_iter().chain(names).collect();
    let tokens = labels
        .iter()
        .flat_map(|label| label.comparison.passages())
        .any(|passage| passage.tokens.is_some());
    let mut header = StringRecord::new();
    if kind.texts {
        header.extend(&passages);
    }
    if tokens {
        header.extend(passages.iter().map(|name| format!("{name}_tokens")));
    }
    header.push_field("responses");
    header.extend(COLUMNS);
    let one = |label: &Label| Ok(record(label, &header));
    let (records, mut written) = rows(labels, one, |record| table::label(&row(&header, record)?))?;
    let mut table = Writer::from_writer(&mut written.bytes);
    table.write_record(&header)?;
    for record in &records {
        table.write_record(record)?;
    }
    table.flush()?;
    drop(table);
    Ok(written)
}

fn record(label: &Label, header: &StringRecord) -> StringRecord {
    let row = table::row(label, "query");
    let cell = |name: &str| match (name, row.get(name)) {
        ("responses", _) => label.comparison.responses.len().to_string(),
        (_, None) => String::new(),
        ("time", Some(value)) => value.as_i64().and_then(time::text).unwrap_or_default(),
        (_, Some(Value::String(text))) => text.clone(),
        (_, Some(value)) => value.to_string(),
    };
    header.iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    //! What has no end.

    use super::*;

    #[test]
    fn an_endless_cell_is_not_read_to_its_end() {
        let header = b"query,response0,answer\n\"".as_slice();
        for endless in [std::io::repeat(b'x'), std::io::repeat(b',')] {
            let message = format!(
                "{:#}",
                from(header.chain(endless), &mut Imported::default()).unwrap_err()
            );
            assert!(message.contains("longer than 64 MiB"), "{message}");
        }
    }
}

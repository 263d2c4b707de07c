//! Tables for spreadsheets: a header, then a row a label. An empty cell is nothing, so that a text of no
//! characters is one only where the column `responses` counts it.

use std::io::{Cursor, Read};

use anyhow::{Context, Result, anyhow, bail};
use csv::{StringRecord, Writer};
use serde_json::Value;

use super::stream::wrong;
use super::table::{self, COLUMNS, Row, response_of};
use super::{Imported, Written, count, one_kind, rows, talk, time, trl};
use crate::label::Label;
use crate::outside::HEAD;
use crate::rows::cells::Cells;
use crate::rows::opened::Opened;

mod header;

use header::{AGAIN, is_header, is_ours};

pub(super) fn read(file: Opened, into: &mut Imported) -> Result<()> {
    from(file.reader, into)
}

fn from(mut file: impl Read, into: &mut Imported) -> Result<()> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let file = Cursor::new(head.clone()).chain(file);
    let mut table = Cells::open(&head, file, None)?;
    if let Some(note) = table.separated() {
        count(&mut into.noted, note);
    }
    let header = table.header().clone();
    let names: Vec<&str> = header.iter().map(str::trim).collect();
    let ours = is_ours(&names)?;
    let is_read = |name: &str| match ours {
        true => known(name),
        false => trl::is_read(name.trim(), &names),
    };
    for name in header.iter().filter(|name| !is_read(name)) {
        count(&mut into.left, format!("the column `{name}`"));
    }
    let mut record = StringRecord::new();
    while let Some((line, read)) = table.next(&mut record)? {
        let pushed = read.and_then(|()| match ours {
            _ if is_header(&header, &record) => Err(anyhow!(AGAIN)),
            true => row(&header, &record)
                .and_then(|row| table::label(&row))
                .and_then(|label| into.push(label)),
            false => preference(&header, &record).and_then(|row| trl::push(&row, into)),
        });
        pushed.with_context(|| format!("line {line}"))?;
    }
    Ok(())
}

/// A row of `chosen` and `rejected`, as [`trl`] reads it.
fn preference(header: &StringRecord, record: &StringRecord) -> Result<Row> {
    let mut row = Row::new();
    let names: Vec<&str> = header.iter().map(str::trim).collect();
    for (name, cell) in names.iter().copied().zip(record) {
        if trl::is_read(name, &names) {
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
    Ok(match (name, cell.trim().to_lowercase().as_str()) {
        (_, "") => Value::Null,
        ("tie", "true" | "1") => true.into(),
        ("tie", "false" | "0") => false.into(),
        _ => talk::of_cell(name, cell)?,
    })
}

fn known(column: &str) -> bool {
    let column = column.trim();
    let once = ["query", "query_tokens", "responses"];
    once.contains(&column) || COLUMNS.contains(&column) || response_of(column).is_some()
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

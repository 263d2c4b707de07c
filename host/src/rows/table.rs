//! Rows that are tables of text: a header, then a row of cells, each of which is a text.

use anyhow::Result;
use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::Rows;
use super::cells::Cells;
use super::source::Source;

pub(super) fn read(source: Source, delimiter: Option<u8>, rows: &mut Rows) -> Result<()> {
    let head = source.head().to_vec();
    let mut table = Cells::open(&head, source.reader, delimiter)?;
    if delimiter.is_none() {
        rows.notes.extend(table.separated());
    }
    let mut record = StringRecord::new();
    let mut number = 0;
    while let Some((line, read)) = table.next(&mut record)? {
        match read {
            Ok(()) => {
                let cells = table.names().zip(&record);
                let row: Map<String, Value> = cells
                    .map(|(name, cell)| (name.to_owned(), cell.into()))
                    .collect();
                rows.push(number, line, serde_json::to_string(&row)?)?;
            }
            Err(error) => rows.refuse(line, error)?,
        }
        number += 1;
    }
    Ok(())
}

/// What separates the cells of a text that is a table, though its name does not say so: its first line has names, and
/// most rows that are looked at have as many cells.
pub(super) fn separator_of(head: &[u8]) -> Option<u8> {
    let is_name = |cell: &str| {
        let odd = |letter: char| !letter.is_alphanumeric() && !"_-.".contains(letter);
        cell.starts_with(|first: char| first.is_alphabetic() || first == '_') && !cell.contains(odd)
    };
    [b',', b'\t', b';'].into_iter().find(|delimiter| {
        let mut table = ReaderBuilder::new();
        let table = table
            .delimiter(*delimiter)
            .has_headers(false)
            .flexible(true);
        let mut rows = table.from_reader(head).into_records().flatten();
        let Some(header) = rows.next() else {
            return false;
        };
        let names = header.len();
        let (all, equal) = rows.fold((0, 0), |(all, equal), row| {
            (all + 1, equal + usize::from(row.len() == names))
        });
        names > 1 && header.iter().all(is_name) && equal * 2 > all
    })
}

//! Rows that are tables of text: a header, then a row of cells, each of which is a text.

use std::cell::RefCell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use anyhow::{Error, Result, anyhow, bail};
use csv::{ErrorKind, Position, ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::Rows;
use super::lines::{LONGEST, metered};
use super::source::Source;
use crate::terminal::Line;

pub(super) fn read(mut source: Source, delimiter: u8, rows: &mut Rows) -> Result<()> {
    let delimiter = match delimiter {
        b',' => separator(source.reader.fill_buf()?),
        other => other,
    };
    if delimiter != b',' && delimiter != b'\t' {
        let shown = char::from(delimiter);
        rows.notes
            .push(format!("its cells are separated by `{shown}`"));
    }
    let (file, left) = metered(source.reader);
    let quotes = Rc::new(RefCell::new(Quotes::new(delimiter)));
    let watched = Watched {
        inner: file,
        quotes: Rc::clone(&quotes),
    };
    let mut table = ReaderBuilder::new()
        .delimiter(delimiter)
        .from_reader(watched);
    let header = table.headers().cloned();
    let header = header
        .map_err(|error| explained(error, &StringRecord::new()).context("line 1, the header"))?;
    check_header(&header)?;
    let mut record = StringRecord::new();
    for number in 0.. {
        left.set(LONGEST);
        match table.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let line = error.position().map_or(1, Position::line);
                let is_past = matches!(error.kind(), ErrorKind::UnequalLengths { .. });
                let error = explained(error, &header);
                if !is_past {
                    return Err(error.context(format!("line {line}")));
                }
                rows.refuse(line, error)?;
                continue;
            }
        }
        let line = record.position().map_or(0, Position::line);
        let cells = header.iter().map(str::trim).zip(&record);
        let row: Map<String, Value> = cells
            .map(|(name, cell)| (name.to_owned(), cell.into()))
            .collect();
        rows.push(number, line, serde_json::to_string(&row)?);
    }
    if let Some(line) = quotes.borrow().open() {
        bail!(
            "line {line}: a cell begins with a quote that is never closed\nhint: close it; a quote in a cell is \
             written twice, in a cell that stands in quotes"
        );
    }
    Ok(())
}

/// What separates the cells of a header that has no comma: programs of some languages write semicolons.
fn separator(head: &[u8]) -> u8 {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let others = [b'\t', b';', b'|'];
    let other = others.into_iter().find(|other| line.contains(other));
    match line.contains(&b',') {
        true => b',',
        false => other.unwrap_or(b','),
    }
}

fn check_header(header: &StringRecord) -> Result<()> {
    let names: Vec<&str> = header.iter().map(str::trim).collect();
    if let Some(at) = (1..names.len()).find(|at| names[..*at].contains(&names[*at])) {
        bail!(
            "line 1, the header: has the column `{}` twice\nhint: leave one of them, or give the other another name",
            Line(names[at])
        );
    }
    Ok(())
}

/// What the crate says of a table that is none, with what to do.
fn explained(error: csv::Error, header: &StringRecord) -> Error {
    match error.kind() {
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => anyhow!(
            "has {len} cells, the header has {expected_len}\nhint: a cell with a separator, a quote or a line \
             break stands in double quotes; is one not closed?"
        ),
        ErrorKind::Utf8 { err, .. } => anyhow!(
            "column `{}`: is not UTF-8 text\nhint: save the table as UTF-8; spreadsheets call it \
             `CSV UTF-8`",
            Line(header.get(err.field()).unwrap_or("1"))
        ),
        _ => error.into(),
    }
}

/// Whether a cell's quote is open, byte by byte: the crate takes the end of a file for its end.
struct Quotes {
    delimiter: u8,
    line: u64,
    /// The line on which the cell began that is open.
    opened: Option<u64>,
    /// Whether a cell may begin here.
    at_start: bool,
    /// Whether the byte before was a quote inside of a cell: the cell's end, unless another follows.
    after_quote: bool,
}

impl Quotes {
    fn new(delimiter: u8) -> Quotes {
        Quotes {
            delimiter,
            line: 1,
            opened: None,
            at_start: true,
            after_quote: false,
        }
    }

    fn see(&mut self, byte: u8) {
        let ends_cell = byte == self.delimiter || byte == b'\n' || byte == b'\r';
        if self.opened.is_some() && !self.after_quote {
            self.after_quote = byte == b'"';
        } else if self.opened.is_some() && byte == b'"' {
            self.after_quote = false;
        } else {
            self.opened = (self.at_start && byte == b'"').then_some(self.line);
            self.after_quote = false;
            self.at_start = ends_cell;
        }
        self.line += u64::from(byte == b'\n');
    }

    fn open(&self) -> Option<u64> {
        self.opened.filter(|_| !self.after_quote)
    }
}

struct Watched<R> {
    inner: R,
    quotes: Rc<RefCell<Quotes>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        let mut quotes = self.quotes.borrow_mut();
        into[..read].iter().for_each(|byte| quotes.see(*byte));
        Ok(read)
    }
}

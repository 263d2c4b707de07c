//! Rows that are tables of text: a header, then a row of cells, each of which is a text.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use anyhow::{Error, Result, anyhow, bail};
use csv::{ErrorKind, ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::Rows;
use super::lines::{LONGEST, line_end, metered};
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
    quotes.borrow_mut().next_row();
    let header = header
        .map_err(|error| explained(error, &StringRecord::new()).context("line 1, the header"))?;
    check_header(&header)?;
    let mut record = StringRecord::new();
    for number in 0.. {
        left.set(LONGEST);
        let read = table.read_record(&mut record);
        let line = quotes.borrow_mut().next_row();
        match read {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                let is_past = matches!(
                    error.kind(),
                    ErrorKind::UnequalLengths { .. } | ErrorKind::Utf8 { .. }
                );
                let error = explained(error, &header);
                if !is_past {
                    return Err(error.context(format!("line {line}")));
                }
                rows.refuse(line, error)?;
                continue;
            }
        }
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

/// Whether a cell's quote is open, byte by byte: the crate takes the end of a file for its end. And the lines that rows
/// begin on, which the crate does not know where empty lines are between them.
struct Quotes {
    delimiter: u8,
    line: u64,
    /// The lines of the rows that the crate has not told of yet.
    rows: VecDeque<u64>,
    /// Whether the next row begins with the next byte that ends no line.
    between_rows: bool,
    after_return: bool,
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
            rows: VecDeque::new(),
            between_rows: true,
            after_return: false,
            opened: None,
            at_start: true,
            after_quote: false,
        }
    }

    /// The line of the row that was read last.
    fn next_row(&mut self) -> u64 {
        self.rows.pop_front().unwrap_or(self.line)
    }

    /// The byte as it is to be read: all rows end in `\n`, and what stands in a cell's quotes is its own.
    fn take(&mut self, byte: u8) -> Option<u8> {
        let in_cell = self.opened.is_some() && !self.after_quote;
        let byte = match in_cell {
            true => byte,
            false => line_end(byte, &mut self.after_return)?,
        };
        self.see(byte);
        Some(byte)
    }

    fn see(&mut self, byte: u8) {
        if self.between_rows && byte != b'\n' {
            self.rows.push_back(self.line);
            self.between_rows = false;
        }
        let ends_cell = byte == self.delimiter || byte == b'\n';
        if self.opened.is_some() && !self.after_quote {
            self.after_quote = byte == b'"';
        } else if self.opened.is_some() && byte == b'"' {
            self.after_quote = false;
        } else {
            self.opened = (self.at_start && byte == b'"').then_some(self.line);
            self.after_quote = false;
            self.at_start = ends_cell;
        }
        self.between_rows |= byte == b'\n' && self.opened.is_none();
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
        let mut quotes = self.quotes.borrow_mut();
        loop {
            let read = self.inner.read(into)?;
            let mut kept = 0;
            for at in 0..read {
                if let Some(byte) = quotes.take(into[at]) {
                    into[kept] = byte;
                    kept += 1;
                }
            }
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}

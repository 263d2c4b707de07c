//! Tables of text, a row of cells at a time: which line each begins on, and what is wrong with those that are none.
//! Knows the crate that reads them, not what anybody makes of a row.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::rc::Rc;

use anyhow::{Context, Error, Result, anyhow, bail};
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};

use super::breaks::{Unix, unix};
use super::lines::{LONGEST, Left, Metered, line_end, metered};
use super::twice;
use crate::terminal::Line;

/// A table that is read row by row.
pub(crate) struct Cells<R> {
    table: Reader<Watched<Unix<Metered<R>>>>,
    header: StringRecord,
    left: Left,
    quotes: Rc<RefCell<Quotes>>,
}

impl<R: Read> Cells<R> {
    /// The table in `file`, which begins with `head`, and its header.
    ///
    /// # Errors
    /// There is no header, or it has a column twice.
    pub(crate) fn open(head: &[u8], file: R, delimiter: u8) -> Result<Self> {
        let (file, left) = metered(file);
        let quotes = Rc::new(RefCell::new(Quotes::new(delimiter)));
        let watched = Watched {
            inner: unix(head, file),
            quotes: Rc::clone(&quotes),
        };
        let mut table = ReaderBuilder::new()
            .delimiter(delimiter)
            .from_reader(watched);
        let about = "line 1, the header";
        let header = table.headers().cloned();
        let header = header.map_err(|error| explained(error, &StringRecord::new()));
        let header = header.context(about)?;
        quotes.borrow_mut().next_row();
        let table = Cells {
            table,
            header,
            left,
            quotes,
        };
        let names: Vec<&str> = table.names().collect();
        if let Some(name) = twice(&names) {
            bail!(
                "{about}: has the column `{}` twice\nhint: leave one of them, or give the other another name",
                Line(name)
            );
        }
        Ok(table)
    }

    /// What the first row says.
    pub(crate) fn header(&self) -> &StringRecord {
        &self.header
    }

    /// The names of the columns.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.header.iter().map(str::trim)
    }

    /// Reads the next row; none where there is no other. Its line comes with it, and what is wrong with it alone.
    ///
    /// # Errors
    /// Nothing can be read after it.
    pub(crate) fn next(&mut self, record: &mut StringRecord) -> Result<Option<(u64, Result<()>)>> {
        self.left.set(LONGEST);
        let read = self.table.read_record(record);
        let line = self.quotes.borrow_mut().next_row();
        match read {
            Ok(true) => Ok(Some((line, Ok(())))),
            Ok(false) => self.check_end().map(|()| None),
            Err(error) => {
                let kind = error.kind();
                let is_past = matches!(
                    kind,
                    ErrorKind::UnequalLengths { .. } | ErrorKind::Utf8 { .. }
                );
                let error = explained(error, &self.header);
                match is_past {
                    true => Ok(Some((line, Err(error)))),
                    false => Err(error.context(format!("line {line}"))),
                }
            }
        }
    }

    /// The crate takes the end of a file for a quote's.
    fn check_end(&self) -> Result<()> {
        let Some(line) = self.quotes.borrow().open() else {
            return Ok(());
        };
        bail!(
            "line {line}: a cell begins with a quote that is never closed\nhint: close it; a quote in a cell is \
             written twice, in a cell that stands in quotes"
        )
    }
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

/// Shows [`Quotes`] what is read.
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

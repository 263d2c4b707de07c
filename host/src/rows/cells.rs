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
use crate::outside::without_mark;
use crate::terminal::Line;

/// A table that is read row by row.
pub(crate) struct Cells<R> {
    table: Reader<Watched<Unix<Metered<R>>>>,
    header: StringRecord,
    delimiter: u8,
    left: Left,
    quotes: Rc<RefCell<Quotes>>,
}

impl<R: Read> Cells<R> {
    /// The table in `file`, which begins with `head`, and its header. What separates its cells, the first line says
    /// where `delimiter` does not.
    ///
    /// # Errors
    /// There is no header, or it has a column twice.
    pub(crate) fn open(head: &[u8], mut file: R, delimiter: Option<u8>) -> Result<Self> {
        let told = told(head);
        let delimiter = delimiter.or(told).unwrap_or_else(|| separator(head));
        let mut quotes = Quotes::new(delimiter);
        if told.is_some() {
            let end = head.iter().position(|byte| *byte == b'\n');
            let end = end.map_or(head.len(), |at| at + 1) as u64;
            io::copy(&mut file.by_ref().take(end), &mut io::sink())?;
            quotes.line += 1;
        }
        let header_line = quotes.line;
        let (file, left) = metered(file);
        let quotes = Rc::new(RefCell::new(quotes));
        let watched = Watched {
            inner: unix(head, file),
            quotes: Rc::clone(&quotes),
        };
        let mut table = ReaderBuilder::new()
            .delimiter(delimiter)
            .from_reader(watched);
        let about = format!("line {header_line}, the header");
        let header = table.headers().cloned();
        let header = header.map_err(|error| explained(error, &StringRecord::new()));
        let header = header.with_context(|| about.clone())?;
        let (_, quoting) = quotes.borrow_mut().next_row();
        quoting.check().with_context(|| about.clone())?;
        let table = Cells {
            table,
            header,
            delimiter,
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

    /// What separates its cells, where that is no comma, for a person to read.
    pub(crate) fn separated(&self) -> Option<String> {
        let other = Some(self.delimiter).filter(|byte| *byte != b',');
        other.map(|byte| {
            format!(
                "its cells are separated by `{}`",
                char::from(byte).escape_default()
            )
        })
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
        let (line, quoting) = self.quotes.borrow_mut().next_row();
        match read {
            // Where quotes are wrong, all else of the row is.
            Ok(true) => Ok(Some((line, quoting.check()))),
            Err(_) if quoting == Quoting::Broken => Ok(Some((line, quoting.check()))),
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

/// What the first line says that separates cells, as spreadsheets understand it: `sep=;`.
fn told(head: &[u8]) -> Option<u8> {
    let line = without_mark(head).split(|byte| *byte == b'\n').next()?;
    match line.trim_ascii_end().strip_prefix(b"sep=") {
        Some([separator]) => Some(*separator),
        // A tab at the end of a line looks like nothing.
        Some([]) if line.contains(&b'\t') => Some(b'\t'),
        _ => None,
    }
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

/// How the quotes of a row stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Whole,
    /// A cell goes on after the quote that closes it, which the crate takes for more of the cell.
    Broken,
}

impl Quoting {
    fn check(self) -> Result<()> {
        match self {
            Quoting::Whole => Ok(()),
            Quoting::Broken => bail!(
                "a cell goes on after the quote that closes it\nhint: in a cell that stands in quotes, a quote is \
                 written twice, `\"\"`, and not `\\\"`"
            ),
        }
    }
}

/// Whether a cell's quote is open, byte by byte: the crate takes the end of a file for its end. And the lines that rows
/// begin on, which the crate does not know where empty lines are between them.
struct Quotes {
    delimiter: u8,
    line: u64,
    /// The lines of the rows that the crate has not told of yet.
    rows: VecDeque<(u64, Quoting)>,
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

    /// The line of the row that was read last, and how its quotes stand.
    fn next_row(&mut self) -> (u64, Quoting) {
        let row = self.rows.pop_front();
        row.unwrap_or((self.line, Quoting::Whole))
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
            self.rows.push_back((self.line, Quoting::Whole));
            self.between_rows = false;
        }
        let ends_cell = byte == self.delimiter || byte == b'\n';
        if self.opened.is_some() && !self.after_quote {
            self.after_quote = byte == b'"';
        } else if self.opened.is_some() && byte == b'"' {
            self.after_quote = false;
        } else {
            if self.opened.is_some()
                && !ends_cell
                && let Some((_, quoting)) = self.rows.back_mut()
            {
                *quoting = Quoting::Broken;
            }
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

//! Text of any size, a line or a row at a time: a file without line breaks, or a row without an end, is not
//! read into memory to find that out.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use anyhow::{Context, Result, bail};

use crate::outside::without_mark;

/// No line and no row may have more bytes.
pub(crate) const LONGEST: u64 = 64 << 20;

/// Calls `each` with the number, from 1, and the text of every line, without its end.
pub(crate) fn for_lines(
    file: impl BufRead,
    mut each: impl FnMut(usize, &str) -> Result<()>,
) -> Result<()> {
    for_texts(file, |number, text| {
        let text = text.with_context(|| format!("line {number} {NO_TEXT}"))?;
        each(number, text)
    })
}

/// What is wrong with a line that is none.
pub(super) const NO_TEXT: &str = "is not UTF-8 text\nhint: save the file as UTF-8";

/// The same, with nothing where a line is not UTF-8.
pub(super) fn for_texts(
    file: impl BufRead,
    mut each: impl FnMut(usize, Option<&str>) -> Result<()>,
) -> Result<()> {
    for_places(file, |number, _, text| each(number, text))
}

/// The same, with the byte at which each line begins. Whoever wrote it, a line ends in `\n`, in `\r\n`, or in `\r` alone, as
/// Python reads text.
pub(super) fn for_places(
    mut file: impl BufRead,
    mut each: impl FnMut(usize, u64, Option<&str>) -> Result<()>,
) -> Result<()> {
    // Spreadsheets and editors put a byte order mark before the first line; of files that were joined, before others.
    let (mut line, mut number, mut start, mut at) = (Vec::new(), 1, 0, 0);
    let mut after_return = false;
    loop {
        let buffer = match file.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.with_context(|| {
                format!("line {number} cannot be read\nhint: is the file whole?")
            })?,
        };
        let Some(first) = buffer.first() else {
            break;
        };
        if std::mem::take(&mut after_return) && *first == b'\n' {
            file.consume(1);
            at += 1;
            start = at;
            continue;
        }
        let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        line.extend_from_slice(&buffer[..end.unwrap_or(buffer.len())]);
        after_return = end.is_some_and(|end| buffer[end] == b'\r');
        let taken = end.map_or(buffer.len(), |end| end + 1);
        file.consume(taken);
        at += taken as u64;
        if line.len() as u64 >= LONGEST {
            bail!(
                "line {number} is longer than {} MiB\nhint: a row is a line; is it the right file?",
                LONGEST >> 20
            );
        }
        if end.is_some() {
            each(number, start, text_of(&line))?;
            line.clear();
            (number, start) = (number + 1, at);
        }
    }
    match line.is_empty() {
        true => Ok(()),
        false => each(number, start, text_of(&line)),
    }
}

/// A line's text, if it is one.
fn text_of(line: &[u8]) -> Option<&str> {
    // Spreadsheets and editors put a byte order mark before the first line; of files that were joined, before others.
    std::str::from_utf8(without_mark(line)).ok()
}

/// What stands for a byte where all lines end in `\n`; nothing for the second of an end that has two.
pub(super) fn line_end(byte: u8, after_return: &mut bool) -> Option<u8> {
    let is_second = byte == b'\n' && *after_return;
    *after_return = byte == b'\r';
    match byte {
        b'\r' => Some(b'\n'),
        _ => (!is_second).then_some(byte),
    }
}

/// How many bytes may be read before somebody says that a row has ended.
pub(crate) type Left = Rc<Cell<u64>>;

/// A reader that fails when its count has run out, and the count.
pub(crate) fn metered<R: Read>(inner: R) -> (Metered<R>, Left) {
    let left = Rc::new(Cell::new(LONGEST));
    let meter = Metered {
        inner,
        left: Rc::clone(&left),
    };
    (meter, left)
}

/// See [`metered`].
pub(crate) struct Metered<R> {
    inner: R,
    left: Left,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(io::Error::other(format!(
                "it is longer than {} MiB\nhint: is it the right format?",
                LONGEST >> 20
            )));
        }
        let most = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut into[..most])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}

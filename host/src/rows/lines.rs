//! Text of any size, a line or a row at a time: a file without line breaks, or a row without an end, is not
//! read into memory to find that out.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
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
    let mut file = BufReader::new(LineEnds::new(file));
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let read = file.by_ref().take(LONGEST).read_until(b'\n', &mut bytes);
        if read
            .with_context(|| format!("line {number} cannot be read\nhint: is the file whole?"))?
            == 0
        {
            break;
        }
        let ended = bytes.pop_if(|last| *last == b'\n').is_some();
        if bytes.len() as u64 == LONGEST && !ended {
            bail!(
                "line {number} is longer than {} MiB\nhint: a row is a line; is it the right file?",
                LONGEST >> 20
            );
        }
        // Spreadsheets and editors put a byte order mark before the first line; of files that were joined, before
        // others.
        each(number, std::str::from_utf8(without_mark(&bytes)).ok())?;
    }
    Ok(())
}

/// Text whose lines end in `\n`, whoever wrote it: `\r\n` ends a line as well, and so does `\r` alone, as Python
/// reads text.
struct LineEnds<R> {
    inner: R,
    after_return: bool,
}

impl<R> LineEnds<R> {
    fn new(inner: R) -> LineEnds<R> {
        LineEnds {
            inner,
            after_return: false,
        }
    }
}

impl<R: Read> Read for LineEnds<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.inner.read(into)?;
            let mut kept = 0;
            for at in 0..read {
                if let Some(byte) = line_end(into[at], &mut self.after_return) {
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

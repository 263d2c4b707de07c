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
    mut file: impl BufRead,
    mut each: impl FnMut(usize, &str) -> Result<()>,
) -> Result<()> {
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
        bytes.pop_if(|last| *last == b'\r');
        // Spreadsheets and editors put a byte order mark before the first line.
        let line = if number == 1 {
            without_mark(&bytes)
        } else {
            &bytes
        };
        let text = std::str::from_utf8(line).with_context(|| {
            format!("line {number} is not UTF-8 text\nhint: save the file as UTF-8")
        })?;
        each(number, text)?;
    }
    Ok(())
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

//! Line ends of a table. Who saves one with other line ends changes those in its cells as well, so that they are
//! turned back as a whole, before anything is read; and lines are counted as they were.

use std::io::{Read, Result};

/// A reader of a table whose lines end as they do on Unix.
pub(super) struct Unix<R> {
    inner: R,
    is_windows: bool,
    /// Whether a `\r` was read of which it is not known yet what follows it.
    held: bool,
}

/// The table that begins with `head`, where its first line says how all of them end.
pub(super) fn unix<R: Read>(head: &[u8], inner: R) -> Unix<R> {
    let first = head.iter().position(|byte| *byte == b'\n');
    Unix {
        inner,
        is_windows: first.is_some_and(|at| head[..at].ends_with(b"\r")),
        held: false,
    }
}

impl<R: Read> Read for Unix<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        // One byte has no room for a `\r` beside what decides on it; nobody reads so.
        if !self.is_windows || buffer.len() < 2 {
            return self.inner.read(buffer);
        }
        loop {
            let begin = usize::from(self.held);
            let count = self.inner.read(&mut buffer[begin..])?;
            if self.held {
                buffer[0] = b'\r';
            }
            if count == 0 {
                self.held = false;
                return Ok(begin);
            }
            let end = begin + count;
            self.held = buffer[end - 1] == b'\r';
            let mut kept = 0;
            for at in 0..end {
                let is_last = at + 1 == end;
                let is_dropped = buffer[at] == b'\r' && (is_last || buffer[at + 1] == b'\n');
                if !is_dropped {
                    buffer[kept] = buffer[at];
                    kept += 1;
                }
            }
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! Whatever the pieces are in which a table comes.

    use super::*;

    #[test]
    fn line_ends_are_turned_back_in_pieces_of_any_size() {
        let table = "a\r\n\r\n\"b\r\nc\rd\r\r\n\"\r";
        for size in 2..9 {
            let mut reader = unix(table.as_bytes(), table.as_bytes());
            let mut read = Vec::new();
            let mut buffer = vec![0; size];
            loop {
                match reader.read(&mut buffer).unwrap() {
                    0 => break,
                    count => read.extend_from_slice(&buffer[..count]),
                }
            }
            assert_eq!(read, b"a\n\n\"b\nc\rd\r\n\"\r", "{size}");
        }
    }
}

//! Where each line of a file begins, in little space: two bytes a line, as a rule, so that a file of many short rows fits
//! into the memory of one with few long ones.

/// Of how many lines one is known by itself; what lies between is added up.
const STEP: usize = 64;

/// Places in a file that rise.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// Of every [`STEP`]th: where it begins, and where its distance to the next is kept.
    marks: Vec<(u64, usize)>,
    /// How far each is from the one before, seven bits a byte, the lowest first; the highest bit says that more follow.
    distances: Vec<u8>,
    last: u64,
    len: usize,
}

impl Starts {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Takes the next, which is not before the last.
    pub(super) fn push(&mut self, start: u64) {
        if self.len.is_multiple_of(STEP) {
            self.marks.push((start, self.distances.len()));
        } else {
            let mut distance = start - self.last;
            while distance >= 0x80 {
                self.distances.push(distance as u8 | 0x80);
                distance >>= 7;
            }
            self.distances.push(distance as u8);
        }
        self.last = start;
        self.len += 1;
    }

    pub(super) fn get(&self, index: usize) -> Option<u64> {
        if index >= self.len {
            return None;
        }
        let (mut start, at) = *self.marks.get(index / STEP)?;
        let mut bytes = self.distances[at..].iter();
        for _ in 0..index % STEP {
            let mut shift = 0;
            loop {
                let byte = *bytes.next()?;
                start += u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    break;
                }
            }
        }
        Some(start)
    }

    /// No more will come.
    pub(super) fn close(&mut self) {
        self.marks.shrink_to_fit();
        self.distances.shrink_to_fit();
    }

    /// Bytes that they take.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        size_of_val(self.marks.as_slice()) + self.distances.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_what_was_pushed() {
        let mut pushed = vec![0, 1, 128, 128, 129, 1 << 14, (1 << 14) + 127, 1 << 40];
        pushed.extend((1..1000).map(|row: u64| (1 << 40) + row * row));
        let mut starts = Starts::default();
        pushed.iter().for_each(|start| starts.push(*start));
        starts.close();
        let got: Vec<u64> = (0..pushed.len())
            .map(|index| starts.get(index).unwrap())
            .collect();
        assert_eq!(got, pushed);
        assert_eq!(
            (starts.len(), starts.get(pushed.len())),
            (pushed.len(), None)
        );
    }

    #[test]
    fn lines_of_some_hundred_bytes_take_little() {
        let mut starts = Starts::default();
        (0..64_000).for_each(|row| starts.push(row * 500));
        assert!(starts.bytes() <= 64_000 * 9 / 4, "{}", starts.bytes());
    }
}

//! Values out of bytes: numbers that are often near to what matters, and lists that are short.

use super::super::TokenizerHost;

/// Bytes that are used up.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Input(bytes)
    }

    /// The next byte, 0 for ever at the end.
    pub(super) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// Small as a rule.
    pub(super) fn number(&mut self) -> u32 {
        match self.byte() {
            255 => u32::MAX,
            254 => u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()]),
            byte => u32::from(byte) % 32,
        }
    }

    pub(super) fn float(&mut self) -> f32 {
        match self.byte() {
            255 => f32::NAN,
            254 => f32::INFINITY,
            253 => f32::NEG_INFINITY,
            252 => f32::from_bits(self.number()),
            byte => f32::from(byte) / 128.0,
        }
    }

    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let len = match self.byte() {
            255 => 300,
            byte => u32::from(byte) % 8,
        };
        (0..len).map(|_| item(self)).collect()
    }

    pub(super) fn text(&mut self) -> String {
        let bytes = self.list(Self::byte);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A tokenizer that knows so many tokens.
pub(super) struct Vocabulary(pub(super) u32);

impl TokenizerHost for Vocabulary {
    fn encode(&self, text: &str) -> Vec<u32> {
        text.bytes().map(u32::from).collect()
    }

    fn decode(&self, ids: &[u32]) -> String {
        "x".repeat(ids.len())
    }

    fn vocab_size(&self) -> u32 {
        self.0
    }
}

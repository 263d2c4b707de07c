//! Memory that several threads write to at once.

/// Rows of a buffer that several threads write to at once, each its own part.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) start: *mut f32,
    /// Numbers from one row to the next.
    pub(crate) stride: usize,
}

// SAFETY: a plain address; who writes through it promises to write only what nobody else touches.
unsafe impl Send for Rows {}
// SAFETY: as above.
unsafe impl Sync for Rows {}

impl Rows {
    /// The first `len` numbers of row `row`.
    ///
    /// # Safety
    /// The row is there, and nobody writes to it meanwhile.
    pub(crate) unsafe fn row<'a>(self, row: usize, len: usize) -> &'a [f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.start.add(row * self.stride), len) }
    }

    /// The first `len` numbers of row `row`, to be written.
    ///
    /// # Safety
    /// The row is there, and nobody else reads or writes it meanwhile.
    pub(crate) unsafe fn row_mut<'a>(self, row: usize, len: usize) -> &'a mut [f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(row * self.stride), len) }
    }
}

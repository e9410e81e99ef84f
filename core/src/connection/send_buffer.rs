//! The buffer of bytes that wait to be written.

use alloc::vec::Vec;

/// Capacity in bytes that an empty buffer keeps.
const RETAINED: usize = 64 * 1024;

/// A buffer that is appended to at its end and written from its front.
#[derive(Debug, Default)]
pub(super) struct SendBuffer {
    bytes: Vec<u8>,
    written: usize,
}

impl SendBuffer {
    /// The bytes to write next.
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// The buffer to append to. The caller must not remove bytes.
    pub(super) const fn buffer_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Frees the buffer if it is empty.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Removes `length` bytes from the front, or all if there are fewer.
    pub(super) fn advance(&mut self, length: usize) {
        self.written = (self.written + length).min(self.bytes.len());
        if self.is_empty() {
            self.bytes.clear();
            self.bytes.shrink_to(RETAINED);
            self.written = 0;
        }
    }
}

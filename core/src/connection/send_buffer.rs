//! The buffer of bytes that wait to be written.

use alloc::vec::Vec;

/// Capacity in bytes that an empty buffer keeps.
const RETAINED: usize = 4 * 1024;

/// A buffer that is appended to at its end and written from its front.
///
/// It holds at most twice the bytes that wait to be written and a small constant: see [`fit`](Self::fit).
#[derive(Debug, Default)]
pub(super) struct SendBuffer {
    bytes: Vec<u8>,
    written: usize,
}

impl SendBuffer {
    /// Returns the bytes to write next.
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Returns the buffer to append to. The caller must not remove bytes, and calls [`fit`](Self::fit) afterwards.
    pub(super) fn buffer_mut(&mut self) -> &mut Vec<u8> {
        // Moves no more bytes than were written.
        if self.written >= self.len() {
            self.remove_written();
        }
        &mut self.bytes
    }

    /// Frees the buffer if it is empty.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Removes `length` bytes from the front, or all if there are fewer. Returns the number of removed bytes.
    pub(super) fn advance(&mut self, length: usize) -> usize {
        let removed = length.min(self.len());
        self.written += removed;
        self.fit();
        removed
    }

    /// Gives memory back when more than twice the waiting bytes are held. The waiting bytes are moved only after at
    /// least a quarter of their number was written or appended since the last time, so the total work is linear.
    pub(super) fn fit(&mut self) {
        let pending = self.len();
        if pending == 0 {
            self.bytes.clear();
            self.bytes.shrink_to(RETAINED);
            self.written = 0;
        } else if self.bytes.capacity() > 2 * pending + 2 * RETAINED {
            self.remove_written();
            self.bytes.shrink_to(pending + pending / 2 + RETAINED);
        }
    }

    fn remove_written(&mut self) {
        self.bytes.drain(..self.written);
        self.written = 0;
    }
}

//! Bytes that wait to be written.

use alloc::vec::Vec;

/// What a buffer keeps of what one large message made of it.
const RETAINED: usize = 64 * 1024;

/// A buffer that is filled at its end and written from its front.
#[derive(Debug, Default)]
pub(super) struct SendBuffer {
    bytes: Vec<u8>,
    written: usize,
}

impl SendBuffer {
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// The end of the buffer, to append to.
    pub(super) const fn buffer_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Gives the buffer back, if nothing waits in it.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    pub(super) fn advance(&mut self, length: usize) {
        self.written = (self.written + length).min(self.bytes.len());
        if self.is_empty() {
            self.bytes.clear();
            self.bytes.shrink_to(RETAINED);
            self.written = 0;
        }
    }
}

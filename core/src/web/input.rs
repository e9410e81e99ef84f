//! The bytes that wait to be read by the client.

use alloc::vec::Vec;

/// Capacity in bytes that an empty buffer keeps.
const RETAINED: usize = 16 * 1024;

/// A buffer that is appended to at its end and read from its front.
#[derive(Default)]
pub(super) struct InputBuffer {
    bytes: Vec<u8>,
    /// The number of bytes at the front that were read.
    read: usize,
}

impl InputBuffer {
    pub(super) const fn len(&self) -> usize {
        self.bytes.len() - self.read
    }

    /// Returns the buffer to append to.
    pub(super) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        // Moves no more bytes than were read, so that the work is linear.
        if self.read >= self.len() {
            self.bytes.drain(..self.read);
            self.read = 0;
        }
        &mut self.bytes
    }

    /// Moves bytes into `buffer`. Returns their number.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> usize {
        let length = buffer.len().min(self.len());
        buffer[..length].copy_from_slice(&self.bytes[self.read..][..length]);
        self.read += length;
        if self.len() == 0 {
            self.bytes.clear();
            self.bytes.shrink_to(RETAINED);
            self.read = 0;
        }
        length
    }
}

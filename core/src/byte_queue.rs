//! `ByteQueue`: bytes that wait to be written, or to be read.

use alloc::vec::Vec;
use core::mem;

/// Capacity in bytes that an empty buffer keeps.
const RETAINED: usize = 4 * 1024;

/// A buffer that is appended to at its end and taken from at its front.
///
/// It holds at most twice the bytes that wait and a small constant: see [`fit`](Self::fit).
#[derive(Debug, Default)]
pub(crate) struct ByteQueue {
    bytes: Vec<u8>,
    /// The number of bytes at the front of `bytes` that are gone.
    gone: usize,
    /// The number of bytes before those of `bytes` that were taken and not reported as gone.
    taken: usize,
}

impl ByteQueue {
    /// Returns the bytes that come next: those that were not taken.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.bytes[self.gone..]
    }

    /// Moves the bytes that come next into `out`, whose memory takes their place. They count as waiting until
    /// [`advance`](Self::advance).
    pub(crate) fn take(&mut self, out: &mut Vec<u8>) {
        out.clear();
        if self.gone < self.bytes.len() {
            self.remove_gone();
            mem::swap(&mut self.bytes, out);
            self.taken += out.len();
        }
    }

    /// Returns the number of bytes that wait, taken ones included.
    pub(crate) const fn len(&self) -> usize {
        self.taken + self.bytes.len() - self.gone
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the buffer to append to. The caller must not remove bytes, and calls [`fit`](Self::fit) afterwards.
    pub(crate) fn buffer_mut(&mut self) -> &mut Vec<u8> {
        // Moves no more bytes than are gone, so that the work is linear.
        if self.gone >= self.pending().len() {
            self.remove_gone();
        }
        &mut self.bytes
    }

    /// Frees the buffer if it is empty.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Removes `length` bytes from the front, or all if there are fewer. Returns the number of removed bytes.
    pub(crate) fn advance(&mut self, length: usize) -> usize {
        let removed = length.min(self.len());
        let taken = removed.min(self.taken);
        self.taken -= taken;
        self.gone += removed - taken;
        self.fit();
        removed
    }

    /// Gives memory back when more than twice the waiting bytes are held. The waiting bytes are moved only after at
    /// least a quarter of their number was removed or appended since the last time, so the total work is linear.
    pub(crate) fn fit(&mut self) {
        let pending = self.pending().len();
        if pending == 0 {
            self.bytes.clear();
            self.bytes.shrink_to(RETAINED);
            self.gone = 0;
        } else if self.bytes.capacity() > 2 * pending + 2 * RETAINED {
            self.remove_gone();
            self.bytes.shrink_to(pending + pending / 2 + RETAINED);
        }
    }

    fn remove_gone(&mut self) {
        self.bytes.drain(..self.gone);
        self.gone = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{ByteQueue, RETAINED};
    use alloc::vec::Vec;

    #[test]
    fn taken_bytes_wait_until_they_are_reported_as_written() {
        let (mut buffer, mut out) = (ByteQueue::default(), Vec::new());
        buffer.take(&mut out);
        assert!(out.is_empty() && buffer.is_empty());
        buffer.buffer_mut().extend_from_slice(b"first");
        assert_eq!(buffer.advance(2), 2);
        buffer.take(&mut out);
        assert_eq!((out.as_slice(), buffer.pending(), buffer.len()), (&b"rst"[..], &b""[..], 3));
        buffer.buffer_mut().extend_from_slice(b"second");
        let mut second = Vec::from(b"what was there");
        buffer.take(&mut second);
        assert_eq!((second.as_slice(), buffer.len(), buffer.is_empty()), (&b"second"[..], 9, false));
        buffer.buffer_mut().extend_from_slice(b"third");
        assert_eq!((buffer.advance(8), buffer.pending(), buffer.len()), (8, &b"third"[..], 6));
        assert_eq!((buffer.advance(9), buffer.is_empty()), (6, true));
    }

    #[test]
    fn bytes_are_taken_without_a_copy_and_the_memory_is_exchanged() {
        let (mut buffer, mut out) = (ByteQueue::default(), Vec::with_capacity(RETAINED));
        buffer.buffer_mut().extend_from_slice(&[7; 3 * RETAINED]);
        let (place, lent) = (buffer.pending().as_ptr(), out.as_ptr());
        buffer.take(&mut out);
        assert_eq!((out.as_ptr(), out.len()), (place, 3 * RETAINED));
        buffer.buffer_mut().extend_from_slice(b"more");
        assert_eq!(buffer.pending().as_ptr(), lent);
    }
}

//! The last bytes of the plain text of a stream, from which its window is restored.

use alloc::collections::VecDeque;

use crate::buffer;

/// The last bytes of a plain text, up to a limit.
pub(super) struct History {
    bytes: VecDeque<u8>,
    limit: usize,
}

impl History {
    pub(super) const fn new(limit: usize) -> Self {
        Self { bytes: VecDeque::new(), limit }
    }

    /// Appends text, and drops what exceeds the limit from the front.
    pub(super) fn push(&mut self, text: &[u8]) {
        let text = &text[text.len().saturating_sub(self.limit)..];
        let excess = (self.bytes.len() + text.len()).saturating_sub(self.limit);
        self.bytes.drain(..excess);
        let more = buffer::growth(self.bytes.len(), self.bytes.capacity(), text.len(), self.limit);
        self.bytes.reserve_exact(more);
        self.bytes.extend(text);
    }

    /// Returns the text, for use as a dictionary.
    pub(super) fn dictionary(&mut self) -> &[u8] {
        self.bytes.make_contiguous()
    }

    /// Drops the text, and keeps the memory for the next.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Frees memory that the text does not need.
    pub(super) fn release_memory(&mut self) {
        self.bytes.shrink_to_fit();
    }
}

//! A buffer of text to which pieces of bytes are appended, and in which invalid UTF-8 is replaced.

use alloc::string::String;
use core::ops::Range;

use super::input::Input;
use crate::buffer::{self, RETAINED};
use crate::utf8::{CharStep, PartialChar, incomplete_suffix};

/// A text to which pieces of bytes are appended, split anywhere. Each byte is validated when it arrives: validating the
/// whole text at its end would read it from memory a second time.
#[derive(Debug, Default)]
pub(super) struct Utf8Buffer {
    text: String,
    /// The number of bytes received. Replaced ones count as they arrived.
    received: usize,
    partial: PartialChar,
    replaced: bool,
}

impl Utf8Buffer {
    pub(super) const fn new() -> Self {
        Self { text: String::new(), received: 0, partial: PartialChar::new(), replaced: false }
    }

    /// Returns the number of bytes received.
    pub(super) const fn received_len(&self) -> usize {
        self.received
    }

    /// Returns whether invalid UTF-8 was replaced.
    pub(super) const fn replaced(&self) -> bool {
        self.replaced
    }

    /// Returns the text, without an incomplete character at its end: see [`end`](Self::end).
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends a piece. Each invalid sequence becomes one U+FFFD.
    pub(super) fn push_lossy(&mut self, mut piece: &[u8]) {
        self.received += piece.len();
        while self.partial.len() > 0 {
            let [byte, rest @ ..] = piece else { return };
            match self.partial.push(*byte) {
                CharStep::Complete(character) => {
                    self.text.push(character);
                    piece = rest;
                }
                CharStep::Incomplete => piece = rest,
                // The bytes before this one are replaced, and this one is validated by itself.
                CharStep::Invalid => self.replace(),
            }
        }
        let (whole, suffix) = piece.split_at(piece.len() - incomplete_suffix(piece));
        match simdutf8::basic::from_utf8(whole) {
            Ok(whole) => self.append(whole),
            Err(_) => self.push_invalid(whole),
        }
        self.partial.start(suffix);
    }

    /// Appends text that is valid already. No incomplete character may precede it.
    pub(super) fn push_str(&mut self, text: &str) {
        self.append(text);
        self.received += text.len();
    }

    /// Appends bytes of an input, of which a part may have been validated already. No incomplete character may precede
    /// them.
    pub(super) fn push_validated(&mut self, input: &Input<'_>, span: Range<usize>) {
        let (text, rest) = input.validated(span);
        self.push_str(text);
        if !rest.is_empty() {
            self.push_lossy(rest);
        }
    }

    /// Ends the text, or a line of it: an incomplete character can no longer be completed, and is replaced.
    pub(super) fn end(&mut self) {
        if self.partial.len() > 0 {
            self.replace();
        }
    }

    /// Empties the buffer. A large one is freed as a whole and not shrunk: allocators that never get a large block back
    /// request each new one from the system, page by page.
    pub(super) fn clear(&mut self) {
        if self.text.capacity() > RETAINED {
            self.text = String::new();
        }
        self.text.clear();
        self.partial.clear();
        (self.received, self.replaced) = (0, false);
    }

    /// The caller checks the limit of the length.
    #[inline]
    fn append(&mut self, text: &str) {
        buffer::reserve_text(&mut self.text, text.len(), usize::MAX);
        self.text.push_str(text);
    }

    fn replace(&mut self) {
        self.text.push(char::REPLACEMENT_CHARACTER);
        self.partial.clear();
        self.replaced = true;
    }

    #[cold]
    fn push_invalid(&mut self, piece: &[u8]) {
        for chunk in piece.utf8_chunks() {
            self.text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.replace();
            }
        }
    }
}

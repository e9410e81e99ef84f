//! Text that comes in pieces: checked, or mended, while it is copied.

use alloc::string::String;
use core::ops::Range;

use super::input::{Input, unfinished};

/// What is kept of a buffer that one event made large.
const RETAINED: usize = 64 * 1024;

/// The longest character.
const LONGEST: usize = 4;

/// A text to which pieces of bytes are appended, cut anywhere. Each byte is checked once, when it comes: checking the whole at
/// the end would read it from far away again, and the borrow would be paid for with a second look.
#[derive(Debug, Default)]
pub(super) struct Text {
    text: String,
    /// Bytes that came, which invalid ones replaced by U+FFFD make fewer than there are.
    come: usize,
    /// What has come of a character that is not whole.
    partial: [u8; LONGEST],
    length: usize,
    replaced: bool,
}

impl Text {
    pub(super) const fn new() -> Self {
        Self { text: String::new(), come: 0, partial: [0; LONGEST], length: 0, replaced: false }
    }

    /// How many bytes came.
    pub(super) const fn come(&self) -> usize {
        self.come
    }

    /// Whether bytes that are no UTF-8 were replaced.
    pub(super) const fn replaced(&self) -> bool {
        self.replaced
    }

    /// The text, without a character that is not whole: see [`end`](Self::end).
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn push(&mut self, mut piece: &[u8]) {
        self.come += piece.len();
        while self.length > 0 {
            let [byte, rest @ ..] = piece else { return };
            self.partial[self.length] = *byte;
            match core::str::from_utf8(&self.partial[..=self.length]) {
                Ok(character) => {
                    self.text.push_str(character);
                    self.length = 0;
                    piece = rest;
                }
                // The byte does not belong to what came before it, which is replaced, and is looked at by itself.
                Err(error) if error.error_len().is_some() => self.replace(),
                Err(_) => {
                    self.length += 1;
                    piece = rest;
                }
            }
        }
        let (whole, tail) = piece.split_at(piece.len() - unfinished(piece));
        match simdutf8::basic::from_utf8(whole) {
            Ok(whole) => self.text.push_str(whole),
            Err(_) => self.mend(whole),
        }
        self.partial[..tail.len()].copy_from_slice(tail);
        self.length = tail.len();
    }

    /// The same for what is text already, behind no unfinished character.
    pub(super) fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
        self.come += text.len();
    }

    /// The same for bytes of an input that may have been checked already. They begin a text.
    pub(super) fn push_known(&mut self, input: &Input<'_>, span: Range<usize>) {
        let (text, rest) = input.known(span);
        self.push_text(text);
        if !rest.is_empty() {
            self.push(rest);
        }
    }

    /// The text ends here, or a line of it: nothing makes an unfinished character whole any more.
    pub(super) fn end(&mut self) {
        if self.length > 0 {
            self.replace();
        }
    }

    /// Empties it, and keeps no large buffer. Such a one is given back whole: to shrink it would keep a piece of what the system
    /// gave for it, and an allocator that never gets one back asks the system, page by page, for every other.
    pub(super) fn clear(&mut self) {
        if self.text.capacity() > RETAINED {
            self.text = String::new();
        }
        self.text.clear();
        (self.come, self.length, self.replaced) = (0, 0, false);
    }

    fn replace(&mut self) {
        self.text.push(char::REPLACEMENT_CHARACTER);
        (self.length, self.replaced) = (0, true);
    }

    #[cold]
    fn mend(&mut self, piece: &[u8]) {
        for chunk in piece.utf8_chunks() {
            self.text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                self.replace();
            }
        }
    }
}

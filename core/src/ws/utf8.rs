//! Strict validation of UTF-8 that arrives in pieces (RFC 6455 §8.1).

use crate::utf8::{CharStep, PartialChar, incomplete_suffix};

/// Validates pieces of one text.
#[derive(Clone, Copy, Default)]
pub(super) struct Utf8Validator {
    partial: PartialChar,
}

impl Utf8Validator {
    /// Validates the next piece. Returns `false` if the pieces cannot become UTF-8 any more.
    pub(super) fn push(&mut self, piece: &[u8]) -> bool {
        self.decode(piece).is_some()
    }

    /// Validates the next piece. Returns what it completes: a character that began in an earlier piece, and text. Returns `None`
    /// if the pieces cannot become UTF-8 any more.
    pub(super) fn decode<'p>(&mut self, mut piece: &'p [u8]) -> Option<(Option<char>, &'p str)> {
        let mut completed = None;
        while self.partial.len() > 0 {
            let [byte, rest @ ..] = piece else { return Some((None, "")) };
            match self.partial.push(*byte) {
                CharStep::Complete(character) => completed = Some(character),
                CharStep::Incomplete => {}
                CharStep::Invalid => return None,
            }
            piece = rest;
        }
        let (whole, suffix) = piece.split_at(piece.len() - incomplete_suffix(piece));
        let text = validate(whole)?;
        self.partial.start(suffix);
        Some((completed, text))
    }

    /// Returns the number of bytes of an incomplete character.
    pub(super) const fn incomplete_len(self) -> usize {
        self.partial.len()
    }
}

/// Returns these bytes as text if they are valid UTF-8. Of simdutf8's two functions, `compat` is faster on text with scattered
/// ASCII, and as fast on other text.
#[inline]
pub(super) fn validate(bytes: &[u8]) -> Option<&str> {
    simdutf8::compat::from_utf8(bytes).ok()
}

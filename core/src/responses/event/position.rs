//! The position of a member's value in a payload, in one of two forms: in words, or in half of them for a short payload.

use super::members::{ESCAPED, Span};

/// The end in place of a small integer's position, which has the integer itself as its start: it is not parsed again.
pub(super) const KEPT: u32 = u32::MAX;

/// The flag of an escaped string in the end of a short position.
pub(super) const SHORT_ESCAPED: u16 = 1 << 15;

/// The short form of [`KEPT`].
pub(super) const SHORT_KEPT: u16 = u16::MAX;

/// A position in any of its forms.
pub(super) trait Position: Copy {
    /// Returns the position in its widest form.
    fn span(self) -> Span;

    /// Returns the integer in place of a position, if one is [kept](KEPT).
    fn integer(self) -> Option<u32>;

    /// Returns whether it is that of a string with escapes.
    fn is_escaped(self) -> bool;

    /// Returns where the contents of a string without escapes begin and end. The end of any other value's is behind every payload, or it is
    /// not behind the start.
    fn contents(self) -> (usize, usize);
}

impl Position for Span {
    #[inline]
    fn span(self) -> Span {
        self
    }

    #[inline]
    fn integer(self) -> Option<u32> {
        let (integer, end) = self;
        (end == KEPT).then_some(integer)
    }

    #[inline]
    fn is_escaped(self) -> bool {
        let (_, end) = self;
        end & ESCAPED != 0 && end != KEPT
    }

    #[inline]
    fn contents(self) -> (usize, usize) {
        let (start, end) = self;
        (start as usize + 1, (end as usize).wrapping_sub(1))
    }
}

/// Shortens a position in a short payload.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a position in a short payload fits into 15 bits, a kept integer into 16, and the flag is moved"
)]
pub(super) const fn short((start, end): Span) -> [u16; 2] {
    [start as u16, end as u16 | (end >> 16) as u16]
}

impl Position for [u16; 2] {
    /// Reverses [`short`].
    #[inline]
    fn span(self) -> Span {
        const MOVED: u32 = ESCAPED - SHORT_ESCAPED as u32;
        let [start, end] = self;
        let kept = if end == SHORT_KEPT { KEPT } else { 0 };
        let end = u32::from(end);
        (u32::from(start), (end + (end >> 15) * MOVED) | kept)
    }

    #[inline]
    fn integer(self) -> Option<u32> {
        let [integer, end] = self;
        (end == SHORT_KEPT).then_some(integer.into())
    }

    #[inline]
    fn is_escaped(self) -> bool {
        let [_, end] = self;
        end & SHORT_ESCAPED != 0 && end != SHORT_KEPT
    }

    #[inline]
    fn contents(self) -> (usize, usize) {
        let [start, end] = self;
        // The highest bit, the flag of a string with escapes, is extended.
        (usize::from(start) + 1, (end.cast_signed() as usize).wrapping_sub(1))
    }
}

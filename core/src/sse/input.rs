//! A cursor over one read, which validates each block of its bytes as UTF-8 at most once.

use core::fmt;
use core::ops::Range;

use crate::utf8::incomplete_suffix;

/// The number of bytes that are validated at once. One pass over many events is several times faster than one pass over
/// each line. A pass over more bytes than these would end before the processor has begun to fetch the bytes behind them.
const BLOCK: usize = 4 * 1024;

/// The bytes of one read, and the decoder's position in them. `Debug` shows only their number.
///
/// ```
/// use turnwire::sse::{Decoder, Input, Limits};
///
/// let mut input = Input::new(b"data: one\n\nrest");
/// Decoder::new(Limits::default()).decode(&mut input)?;
/// assert_eq!(input.rest(), b"rest");
/// # Ok::<(), turnwire::sse::Error>(())
/// ```
#[derive(Clone)]
pub struct Input<'i> {
    bytes: &'i [u8],
    at: usize,
    /// The position at which the input ends. Bytes behind it are validated with those before it.
    end: usize,
    /// The last validated block, if it is valid; it begins at `text_start`.
    text: &'i str,
    text_start: usize,
    /// Spans that begin before this position are validated one by one, because their block is not valid.
    single_until: usize,
}

impl<'i> Input<'i> {
    /// Creates a cursor at the first of these bytes.
    #[must_use]
    pub const fn new(bytes: &'i [u8]) -> Self {
        Self { bytes, at: 0, end: bytes.len(), text: "", text_start: 0, single_until: 0 }
    }

    /// Creates a cursor that validates each event by itself, for callers that create a new cursor for each event.
    pub(crate) const fn single(bytes: &'i [u8]) -> Self {
        Self { bytes, at: 0, end: bytes.len(), text: "", text_start: 0, single_until: usize::MAX }
    }

    /// Moves to other bytes of the read, which are the input now.
    pub(crate) const fn focus(&mut self, range: Range<usize>) {
        (self.at, self.end) = (range.start, range.end);
    }

    /// Returns the bytes that are not decoded yet.
    #[must_use]
    pub fn rest(&self) -> &'i [u8] {
        &self.bytes()[self.at..]
    }

    /// Returns the bytes of the read that are not decoded yet, with those behind the input.
    pub(crate) fn unread(&self) -> &'i [u8] {
        &self.bytes[self.at..]
    }

    pub(super) fn bytes(&self) -> &'i [u8] {
        &self.bytes[..self.end]
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn move_to(&mut self, at: usize) {
        self.at = at;
    }

    /// Returns the text at `span`; `None` if it is not valid UTF-8. A span begins and ends next to ASCII, at the border of a
    /// line or a field, and so splits no character.
    #[inline]
    pub(super) fn text(&mut self, span: Range<usize>) -> Option<&'i str> {
        match self.text.get(span.start.wrapping_sub(self.text_start)..span.end.wrapping_sub(self.text_start)) {
            Some(text) => Some(text),
            None => self.validate(span),
        }
    }

    /// Validates a span that is not within the last block: a new block begins with it.
    #[inline(never)]
    fn validate(&mut self, span: Range<usize>) -> Option<&'i str> {
        if span.start >= self.single_until {
            let end = self.bytes.len().min(span.start + BLOCK).max(span.end);
            let block = &self.bytes[span.start..end];
            match simdutf8::basic::from_utf8(&block[..block.len() - incomplete_suffix(block)]) {
                Ok(text) => {
                    (self.text, self.text_start) = (text, span.start);
                    return text.get(..span.len());
                }
                Err(_) => self.single_until = end,
            }
        }
        simdutf8::basic::from_utf8(&self.bytes[span]).ok()
    }

    /// Returns the bytes at `span`: those that are validated already, and the rest.
    pub(super) fn validated(&self, span: Range<usize>) -> (&'i str, &'i [u8]) {
        let end = span.end.wrapping_sub(self.text_start).min(self.text.len());
        let text = self.text.get(span.start.wrapping_sub(self.text_start)..end).unwrap_or_default();
        (text, &self.bytes[span.start + text.len()..span.end])
    }
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("length", &self.end).field("at", &self.at).finish_non_exhaustive()
    }
}

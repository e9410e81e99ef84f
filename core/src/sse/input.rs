//! A cursor over one read, which looks at most once whether its bytes are UTF-8.

use core::fmt;
use core::ops::Range;

/// How many bytes are checked at once. One pass over many events is several times faster than one over each line of them; a
/// pass over more than this would end before the processor has begun to fetch what comes behind it.
const BLOCK: usize = 4 * 1024;

/// The bytes of one read, and how far a decoder has come in them. `Debug` shows their number only.
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
    /// The block that was checked last, if it is text; it is at `from`.
    text: &'i str,
    from: usize,
    /// What begins before this is checked by itself, for the block that it is in is not text.
    alone: usize,
}

impl<'i> Input<'i> {
    /// A cursor at the first of these bytes.
    #[must_use]
    pub const fn new(bytes: &'i [u8]) -> Self {
        Self { bytes, at: 0, text: "", from: 0, alone: 0 }
    }

    /// The same for one event at a time: each is checked by itself, so a cursor may be made anew for every one of them.
    pub(crate) const fn single(bytes: &'i [u8]) -> Self {
        Self { bytes, at: 0, text: "", from: 0, alone: usize::MAX }
    }

    /// What has not been decoded yet.
    #[must_use]
    pub fn rest(&self) -> &'i [u8] {
        &self.bytes[self.at..]
    }

    pub(super) const fn bytes(&self) -> &'i [u8] {
        self.bytes
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn move_to(&mut self, at: usize) {
        self.at = at;
    }

    /// The text at `span`, unless some of it is no UTF-8. `span` begins and ends at a line's or a field's border, which are
    /// ASCII, so it never cuts a character.
    #[inline]
    pub(super) fn text(&mut self, span: Range<usize>) -> Option<&'i str> {
        match self.text.get(span.start.wrapping_sub(self.from)..span.end.wrapping_sub(self.from)) {
            Some(text) => Some(text),
            None => self.check(span),
        }
    }

    /// The same for a span that is not, or not all, in the last block: another begins with it.
    #[inline(never)]
    fn check(&mut self, span: Range<usize>) -> Option<&'i str> {
        if span.start >= self.alone {
            let end = self.bytes.len().min(span.start + BLOCK).max(span.end);
            let block = &self.bytes[span.start..end];
            match simdutf8::basic::from_utf8(&block[..block.len() - unfinished(block)]) {
                Ok(text) => {
                    (self.text, self.from) = (text, span.start);
                    return text.get(..span.len());
                }
                Err(_) => self.alone = end,
            }
        }
        simdutf8::basic::from_utf8(&self.bytes[span]).ok()
    }

    /// The bytes at `span`: those that are known to be text, and those behind them that are to be checked.
    pub(super) fn known(&self, span: Range<usize>) -> (&'i str, &'i [u8]) {
        let end = span.end.wrapping_sub(self.from).min(self.text.len());
        let text = self.text.get(span.start.wrapping_sub(self.from)..end).unwrap_or_default();
        (text, &self.bytes[span.start + text.len()..span.end])
    }
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("length", &self.bytes.len()).field("at", &self.at).finish_non_exhaustive()
    }
}

/// How many bytes at the end are the beginning of a character that more bytes could make whole.
pub(super) fn unfinished(bytes: &[u8]) -> usize {
    let lead = (1..=bytes.len().min(3)).find(|back| bytes[bytes.len() - back] >= 0xC0);
    let Some(length) = lead else { return 0 };
    match core::str::from_utf8(&bytes[bytes.len() - length..]) {
        Err(error) if error.error_len().is_none() => length,
        Ok(_) | Err(_) => 0,
    }
}

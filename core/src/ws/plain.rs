//! Messages in one plain frame: whole in the input they can be lent from it, and most are.

use core::mem;
use core::ops::Range;

use super::Role;
use super::decode::{Decoder, Stage};
use super::frame::{Header, MASK, Opcode};
use super::mask::Key;

/// A data message whole in the input, not unmasked and not checked.
pub(super) struct Plain {
    pub(super) text: bool,
    pub(super) key: Option<Key>,
    pub(super) span: Range<usize>,
}

impl Decoder {
    /// How many bytes there must be at the front of `input` for the message that begins there to be lent from it; `None` when
    /// they are there, or when no number of them would help: it is compressed or in fragments, a control frame, or refused.
    ///
    /// For one who owns the buffer that is read into: keep what a read cut, and read on behind it, instead of having it
    /// assembled, and so copied. Nothing is taken, and [`decode`](Self::decode) takes any input at any time; how much is kept
    /// for the sake of an announced length is the caller's decision.
    #[must_use]
    pub fn bytes_to_borrow(&self, input: &[u8]) -> Option<usize> {
        if !matches!(self.stage, Stage::Between | Stage::Given) {
            return None;
        }
        match Header::parse(input, self.expected()) {
            Ok(Some((header, size))) => {
                let needed = size.checked_add(header.length)?;
                (self.is_plain(&header).is_some() && needed > input.len()).then_some(needed)
            }
            Ok(None) => (!input.is_empty()).then_some(input.len() + 1),
            Err(_) => None,
        }
    }

    /// The usual case: the input begins with a message in one plain frame, in order and whole. Everything else is for
    /// [`next`](Self::next), and only there is anything refused.
    #[inline]
    pub(super) fn plain(&mut self, bytes: &[u8]) -> Option<Plain> {
        match self.stage {
            Stage::Between => {}
            Stage::Given => self.empty(),
            Stage::Within | Stage::Closed | Stage::Failed(_) => return None,
        }
        let (text, masked) = match (bytes.first()?, self.role) {
            (0x81, Role::Client) => (true, 0),
            (0x81, Role::Server) => (true, MASK),
            (0x82, Role::Client) => (false, 0),
            (0x82, Role::Server) => (false, MASK),
            _ => return None,
        };
        let (length, start) = match bytes.get(1)? ^ masked {
            length @ 0..126 => (usize::from(length), 2),
            126 => match u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?) {
                0..126 => return None,
                length => (usize::from(length), 4),
            },
            _ => return None,
        };
        let (key, start) = match masked {
            0 => (None, start),
            _ => (Some(*bytes.get(start..)?.first_chunk()?), start + 4),
        };
        let span = start..start + length;
        let allowed = length <= self.limits.frame.min(self.limits.message);
        (allowed && span.end <= bytes.len()).then_some(Plain { text, key, span })
    }

    /// This frame's message, if it is one by itself, plain, within the limit, and whole in the input.
    pub(super) fn at_once(&self, header: &Header, bytes: &[u8], at: &mut usize) -> Option<Plain> {
        let text = self.is_plain(header)?;
        let end = at.checked_add(header.length)?;
        (end <= bytes.len()).then(|| Plain { text, key: header.mask, span: mem::replace(at, end)..end })
    }

    /// Whether this frame is a message by itself, plain and within the limit; and whether that is text.
    fn is_plain(&self, header: &Header) -> Option<bool> {
        let text = match header.opcode {
            Opcode::Text => true,
            Opcode::Binary => false,
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => return None,
        };
        (header.fin && !header.rsv1 && header.length <= self.limits.message).then_some(text)
    }
}

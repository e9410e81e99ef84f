//! A fast path: messages in a single frame that is whole in the input, as most are. They can be borrowed from it.

use core::mem;
use core::ops::Range;

use super::frame::{Header, MASK, Opcode};
use super::limits::Limits;
use super::mask::Key;
use super::role::Role;

/// A data message in a single uncompressed frame that is whole in the input: still masked, and its text not validated.
pub(super) struct SingleFrameMessage {
    pub(super) text: bool,
    pub(super) key: Option<Key>,
    pub(super) span: Range<usize>,
}

/// Finds such a message at the start of `bytes`, which must be at the border of two messages. Returns `None` for anything else,
/// invalid frames included, which the general decoder then handles.
#[inline]
pub(super) fn find(limits: &Limits, role: Role, bytes: &[u8]) -> Option<SingleFrameMessage> {
    let (text, masked) = match (bytes.first()?, role) {
        (0x81, Role::Client) => (true, 0),
        (0x81, Role::Server) => (true, MASK),
        (0x82, Role::Client) => (false, 0),
        (0x82, Role::Server) => (false, MASK),
        _ => return None,
    };
    let (key, span) = payload(limits, masked, bytes)?;
    Some(SingleFrameMessage { text, key, span })
}

/// Finds the payload of a compressed text message in a single frame without a mask, as [`find`] does.
#[inline]
pub(super) fn find_compressed(limits: &Limits, bytes: &[u8]) -> Option<Range<usize>> {
    if *bytes.first()? != 0xC1 {
        return None;
    }
    let (_, span) = payload(limits, 0, bytes)?;
    Some(span)
}

/// Returns the key and the position of the payload of the frame at the start of `bytes`, if it is whole and within the limits. `masked`:
/// the bit of the mask that it must have.
#[inline]
fn payload(limits: &Limits, masked: u8, bytes: &[u8]) -> Option<(Option<Key>, Range<usize>)> {
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
    let allowed = length <= limits.frame.min(limits.message);
    (allowed && span.end <= bytes.len()).then_some((key, span))
}

/// Returns the message of a frame whose payload begins at `at`, if it is such a message, and moves `at` behind it.
pub(super) fn take(limits: &Limits, header: &Header, bytes: &[u8], at: &mut usize) -> Option<SingleFrameMessage> {
    let text = is_single_frame(limits, header)?;
    let end = at.checked_add(header.length)?;
    (end <= bytes.len()).then(|| SingleFrameMessage { text, key: header.mask, span: mem::replace(at, end)..end })
}

/// Returns whether a frame is a whole uncompressed message within the limit, and if so, whether it is text.
pub(super) fn is_single_frame(limits: &Limits, header: &Header) -> Option<bool> {
    let text = match header.opcode {
        Opcode::Text => true,
        Opcode::Binary => false,
        Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => return None,
    };
    (header.fin && !header.rsv1 && header.length <= limits.message).then_some(text)
}

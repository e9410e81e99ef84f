//! Frame headers (RFC 6455 §5.2).

use alloc::vec::Vec;

use super::error::Error;
use super::mask::Key;

/// The length of the longest header: two bytes, eight of length, four of masking key.
pub(super) const LONGEST: usize = 14;

/// The bit of the second byte that means that a masking key follows.
pub(super) const MASK: u8 = 0x80;

/// Maximum payload of a control frame in bytes.
pub(super) const CONTROL: usize = 125;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    const fn from_bits(bits: u8) -> Result<Self, Error> {
        Ok(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return Err(Error::ReservedOpcode),
        })
    }
}

/// The state that decides which headers are valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderContext {
    /// Whether payloads must be masked, because they come from a client.
    pub(super) masked: bool,
    /// Whether permessage-deflate was negotiated.
    pub(super) deflate: bool,
    /// Whether a message is incomplete.
    pub(super) in_message: bool,
    /// Maximum payload of a data frame in bytes.
    pub(super) limit: usize,
}

/// A frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    pub(super) rsv1: bool,
    pub(super) opcode: Opcode,
    pub(super) length: usize,
    pub(super) mask: Option<Key>,
}

impl Header {
    /// Parses a header at the start of `bytes`. Returns it and its size, or `None` if it is incomplete.
    ///
    /// The bytes are validated in order, each with regard only to those before it. So a header that is split between reads is
    /// rejected for the same reason as a whole one, and as early as possible.
    #[inline]
    pub(super) fn parse(bytes: &[u8], context: HeaderContext) -> Result<Option<(Self, usize)>, Error> {
        let [first, rest @ ..] = bytes else { return Ok(None) };
        let (fin, rsv1) = (first & 0x80 != 0, first & 0x40 != 0);
        let opcode = Self::validate_first(*first, context)?;
        let [second, rest @ ..] = rest else { return Ok(None) };
        let masked = second & MASK != 0;
        if masked != context.masked {
            return Err(if masked { Error::Masked } else { Error::NotMasked });
        }
        let (length, rest, wide) = match (second & 0x7F, rest) {
            (126.., _) if opcode.is_control() => return Err(Error::ControlTooLong),
            (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest, 2),
            (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
                (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), rest, 8)
            }
            (126.., _) => return Ok(None),
            (length, rest) => (u64::from(length), rest, 0),
        };
        let shortest = match wide {
            0 => true,
            2 => length >= 126,
            _ => length > 0xFFFF && length <= i64::MAX.unsigned_abs(),
        };
        if !shortest {
            return Err(Error::Length);
        }
        let length = match usize::try_from(length) {
            // The limit does not apply to control frames, which have their own.
            Ok(length) if length <= context.limit || opcode.is_control() => length,
            Ok(_) | Err(_) => return Err(Error::FrameTooLong { limit: context.limit }),
        };
        let (mask, size) = match (masked, rest) {
            (false, _) => (None, 2 + wide),
            (true, [a, b, c, d, ..]) => (Some([*a, *b, *c, *d]), 6 + wide),
            (true, _) => return Ok(None),
        };
        Ok(Some((Self { fin, rsv1, opcode, length, mask }, size)))
    }

    #[inline]
    const fn validate_first(first: u8, context: HeaderContext) -> Result<Opcode, Error> {
        let (fin, rsv1) = (first & 0x80 != 0, first & 0x40 != 0);
        if first & 0x30 != 0 || (rsv1 && !context.deflate) {
            return Err(Error::ReservedBits);
        }
        let opcode = match Opcode::from_bits(first & 0x0F) {
            Ok(opcode) => opcode,
            Err(error) => return Err(error),
        };
        match opcode {
            Opcode::Text | Opcode::Binary if context.in_message => Err(Error::Interrupted),
            Opcode::Continuation if !context.in_message => Err(Error::Continuation),
            // Only the first frame of a message marks it as compressed (RFC 7692 §6).
            Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong if rsv1 => Err(Error::ReservedBits),
            Opcode::Close | Opcode::Ping | Opcode::Pong if !fin => Err(Error::ControlFragmented),
            Opcode::Text | Opcode::Binary | Opcode::Continuation | Opcode::Close | Opcode::Ping | Opcode::Pong => {
                Ok(opcode)
            }
        }
    }

    /// Appends the header, each of its forms as one piece of a constant size.
    #[inline(always)]
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let one = u8::from(self.fin) << 7 | u8::from(self.rsv1) << 6 | self.opcode.bits();
        let [a, b, c, d, e, f, g, h] = (self.length as u64).to_be_bytes();
        match (self.length, self.mask) {
            (0..126, None) => out.extend_from_slice(&[one, h]),
            (0..126, Some([i, j, k, l])) => out.extend_from_slice(&[one, MASK | h, i, j, k, l]),
            (126..0x1_0000, None) => out.extend_from_slice(&[one, 126, g, h]),
            (126..0x1_0000, Some([i, j, k, l])) => out.extend_from_slice(&[one, MASK | 126, g, h, i, j, k, l]),
            (0x1_0000.., None) => out.extend_from_slice(&[one, 127, a, b, c, d, e, f, g, h]),
            (0x1_0000.., Some([i, j, k, l])) => {
                out.extend_from_slice(&[one, MASK | 127, a, b, c, d, e, f, g, h, i, j, k, l]);
            }
        }
    }
}

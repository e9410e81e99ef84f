//! Violations of the protocol, and their close codes.

use core::fmt;

/// A violation of the protocol, or a passed limit. The decoder returns the same error again and consumes no more input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// A reserved bit is set without a negotiated meaning (RFC 6455 §5.2), or RSV1 on the wrong frame (RFC 7692 §6).
    ReservedBits,
    /// The opcode is 3–7 or 11–15.
    ReservedOpcode,
    /// A control frame is longer than 125 bytes (RFC 6455 §5.5).
    ControlTooLong,
    /// A control frame is fragmented (RFC 6455 §5.5).
    ControlFragmented,
    /// A client's frame is not masked (RFC 6455 §5.1).
    NotMasked,
    /// A server's frame is masked (RFC 6455 §5.1).
    Masked,
    /// A length is not in its shortest form, or has its highest bit set (RFC 6455 §5.2).
    Length,
    /// A continuation frame outside a message (RFC 6455 §5.4).
    Continuation,
    /// A new message inside a fragmented one (RFC 6455 §5.4).
    Interrupted,
    /// A close frame has one byte of payload (RFC 6455 §5.5.1).
    CloseLength,
    /// A close frame contains a code that must not be sent (RFC 6455 §7.4).
    CloseCode(u16),
    /// A text message or a close reason is not UTF-8 (RFC 6455 §8.1).
    Utf8,
    /// A frame declares more than [`Limits::frame`](super::Limits::frame).
    FrameTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A message is longer than [`Limits::message`](super::Limits::message), or inflates to more, or by more than
    /// [`Limits::ratio`](super::Limits::ratio).
    MessageTooLong {
        /// The limit in bytes that applied.
        limit: usize,
    },
    /// A message has more fragments than the limit, which depends on [`Limits::message`](super::Limits::message).
    TooManyFragments {
        /// The limit in fragments.
        limit: usize,
    },
    /// A compressed message is not a deflate stream, or ends inside a block (RFC 7692 §7.2.2).
    Inflate,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits => f.write_str("a reserved bit is set"),
            Self::ReservedOpcode => f.write_str("the opcode is reserved"),
            Self::ControlTooLong => f.write_str("a control frame is longer than 125 bytes"),
            Self::ControlFragmented => f.write_str("a control frame is fragmented"),
            Self::NotMasked => f.write_str("a frame from a client is not masked"),
            Self::Masked => f.write_str("a frame from a server is masked"),
            Self::Length => f.write_str("a payload length is not in its shortest form"),
            Self::Continuation => f.write_str("a continuation frame outside a message"),
            Self::Interrupted => f.write_str("a message begins inside another one"),
            Self::CloseLength => f.write_str("a close frame is one byte long"),
            Self::CloseCode(code) => write!(f, "close code {code} must not be sent"),
            Self::Utf8 => f.write_str("text is not UTF-8"),
            Self::FrameTooLong { limit } => write!(f, "a frame is longer than {limit} bytes"),
            Self::MessageTooLong { limit } => write!(f, "a message is longer than {limit} bytes"),
            Self::TooManyFragments { limit } => write!(f, "a message has more than {limit} fragments"),
            Self::Inflate => f.write_str("a compressed message cannot be inflated"),
        }
    }
}

impl core::error::Error for Error {}

impl Error {
    /// Returns the close code for this violation (RFC 6455 §7.4.1).
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::Utf8 | Self::Inflate => 1007,
            Self::TooManyFragments { .. } => 1008,
            Self::FrameTooLong { .. } | Self::MessageTooLong { .. } => 1009,
            Self::ReservedBits
            | Self::ReservedOpcode
            | Self::ControlTooLong
            | Self::ControlFragmented
            | Self::NotMasked
            | Self::Masked
            | Self::Length
            | Self::Continuation
            | Self::Interrupted
            | Self::CloseLength
            | Self::CloseCode(_) => 1002,
        }
    }
}

//! Violations of the protocol, and their close codes.

/// A violation of the protocol, or a passed limit. The decoder returns the same error again and consumes no more input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A reserved bit is set without a negotiated meaning (RFC 6455 §5.2), or RSV1 on the wrong frame (RFC 7692 §6).
    #[error("a reserved bit is set")]
    ReservedBits,
    /// The opcode is 3–7 or 11–15.
    #[error("the opcode is reserved")]
    ReservedOpcode,
    /// A control frame is longer than 125 bytes (RFC 6455 §5.5).
    #[error("a control frame is longer than 125 bytes")]
    ControlTooLong,
    /// A control frame is fragmented (RFC 6455 §5.5).
    #[error("a control frame is fragmented")]
    ControlFragmented,
    /// A client's frame is not masked (RFC 6455 §5.1).
    #[error("a frame from a client is not masked")]
    NotMasked,
    /// A server's frame is masked (RFC 6455 §5.1).
    #[error("a frame from a server is masked")]
    Masked,
    /// A length is not in its shortest form, or has its highest bit set (RFC 6455 §5.2).
    #[error("a payload length is not in its shortest form")]
    Length,
    /// A continuation frame outside a message (RFC 6455 §5.4).
    #[error("a continuation frame outside a message")]
    Continuation,
    /// A new message inside a fragmented one (RFC 6455 §5.4).
    #[error("a message begins inside another one")]
    Interrupted,
    /// A close frame has one byte of payload (RFC 6455 §5.5.1).
    #[error("a close frame is one byte long")]
    CloseLength,
    /// A close frame contains a code that must not be sent (RFC 6455 §7.4).
    #[error("close code {0} must not be sent")]
    CloseCode(u16),
    /// A text message or a close reason is not UTF-8 (RFC 6455 §8.1).
    #[error("text is not UTF-8")]
    Utf8,
    /// A frame declares more than [`Limits::frame`](super::Limits::frame).
    #[error("a frame is longer than {limit} bytes")]
    FrameTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A message is longer than [`Limits::message`](super::Limits::message), or inflates to more, or by more than
    /// [`Limits::ratio`](super::Limits::ratio).
    #[error("a message is longer than {limit} bytes")]
    MessageTooLong {
        /// The limit in bytes that applied.
        limit: usize,
    },
    /// A message has more fragments than the limit, which depends on [`Limits::message`](super::Limits::message).
    #[error("a message has more than {limit} fragments")]
    TooManyFragments {
        /// The limit in fragments.
        limit: usize,
    },
    /// A compressed message is not a deflate stream, or ends inside a block (RFC 7692 §7.2.2).
    #[error("a compressed message cannot be inflated")]
    Inflate,
}

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

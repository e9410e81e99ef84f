//! What a peer can do wrong, and which close code says so.

/// A violation. Sticky: the decoder that returned it returns it again and takes no more input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A reserved bit is set that no extension gave a meaning (RFC 6455 §5.2; RFC 7692 §6 for RSV1 on the wrong frame).
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
    /// A continuation came without a message to go on with (RFC 6455 §5.4).
    #[error("a continuation came without a beginning")]
    Continuation,
    /// A new message came inside a fragmented one (RFC 6455 §5.4).
    #[error("a message began inside another")]
    Interrupted,
    /// A close frame has one byte of payload (RFC 6455 §5.5.1).
    #[error("a close frame is one byte long")]
    CloseLength,
    /// A close frame carries a code that must not be sent (RFC 6455 §7.4).
    #[error("close code {0} must not be sent")]
    CloseCode(u16),
    /// Text, or a close reason, is no UTF-8 (RFC 6455 §8.1).
    #[error("text is not utf-8")]
    Utf8,
    /// A frame announces more than [`Limits::frame`](super::Limits::frame).
    #[error("a frame is longer than {limit} bytes")]
    FrameTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A message is longer than [`Limits::message`](super::Limits::message), or inflates to more, or by more than
    /// [`Limits::ratio`](super::Limits::ratio).
    #[error("a message is longer than {limit} bytes")]
    MessageTooLong {
        /// The limit in bytes that was in force.
        limit: usize,
    },
    /// A message has more fragments than its length could need.
    #[error("a message has more than {limit} fragments")]
    TooManyFragments {
        /// The limit in fragments.
        limit: usize,
    },
    /// A compressed message is no deflate stream, or is cut inside one (RFC 7692 §7.2.2).
    #[error("a compressed message cannot be inflated")]
    Inflate,
}

impl Error {
    /// The close code that tells the peer (RFC 6455 §7.4.1).
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

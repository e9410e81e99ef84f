//! How connections end, and what their users can do wrong.

use alloc::string::String;

use super::config::Deadline;
use crate::{http, sse, ws};

/// Why a connection is over. Comes once, last; close frames, if any, are in `poll_transmit` already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// This end closed it.
    #[error("closed")]
    Local,
    /// The peer closed it with a close frame. 1005 stands for a frame without a code.
    #[error("closed by the peer with code {code}")]
    Peer {
        /// The close code.
        code: u16,
        /// The peer's reason.
        reason: String,
    },
    /// The peer sent no more bytes, between messages.
    #[error("the peer hung up")]
    Eof,
    /// The peer sent no more bytes, inside a message.
    #[error("the peer hung up in the middle of a message")]
    Truncated,
    /// The bytes are not HTTP as it should be.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The event stream passed a limit.
    #[error(transparent)]
    Events(#[from] sse::Error),
    /// The peer broke the WebSocket protocol, or passed a limit of it.
    #[error(transparent)]
    WebSocket(#[from] ws::Error),
    /// The handshake was accepted in a way that it must not be.
    #[error(transparent)]
    Handshake(#[from] ws::handshake::Error),
    /// A binary message came, where only text has a meaning.
    #[error("a binary message came")]
    Binary,
    /// Bytes came that nobody asked for.
    #[error("bytes came that nobody asked for")]
    Unsolicited,
    /// A body is longer than the limit.
    #[error("a body is longer than {limit} bytes")]
    BodyTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A deadline passed.
    #[error("the {0:?} deadline passed")]
    Timeout(Deadline),
}

/// A command that makes no sense now. Nothing was sent or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The connection is over, or closing.
    #[error("the connection is closed")]
    Closed,
    /// The connection speaks the other transport, or has not been upgraded yet.
    #[error("the connection does not speak this transport now")]
    Transport,
    /// A request is in flight, on this lane or on the connection.
    #[error("a request is in flight")]
    InFlight,
    /// There is no request to answer, or its answer has begun otherwise.
    #[error("there is no such request to answer")]
    NoRequest,
    /// A method, target or header cannot stand in a head.
    #[error("the head cannot be built")]
    Head,
    /// The text is no event: it is not a JSON object with a `type`.
    #[error("the text is no event")]
    Event,
}

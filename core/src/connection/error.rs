//! Why a connection closed, and why a command failed.

use alloc::string::String;

use super::config::Deadline;
use crate::{http, sse, ws};

/// Why a connection closed. It is the last event. A close frame, if there is one, is in `poll_transmit` already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// This end closed it: by command, or because the exchange left nothing to do.
    #[error("this end closed the connection")]
    Local,
    /// The peer sent a close frame. Code 1005 means that the frame had no code (RFC 6455 §7.1.5).
    #[error("the peer closed the connection with code {code}{}", in_words(.reason))]
    Peer {
        /// The close code.
        code: u16,
        /// The peer's reason.
        reason: String,
    },
    /// The peer closed the socket between messages.
    #[error("the peer closed the socket")]
    Eof,
    /// The peer closed the socket inside a message.
    #[error("the peer closed the socket inside a message")]
    Truncated,
    /// The bytes ended without an orderly end: see `handle_lost`.
    #[error(transparent)]
    Lost(#[from] LossReason),
    /// The peer violated HTTP, or exceeded a limit.
    #[error(transparent)]
    Http(#[from] http::Error),
    /// The client's request does not have exactly one `Host` header (RFC 9112 §3.2).
    #[error("the request does not have exactly one host header")]
    Host,
    /// The event stream exceeded a limit.
    #[error(transparent)]
    Events(#[from] sse::Error),
    /// The peer violated the WebSocket protocol, or exceeded a limit.
    #[error(transparent)]
    WebSocket(#[from] ws::Error),
    /// The server's handshake response is invalid.
    #[error(transparent)]
    Handshake(#[from] ws::handshake::Error),
    /// The peer sent a binary message; the protocol has text messages only.
    #[error("received a binary message")]
    Binary,
    /// The server sent bytes while no request was pending.
    #[error("received data without a pending request")]
    Unsolicited,
    /// A body exceeds the limit.
    #[error("the body exceeds the limit of {limit} bytes")]
    BodyTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A deadline expired.
    #[error("{0} timeout expired")]
    Timeout(Deadline),
}

/// Why the bytes of a connection ended without an orderly end. The text is that of the system or of the TLS session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LossReason {
    /// The socket failed: it was reset, for example, or a write failed. Under TLS, also a socket that was closed without
    /// `close_notify` (RFC 8446 §6.1).
    #[error("network error: {0}")]
    Network(String),
    /// The TLS session failed, for example at a record that cannot be authenticated.
    #[error("tls error: {0}")]
    Tls(String),
}

impl CloseReason {
    /// Returns the code and the reason of the peer's close frame, if there was one. Code 1005 means that the frame had
    /// no code.
    #[must_use]
    pub fn peer_close(&self) -> Option<(u16, &str)> {
        match self {
            Self::Peer { code, reason } => Some((*code, reason)),
            Self::Local
            | Self::Eof
            | Self::Truncated
            | Self::Lost(_)
            | Self::Http(_)
            | Self::Host
            | Self::Events(_)
            | Self::WebSocket(_)
            | Self::Handshake(_)
            | Self::Binary
            | Self::Unsolicited
            | Self::BodyTooLong { .. }
            | Self::Timeout(_) => None,
        }
    }
}

/// Returns a peer's reason, formatted after its code, without control characters.
fn in_words(reason: &str) -> String {
    let words = || core::iter::once(": ").chain(core::iter::once(reason)).flat_map(str::chars);
    if reason.is_empty() { String::new() } else { words().filter(|character| !character.is_control()).collect() }
}

/// Why a command failed. Nothing was sent or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The connection is closing or closed.
    #[error("the connection is closing or closed")]
    Closed,
    /// The connection uses the other transport, or the WebSocket handshake is not at the right stage.
    #[error("the command does not fit the connection's transport or the state of its handshake")]
    Transport,
    /// A request is in flight, on this lane (WebSocket) or on the connection (HTTP).
    #[error("another request is in flight")]
    InFlight,
    /// The lane cannot be used.
    #[error(
        "the lane's name is not 1 to 256 letters, digits, `_`, `.` or `-`, or 64 named lanes have a pending response"
    )]
    Lane,
    /// No request awaits this kind of response.
    #[error("no request awaits this response")]
    NoRequest,
    /// The method, the target, the status or a header is invalid.
    #[error("invalid method, target, status or header")]
    Head,
    /// The text is not an event: a JSON object with a `type`.
    #[error("the event is not a JSON object with a type")]
    Event,
}

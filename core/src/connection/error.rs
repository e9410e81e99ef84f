//! Why a connection closed, and why a command failed.

use alloc::string::String;
use core::fmt;

use super::config::Deadline;
use crate::{http, sse, ws};

/// Why a connection closed. It is the last event. A close frame, if there is one, is in `poll_transmit` already.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// This end closed it: by command, or because the exchange left nothing to do.
    Local,
    /// The peer sent a close frame. Code 1005 means that the frame had no code (RFC 6455 §7.1.5).
    Peer {
        /// The close code.
        code: u16,
        /// The peer's reason.
        reason: String,
    },
    /// The peer closed the socket between messages.
    Eof,
    /// The peer closed the socket inside a message.
    Truncated,
    /// The bytes ended without an orderly end: see `handle_lost`.
    Lost(LossReason),
    /// The peer violated HTTP, or exceeded a limit.
    Http(http::Error),
    /// The client's request does not have exactly one `Host` header (RFC 9112 §3.2).
    Host,
    /// The event stream exceeded a limit.
    Events(sse::Error),
    /// The peer violated the WebSocket protocol, or exceeded a limit.
    WebSocket(ws::Error),
    /// The server's handshake response is invalid.
    Handshake(ws::handshake::Error),
    /// The peer sent a binary message; the protocol has text messages only.
    Binary,
    /// The server sent bytes while no request was pending.
    Unsolicited,
    /// A body exceeds the limit.
    BodyTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A deadline expired.
    Timeout(Deadline),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("this end closed the connection"),
            Self::Peer { code, reason } => {
                write!(f, "the peer closed the connection with code {code}{}", in_words(reason))
            }
            Self::Eof => f.write_str("the peer closed the socket"),
            Self::Truncated => f.write_str("the peer closed the socket inside a message"),
            Self::Lost(error) => fmt::Display::fmt(error, f),
            Self::Http(error) => fmt::Display::fmt(error, f),
            Self::Host => f.write_str("the request does not have exactly one host header"),
            Self::Events(error) => fmt::Display::fmt(error, f),
            Self::WebSocket(error) => fmt::Display::fmt(error, f),
            Self::Handshake(error) => fmt::Display::fmt(error, f),
            Self::Binary => f.write_str("received a binary message"),
            Self::Unsolicited => f.write_str("received data without a pending request"),
            Self::BodyTooLong { limit } => write!(f, "the body exceeds the limit of {limit} bytes"),
            Self::Timeout(deadline) => write!(f, "{deadline} timeout expired"),
        }
    }
}

impl core::error::Error for CloseReason {}

impl From<LossReason> for CloseReason {
    fn from(error: LossReason) -> Self {
        Self::Lost(error)
    }
}

impl From<http::Error> for CloseReason {
    fn from(error: http::Error) -> Self {
        Self::Http(error)
    }
}

impl From<sse::Error> for CloseReason {
    fn from(error: sse::Error) -> Self {
        Self::Events(error)
    }
}

impl From<ws::Error> for CloseReason {
    fn from(error: ws::Error) -> Self {
        Self::WebSocket(error)
    }
}

impl From<ws::handshake::Error> for CloseReason {
    fn from(error: ws::handshake::Error) -> Self {
        Self::Handshake(error)
    }
}

/// Why the bytes of a connection ended without an orderly end. The text is that of the system or of the TLS session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LossReason {
    /// The socket failed: it was reset, for example, or a write failed. Under TLS, also a socket that was closed without
    /// `close_notify` (RFC 8446 §6.1).
    Network(String),
    /// The TLS session failed, for example at a record that cannot be authenticated.
    Tls(String),
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(message) => write!(f, "network error: {message}"),
            Self::Tls(message) => write!(f, "tls error: {message}"),
        }
    }
}

impl core::error::Error for LossReason {}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommandError {
    /// The connection is closing or closed.
    Closed,
    /// The connection uses the other transport, or the WebSocket handshake is not at the right stage.
    Transport,
    /// A request is in flight, on this lane (WebSocket) or on the connection (HTTP).
    InFlight,
    /// The lane cannot be used.
    Lane,
    /// No request awaits this kind of response.
    NoRequest,
    /// The method, the target, the status or a header is invalid.
    Head,
    /// The text is not an event: a JSON object with a `type`.
    Event,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection is closing or closed",
            Self::Transport => "the command does not fit the connection's transport or the state of its handshake",
            Self::InFlight => "another request is in flight",
            Self::Lane => "the lane's name is not 1 to 256 letters, digits, `_`, `.` or `-`, or 64 named lanes have a pending response",
            Self::NoRequest => "no request awaits this response",
            Self::Head => "invalid method, target, status or header",
            Self::Event => "the event is not a JSON object with a type",
        })
    }
}

impl core::error::Error for CommandError {}

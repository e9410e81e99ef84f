//! Floor 1: the WebSocket protocol (RFC 6455) with permessage-deflate (RFC 7692), as buffers, for both roles.
//!
//! Three layers, each usable alone: a [`Decoder`] and an [`Encoder`] turn bytes into [`Message`]s and back; a [`WebSocket`] adds the
//! replies that the protocol owes and the closing handshake; [`handshake`] makes and judges the HTTP heads that come before.
//!
//! ```
//! use turnwire::ws::{Limits, Message, Role, WebSocket};
//!
//! let mut client = WebSocket::new(Role::Client, Limits::default(), None, [7; 32]);
//! let mut server = WebSocket::new(Role::Server, Limits::default(), None, [8; 32]);
//! let mut wire = Vec::new();
//! client.send(Message::Text("hello"), &mut wire)?;
//! client.send(Message::Ping(b"!"), &mut wire)?;
//!
//! let mut input = wire.as_slice();
//! assert_eq!(server.decode(&mut input)?, Some(Message::Text("hello")));
//! assert_eq!(server.decode(&mut input)?, Some(Message::Ping(b"!")));
//! let mut back = Vec::new();
//! server.write_pending_replies(&mut back); // the pong is owed, not asked for
//! assert_eq!(client.decode(&mut back.as_slice())?, Some(Message::Pong(b"!")));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! The first violation decides the close code and is sticky: nothing after it is delivered. A declared length reserves
//! nothing. A frame that is too long, masked in the wrong direction or out of order is refused at its header, and a byte that is
//! no UTF-8 as soon as it is seen, without waiting for what follows.

mod assemble;
mod buffer;
mod decode;
#[cfg_attr(not(feature = "deflate"), path = "deflate/disabled.rs")]
pub mod deflate;
mod encode;
mod error;
mod frame;
pub mod handshake;
mod mask;
mod plain;
mod socket;
mod utf8;

use core::fmt;

use crate::hidden::Hidden;

pub use decode::Decoder;
pub use encode::{Encoder, SendError};
pub use error::Error;
pub use socket::{Eof, State, WebSocket};

/// Which end of the connection this is: a client masks what it sends, a server must not (RFC 6455 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that opened the connection.
    Client,
    /// The end that accepted it.
    Server,
}

/// A message, or a control frame. `Debug` shows the kind and the length.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// A text message, whole.
    Text(&'a str),
    /// A binary message, whole.
    Binary(&'a [u8]),
    /// A ping with at most 125 bytes; a [`WebSocket`] has its answer ready already.
    Ping(&'a [u8]),
    /// A pong with at most 125 bytes, asked for or not.
    Pong(&'a [u8]),
    /// The peer's close frame. Nothing after it is delivered.
    Close(Option<Close<'a>>),
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, length) = match self {
            Self::Text(text) => ("Text", text.len()),
            Self::Binary(bytes) => ("Binary", bytes.len()),
            Self::Ping(bytes) => ("Ping", bytes.len()),
            Self::Pong(bytes) => ("Pong", bytes.len()),
            Self::Close(close) => return f.debug_tuple("Close").field(close).finish(),
        };
        f.debug_tuple(kind).field(&Hidden(length)).finish()
    }
}

/// The payload of a close frame that has one (RFC 6455 §5.5.1). `Debug` shows the code, and the length of the reason.
///
/// ```
/// use turnwire::ws::{Close, Encoder, Message, Role};
///
/// let mut out = Vec::new();
/// let close = Message::Close(Some(Close { code: 1000, reason: "bye" }));
/// Encoder::new(Role::Server, None).encode(close, [0; 4], &mut out)?;
/// assert_eq!(out, b"\x88\x05\x03\xe8bye");
/// # Ok::<(), turnwire::ws::SendError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Close<'a> {
    /// The close code: 1000–1003, 1007–1014 or 3000–4999 (RFC 6455 §7.4 and its registry).
    pub code: u16,
    /// The reason, at most 123 bytes; may be empty.
    pub reason: &'a str,
}

impl fmt::Debug for Close<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Close").field("code", &self.code).field("reason", &Hidden(self.reason.len())).finish()
    }
}

/// What bounds a peer.
///
/// ```
/// use turnwire::ws::{Error, Limits, Role, WebSocket};
///
/// let limits = Limits { message: 16, ..Limits::default() };
/// let mut client = WebSocket::new(Role::Client, limits, None, [1; 32]);
/// // The header of a text frame of 17 bytes: it is enough to reject the message.
/// assert_eq!(client.decode(&mut &[0x81, 17][..]), Err(Error::MessageTooLong { limit: 16 }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Payload bytes of one frame: 16 MiB.
    pub frame: usize,
    /// Bytes of one message, its fragments summed and after inflating: 64 MiB.
    pub message: usize,
    /// How many times larger than its compressed bytes a message may become by inflating, beyond the first 64 KiB; no bound
    /// but [`message`](Self::message) unless set.
    pub ratio: Option<u32>,
}

impl Limits {
    /// What each fragment is charged against twice the message limit, so that endless empty ones come to an end.
    const FRAGMENT: usize = 16;

    /// Fragments that are legal whatever the message limit is: 65 536, as the test suites of the field send them.
    const FRAGMENTS: usize = 64 * 1024;

    const fn fragments(&self) -> usize {
        let charged = self.message / Self::FRAGMENT * 2;
        if charged > Self::FRAGMENTS { charged } else { Self::FRAGMENTS }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { frame: 16 * 1024 * 1024, message: 64 * 1024 * 1024, ratio: None }
    }
}

/// Whether a close frame may carry this code: those of RFC 6455 §7.4.1 that are not for local use only, those that its
/// registry has added (1012, 1013, 1014), and the ranges for libraries and applications.
#[must_use]
pub const fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

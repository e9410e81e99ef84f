//! Messages, control frames and close codes.

use core::fmt;

use super::error::Error;
use crate::hidden::Hidden;

/// A message or a control frame. `Debug` shows its type and its length.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// A ping with at most 125 bytes. A [`WebSocket`](super::WebSocket) that receives one has a pong pending.
    Ping(&'a [u8]),
    /// A pong with at most 125 bytes.
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

/// The payload of a close frame (RFC 6455 §5.5.1). `Debug` shows the code, and the length of the reason.
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
    /// The close code: see [`is_close_code`].
    pub code: u16,
    /// The reason, at most 123 bytes. It may be empty.
    pub reason: &'a str,
}

impl<'a> Close<'a> {
    /// Parses the payload of a close frame.
    pub(super) fn parse(payload: &'a [u8]) -> Result<Option<Self>, Error> {
        match payload {
            [] => Ok(None),
            [_] => Err(Error::CloseLength),
            [high, low, reason @ ..] => {
                let code = u16::from_be_bytes([*high, *low]);
                if !is_close_code(code) {
                    return Err(Error::CloseCode(code));
                }
                let reason = core::str::from_utf8(reason).map_err(|_| Error::Utf8)?;
                Ok(Some(Self { code, reason }))
            }
        }
    }
}

impl fmt::Debug for Close<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Close").field("code", &self.code).field("reason", &Hidden(self.reason.len())).finish()
    }
}

/// Returns whether a close frame may contain this code: those of RFC 6455 §7.4.1 that are not reserved for local use, those
/// that its registry has added (1012, 1013, 1014), and the ranges for libraries and applications (3000 to 4999).
#[must_use]
pub const fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

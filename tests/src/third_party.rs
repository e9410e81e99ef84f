//! Conversions between [`tungstenite::Message`], [`sockudo_ws::Message`] and the messages of `ws`.
//!
//! They are enough to use the layers above `ws` on a tungstenite stream; see `examples/tungstenite_stream.rs`.

use tungstenite::protocol::CloseFrame;
use turnwire::ws::is_close_code;

use crate::laws::ws::Owned;

/// A raw frame, which is not a message. tungstenite returns one only on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFrame;

impl TryFrom<tungstenite::Message> for Owned {
    type Error = RawFrame;

    fn try_from(message: tungstenite::Message) -> Result<Self, RawFrame> {
        Ok(match message {
            tungstenite::Message::Text(text) => Self::Text(text.as_str().to_owned()),
            tungstenite::Message::Binary(bytes) => Self::Binary(bytes.into()),
            tungstenite::Message::Ping(bytes) => Self::Ping(bytes.into()),
            tungstenite::Message::Pong(bytes) => Self::Pong(bytes.into()),
            tungstenite::Message::Close(close) => {
                Self::Close(close.map(|close| (close.code.into(), close.reason.as_str().to_owned())))
            }
            tungstenite::Message::Frame(_) => return Err(RawFrame),
        })
    }
}

impl From<&Owned> for tungstenite::Message {
    fn from(message: &Owned) -> Self {
        match message {
            Owned::Text(text) => Self::text(text.as_str()),
            Owned::Binary(bytes) => Self::binary(bytes.clone()),
            Owned::Ping(bytes) => Self::Ping(bytes.clone().into()),
            Owned::Pong(bytes) => Self::Pong(bytes.clone().into()),
            Owned::Close(close) => Self::Close(
                close
                    .as_ref()
                    .map(|(code, reason)| CloseFrame { code: (*code).into(), reason: reason.as_str().into() }),
            ),
        }
    }
}

impl From<&sockudo_ws::Message> for Owned {
    fn from(message: &sockudo_ws::Message) -> Self {
        match message {
            sockudo_ws::Message::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            sockudo_ws::Message::Binary(bytes) => Self::Binary(bytes.to_vec()),
            sockudo_ws::Message::Ping(bytes) => Self::Ping(bytes.to_vec()),
            sockudo_ws::Message::Pong(bytes) => Self::Pong(bytes.to_vec()),
            sockudo_ws::Message::Close(close) => {
                Self::Close(close.as_ref().map(|close| (close.code, close.reason.to_string())))
            }
        }
    }
}

/// Converts to a sockudo message; `None` for a close frame, which is not tested with sockudo.
#[must_use]
pub fn sockudo(message: &Owned) -> Option<sockudo_ws::Message> {
    Some(match message {
        Owned::Text(text) => sockudo_ws::Message::text(text.as_str()),
        Owned::Binary(bytes) => sockudo_ws::Message::binary(bytes.clone()),
        Owned::Ping(bytes) => sockudo_ws::Message::ping(bytes.clone()),
        Owned::Pong(bytes) => sockudo_ws::Message::pong(bytes.clone()),
        Owned::Close(_) => return None,
    })
}

/// Returns whether tungstenite allows this close code in a close frame. It does not know 1014 (Bad Gateway), which was
/// registered later.
#[must_use]
pub const fn tungstenite_close_code(code: u16) -> bool {
    is_close_code(code) && code != 1014
}

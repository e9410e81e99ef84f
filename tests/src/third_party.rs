//! Other people's messages: between [`tungstenite::Message`], [`sockudo_ws::Message`] and ours.
//!
//! Who owns a tungstenite stream needs no more than this to use the floors above `ws`: see `examples/tungstenite_stream.rs`.

use tungstenite::protocol::CloseFrame;
use turnwire::ws::is_close_code;

use crate::laws::ws::Owned;

/// A raw frame, which is no message: tungstenite makes one only when it is asked to.
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

/// What [`Owned`] becomes there; `None` for a close frame, which is not asked of them.
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

/// Whether tungstenite takes this close code for one that may be sent: it does not know of 1014 (Bad Gateway), which was registered
/// later.
#[must_use]
pub const fn tungstenite_close_code(code: u16) -> bool {
    is_close_code(code) && code != 1014
}

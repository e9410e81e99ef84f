//! What a runtime must do.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::hidden::Hidden;
use crate::http::Headers;

/// One WebSocket, or one request with its response. Inputs of an earlier one, which often arrive late, change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(pub(super) u64);

/// An action that the runtime must perform.
///
/// `Debug` shows no text, body, header value or subprotocol.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Open a WebSocket, for text messages.
    OpenWebSocket(WebSocketRequest),
    /// Send a text message on the WebSocket.
    SendText {
        /// The WebSocket, which is open.
        exchange: ExchangeId,
        /// The message.
        text: String,
    },
    /// Close the WebSocket, after what was sent on it. [`handle_close`](super::Socket::handle_close) reports the end.
    CloseWebSocket {
        /// The WebSocket.
        exchange: ExchangeId,
        /// The close code; `None` means none. A page may send only 1000 and 3000 to 4999, and no code in place of others.
        code: Option<u16>,
        /// The reason.
        reason: String,
    },
    /// Send a request, and report the head of the response and its body as it arrives.
    Fetch(FetchRequest),
    /// Drop the WebSocket, or abort the request. Nothing of it needs to be reported.
    Abort(ExchangeId),
}

/// A WebSocket to open.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSocketRequest {
    /// The WebSocket in later commands and inputs.
    pub exchange: ExchangeId,
    /// The URL, `ws` or `wss`.
    pub url: String,
    /// The subprotocols, which may contain the API key.
    pub subprotocols: Vec<String>,
    /// The headers of the handshake, for runtimes that can send them. A page cannot.
    pub headers: Headers,
}

/// A request to fetch. Redirects must not be followed, and the response must not come from a cache.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchRequest {
    /// The exchange in later inputs.
    pub exchange: ExchangeId,
    /// The method.
    pub method: String,
    /// The URL, `http` or `https`.
    pub url: String,
    /// The headers, without those that the runtime sets itself.
    pub headers: Headers,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenWebSocket(request) => f.debug_tuple("OpenWebSocket").field(request).finish(),
            Self::SendText { exchange, text } => {
                f.debug_struct("SendText").field("exchange", exchange).field("text", &Hidden(text.len())).finish()
            }
            Self::CloseWebSocket { exchange, code, .. } => {
                let mut shown = f.debug_struct("CloseWebSocket");
                shown.field("exchange", exchange).field("code", code).finish_non_exhaustive()
            }
            Self::Fetch(request) => f.debug_tuple("Fetch").field(request).finish(),
            Self::Abort(exchange) => f.debug_tuple("Abort").field(exchange).finish(),
        }
    }
}

impl fmt::Debug for WebSocketRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketRequest")
            .field("exchange", &self.exchange)
            .field("subprotocols", &self.subprotocols.len())
            .field("headers", &self.headers.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FetchRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchRequest")
            .field("exchange", &self.exchange)
            .field("method", &self.method)
            .field("headers", &self.headers.len())
            .field("body", &Hidden(self.body.len()))
            .finish_non_exhaustive()
    }
}

//! Requests as a server saw them.

use core::fmt;
use core::time::Duration;

use serde_json::Value;
use turnwire::connection::Transport;
use turnwire::http::Headers;
use turnwire::responses::{Item, ToolOutput, parse_input};

/// A request, or another message, that a [`MockServer`](crate::MockServer) received.
///
/// `Debug` shows the length of the body, and no values of headers.
#[derive(Clone)]
#[non_exhaustive]
pub struct SeenRequest {
    /// The time since the server was created.
    pub at: Duration,
    /// The number of its connection. The first one has the number 0.
    pub connection: usize,
    /// Its transport.
    pub transport: Transport,
    /// The method. On a WebSocket, that of the handshake.
    pub method: String,
    /// The target. On a WebSocket, that of the handshake.
    pub target: String,
    /// The headers. On a WebSocket, those of the handshake.
    pub headers: Headers,
    /// The lane (`stream_id`); `None` means the default lane.
    pub lane: Option<String>,
    /// The turn token (`x-codex-turn-state`).
    pub turn_state: Option<String>,
    /// The body, as it came.
    pub body: String,
}

impl fmt::Debug for SeenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenRequest")
            .field("at", &self.at)
            .field("connection", &self.connection)
            .field("transport", &self.transport)
            .field("method", &self.method)
            .field("target", &self.target)
            .field("lane", &self.lane)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

impl SeenRequest {
    /// Returns the body as JSON; `null` if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// Returns the items of the input. There are none if the body is not a request for a response.
    #[must_use]
    pub fn input(&self) -> Vec<Item> {
        parse_input(&self.json()["input"].to_string()).unwrap_or_default()
    }

    /// Returns the outputs of function calls in the input, as far as they are texts.
    #[must_use]
    pub fn tool_outputs(&self) -> Vec<String> {
        let outputs = self.input().into_iter().filter_map(|item| match item {
            Item::FunctionCallOutput(output) => match output.output {
                ToolOutput::Text(text) => Some(text),
                _ => None,
            },
            _ => None,
        });
        outputs.collect()
    }
}

impl SeenRequest {
    /// Returns whether this is a message on a WebSocket.
    pub(crate) fn is_message(&self) -> bool {
        self.transport == Transport::WebSocket
    }
}

//! What a server received from a client.

use serde_json::Value;
use turnwire::connection::server;
use turnwire::http::Request;
use turnwire::time::Instant;

use super::script::Kind;

/// A handshake, request or message that a server received.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Its kind.
    pub kind: Kind,
    /// Index of the socket, counted from zero.
    pub socket: usize,
    /// The time of arrival.
    pub at: Instant,
    /// `GET` or `POST`; empty for a message.
    pub method: String,
    /// The request target; empty for a message.
    pub target: String,
    /// The headers; none for a message.
    pub headers: Vec<(String, String)>,
    /// The body or the message, unchanged.
    pub bytes: Vec<u8>,
}

impl Seen {
    /// Records an event of a server connection. `None` if the event needs no response.
    #[must_use]
    pub fn of(incoming: &server::Event<'_>, socket: usize, at: Instant) -> Option<Self> {
        let of_head = |kind, head: &Request, body: &[u8]| Self {
            kind,
            socket,
            at,
            method: head.method().into(),
            target: head.target().into(),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.into(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            bytes: body.to_vec(),
        };
        match incoming {
            server::Event::Request { head, body } => Some(of_head(Kind::Post, head, body)),
            server::Event::Upgrade { head } => Some(of_head(Kind::Upgrade, head, b"")),
            server::Event::Text { text, .. } | server::Event::Malformed { text, .. } => Some(Self {
                kind: Kind::Text,
                socket,
                at,
                method: String::new(),
                target: String::new(),
                headers: Vec::new(),
                bytes: text.as_bytes().to_vec(),
            }),
            _ => None,
        }
    }

    /// Returns the first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the body as JSON, or `null` if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// Returns the turn token, from the header or from the message.
    #[must_use]
    pub fn turn_state(&self) -> Option<String> {
        match self.kind {
            Kind::Text => self.json()["client_metadata"]["x-codex-turn-state"].as_str().map(Into::into),
            Kind::Dial | Kind::Upgrade | Kind::Post => self.header("x-codex-turn-state").map(Into::into),
        }
    }

    /// Returns `previous_response_id`.
    #[must_use]
    pub fn previous(&self) -> Option<String> {
        self.json()["previous_response_id"].as_str().map(Into::into)
    }

    /// Returns the items of `input`.
    #[must_use]
    pub fn input(&self) -> Vec<Value> {
        self.json()["input"].as_array().cloned().unwrap_or_default()
    }
}

//! Requests that a server received, parsed as far as the oracle needs them.

use serde::Deserialize;

use turnwire::http::Request;

/// The members of a request body that the oracle needs.
#[derive(Deserialize)]
pub(super) struct Body {
    #[serde(default)]
    pub(super) input: Vec<Entry>,
    #[serde(default)]
    pub(super) instructions: String,
    pub(super) previous_response_id: Option<String>,
    pub(super) response_id: Option<String>,
    pub(super) stream_id: Option<String>,
    #[serde(default)]
    pub(super) client_metadata: Marks,
    pub(super) generate: Option<bool>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Entry {
    pub(super) content: Vec<Text>,
}

#[derive(Deserialize)]
pub(super) struct Text {
    pub(super) text: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Marks {
    pub(super) sim: Option<String>,
    #[serde(rename = "x-codex-turn-state")]
    pub(super) token: Option<String>,
}

/// An event of the `ServerConnection`, without borrowed data.
pub(super) enum Received {
    Upgrade(Option<u32>),
    Post(Option<Body>, u32, Option<String>),
    Call(usize, u32, Option<String>),
    Text(Option<Body>),
    Invalid,
    Closed,
}

impl Received {
    pub(super) fn post(head: &Request, body: &[u8]) -> Self {
        let Some(key) = key_of(head) else { return Self::Invalid };
        let token =
            head.headers.get("x-codex-turn-state").map(|value| String::from_utf8_lossy(value.as_bytes()).into());
        if head.target() == "/v1/responses" {
            return Self::Post(serde_json::from_slice(body).ok(), key, token);
        }
        match head.headers.get_str("x-sim").and_then(|ask| ask.parse().ok()) {
            Some(ask) => Self::Call(ask, key, token),
            None => Self::Invalid,
        }
    }
}

pub(super) fn key_of(head: &Request) -> Option<u32> {
    head.headers.get_str("authorization")?.strip_prefix("Bearer key-")?.parse().ok()
}

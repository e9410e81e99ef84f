//! Recordings of exchanges with a server, as `turnwire record` writes them: a folder with a file of JSON lines for each request.
//!
//! The first line of a file is the request, and each further line is what followed, with its time in milliseconds after the request:
//!
//! ```json
//! {"type":"request","at_ms":0,"transport":"websocket","connection":1,"method":"GET","target":"/v1/responses","headers":[["authorization","Bearer sk-***"]],"body":{"type":"response.create","model":"gpt-x","input":[]}}
//! {"type":"event","at_ms":210,"data":{"type":"response.created","response":{"id":"resp_1"}}}
//! {"type":"event","at_ms":950,"data":{"type":"response.completed","response":{"id":"resp_1"}}}
//! ```
//!
//! Over HTTP, a line of the type `response` has the status, the headers, and the body unless it is an event stream, whose end is the
//! line `end`. The line `message` is another message of the client, and `closed` means that the connection ended.

mod matcher;

use core::fmt;
use core::time::Duration;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use turnwire::connection::Transport;
use turnwire::responses::Envelope;

pub use self::matcher::Matcher;
use crate::reply::Reply;

/// One line of a recording.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Line {
    /// `request`, `response`, `event`, `message`, `end` or `closed`.
    pub r#type: String,
    /// The time after the request, in milliseconds.
    pub at_ms: u64,
    /// Of a request: `http` or `websocket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// Of a request: the number of its connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// Of a request: the method. On a WebSocket, that of the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Of a request: the target. On a WebSocket, that of the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Of a request: the lane (`stream_id`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// Of a request: the turn token (`x-codex-turn-state`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_state: Option<String>,
    /// Of a response: the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Of a request or a response: the headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Of a request or a response: the body, as JSON, or as a string if it is not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
    /// Of an event or a message: the payload, as JSON, or as a string if it is not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
    /// Of `closed`: the close code of the WebSocket, if the peer sent one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Of `closed`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Shows the type alone.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("type", &self.r#type).field("at_ms", &self.at_ms).finish_non_exhaustive()
    }
}

impl Line {
    /// Creates a line of this type.
    #[must_use]
    pub fn new(kind: &str, at: Duration) -> Self {
        Self { r#type: kind.into(), at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX), ..Self::default() }
    }

    /// Returns the line, without a line feed.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Returns a text as JSON on one line: as it is if it is JSON, or as a string.
#[must_use]
pub fn raw_or_string(text: &str) -> Box<RawValue> {
    // JSON allows line breaks only between its tokens.
    let line = if text.contains(['\n', '\r']) { text.replace(['\n', '\r'], " ") } else { text.to_owned() };
    let valid = RawValue::from_string(line).ok().filter(|_| !text.trim_start().starts_with('"'));
    valid.unwrap_or_else(|| {
        let string = Value::from(text).to_string();
        RawValue::from_string(string).expect("a string is JSON")
    })
}

/// Returns the text that [`raw_or_string`] got.
fn text_of(raw: Option<&RawValue>) -> String {
    let Some(raw) = raw else { return String::new() };
    serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
}

/// A request and what followed it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Exchange {
    /// The transport.
    pub transport: Transport,
    /// The method. On a WebSocket, that of the handshake.
    pub method: String,
    /// The target. On a WebSocket, that of the handshake.
    pub target: String,
    /// The headers of the request. On a WebSocket, those of the handshake.
    pub headers: Vec<(String, String)>,
    /// The lane (`stream_id`).
    pub lane: Option<String>,
    /// The turn token that the request had.
    pub turn_state: Option<String>,
    /// The body of the request.
    pub body: String,
    /// The status of the response over HTTP.
    pub status: Option<u16>,
    /// The headers of the response over HTTP.
    pub response_headers: Vec<(String, String)>,
    /// The body of the response over HTTP, unless it was an event stream.
    pub response_body: Option<String>,
    /// The events, with their times after the request.
    pub events: Vec<(Duration, String)>,
    /// Whether the connection ended before the response did, with which close code.
    pub closed: Option<Option<u16>>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("transport", &self.transport)
            .field("method", &self.method)
            .field("target", &self.target)
            .field("status", &self.status)
            .field("events", &self.events.len())
            .finish_non_exhaustive()
    }
}

impl Exchange {
    /// Reads a file of a recording.
    ///
    /// # Errors
    ///
    /// Returns a text with the number of the line when a line is not one of a recording, or the first one is not a request.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let read = |(at, line): (usize, &str)| {
            serde_json::from_str::<Line>(line).map_err(|error| format!("line {}: {error}", at + 1))
        };
        let first = lines.next().ok_or("it is empty")?;
        let request = read(first)?;
        if request.r#type != "request" {
            return Err(format!("line {}: the first line is not a request", first.0 + 1));
        }
        let websocket = request.transport.as_deref() == Some("websocket");
        let mut exchange = Self {
            transport: if websocket { Transport::WebSocket } else { Transport::Http },
            method: request.method.unwrap_or_default(),
            target: request.target.unwrap_or_default(),
            headers: request.headers,
            lane: request.lane,
            turn_state: request.turn_state,
            body: text_of(request.body.as_deref()),
            status: None,
            response_headers: Vec::new(),
            response_body: None,
            events: Vec::new(),
            closed: None,
        };
        for line in lines {
            let number = line.0 + 1;
            let line = read(line)?;
            match line.r#type.as_str() {
                "response" => {
                    exchange.status = line.status;
                    exchange.response_headers = line.headers;
                    exchange.response_body = line.body.as_deref().map(|body| text_of(Some(body)));
                }
                "event" => {
                    exchange.events.push((Duration::from_millis(line.at_ms), text_of(line.data.as_deref())));
                }
                // A connection may end at any time after the response.
                "closed" => exchange.closed = (!exchange.has_ended()).then_some(line.code),
                "end" | "message" => {}
                kind => return Err(format!("line {number}: the type `{kind}` is unknown")),
            }
        }
        Ok(exchange)
    }

    /// Returns the turn token that the server sent: in a header over HTTP, in an event on a WebSocket.
    #[must_use]
    pub fn sent_turn_state(&self) -> Option<String> {
        let header = self.response_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-codex-turn-state"));
        let event = || {
            let token = |(_, event): &(Duration, String)| Envelope::scan(event).ok()?.turn_state().map(Into::into);
            self.events.iter().find_map(token)
        };
        header.map(|(_, token)| token.clone()).or_else(event)
    }

    /// Returns whether the response over HTTP has a status below 300. On a WebSocket, it has none, which counts as success.
    #[must_use]
    pub fn has_success(&self) -> bool {
        self.status.is_none_or(|status| status < 300)
    }

    /// Returns whether the response is complete: it has a whole body, or an event that ends it.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        let ends = |(_, event): &(Duration, String)| {
            Envelope::scan(event).is_ok_and(|envelope| envelope.class().is_terminal())
        };
        self.response_body.is_some() || self.events.iter().any(ends)
    }

    /// Returns the response for a scripted server. `speed`: 1 is the original speed, 10 is ten times as fast, 0 is without pauses.
    #[must_use]
    pub fn reply(&self, speed: f64) -> Reply {
        let mut reply = match (&self.response_body, self.status) {
            (Some(body), status) => Reply::status(status.unwrap_or(200).max(200), body),
            (None, Some(status)) if status >= 300 => Reply::status(status, ""),
            (None, _) => {
                let mut reply = Reply::default();
                for (pause, event) in self.timed(speed) {
                    if !pause.is_zero() {
                        reply = reply.then(Reply::pause(pause));
                    }
                    if Envelope::scan(event).is_ok_and(|envelope| !envelope.kind().is_empty()) {
                        reply = reply.then(Reply::events([event]));
                    }
                }
                match self.closed {
                    Some(_) => reply.then(Reply::silence()).hang_up_at(u64::MAX),
                    None => reply,
                }
            }
        };
        if self.transport == Transport::Http
            && let Some(token) = self.sent_turn_state()
        {
            reply = reply.turn_state(&token);
        }
        reply
    }

    /// Returns the events, each with the pause before it. `speed`: see [`reply`](Self::reply).
    pub fn timed(&self, speed: f64) -> impl Iterator<Item = (Duration, &str)> {
        let mut last = Duration::ZERO;
        self.events.iter().map(move |(at, event)| {
            let pause = at.saturating_sub(last);
            last = last.max(*at);
            let pause = Duration::try_from_secs_f64(pause.as_secs_f64() / speed).unwrap_or_default();
            (if speed > 0.0 { pause } else { Duration::ZERO }, event.as_str())
        })
    }
}

/// The exchanges of a recording, in the order of their files.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The exchanges.
    pub exchanges: Vec<Exchange>,
}

impl Recording {
    /// Reads the files of a folder whose names end in `.jsonl`.
    ///
    /// # Errors
    ///
    /// Returns an error that names the file when a file cannot be read, or is not one of a recording, or when there is none.
    pub fn load(folder: impl AsRef<Path>) -> io::Result<Self> {
        let folder = folder.as_ref();
        let named = |path: &Path, error: &dyn fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
        let entries = fs::read_dir(folder).map_err(|error| named(folder, &error))?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        paths.sort();
        let read = |path: &std::path::PathBuf| {
            let text = fs::read_to_string(path).map_err(|error| named(path, &error))?;
            Exchange::parse(&text).map_err(|error| named(path, &error))
        };
        let exchanges = paths.iter().map(read).collect::<io::Result<Vec<_>>>()?;
        if exchanges.is_empty() {
            return Err(named(folder, &"there is no file whose name ends in `.jsonl`"));
        }
        Ok(Self { exchanges })
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::{Exchange, Line, raw_or_string};

    #[test]
    fn a_payload_comes_back_as_it_was_and_a_bad_line_is_named() {
        for text in ["{\"a\": 1}", "not json", "\"a string\"", "", "[DONE]", "a\nb"] {
            let mut line = Line::new("request", Duration::ZERO);
            line.body = Some(raw_or_string(text));
            let json = line.to_json();
            assert!(!json.contains('\n'));
            assert_eq!(Exchange::parse(&json).expect("an exchange").body, text);
        }
        let request = Line::new("request", Duration::ZERO).to_json();
        for (bad, expected) in [
            (format!("{request}\n\n{{"), "line 3: "),
            (format!("{request}\n{{\"type\":\"x\"}}"), "line 2: the type `x`"),
            ("{\"type\":\"event\"}".to_owned(), "line 1: the first line is not a request"),
            (String::new(), "it is empty"),
        ] {
            let error = Exchange::parse(&bad).expect_err("a bad line");
            assert!(error.starts_with(expected), "{error}");
        }
    }
}

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

/// Finds the exchange of a recording that a request belongs to. Each exchange is used once before one is used again.
#[derive(Clone, Debug)]
pub struct Matcher {
    recording: Recording,
    keys: Vec<Key>,
    used: Vec<bool>,
}

/// The parts of a request that are compared.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    method: String,
    path: String,
    is_response: bool,
    prewarm: bool,
    /// The body without the members that differ between two runs.
    body: Value,
    previous: Value,
    /// The last item of the input, without its id.
    last: Value,
}

/// The members of a request that may differ between two runs, or between the transports.
const VOLATILE: [&str; 14] = [
    "type",
    "stream",
    "stream_id",
    "stream_options",
    "client_metadata",
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "previous_response_id",
    "generate",
    "store",
    "user",
    "safety_identifier",
    "include",
];

impl Key {
    fn of(method: &str, target: &str, transport: Transport, body: &str) -> Self {
        let path = target.split('?').next().unwrap_or_default().trim_end_matches('/');
        let is_response = path.ends_with("/responses") && (transport == Transport::WebSocket || method == "POST");
        let mut body: Value = serde_json::from_str(body).unwrap_or_else(|_| body.into());
        let (previous, prewarm) = (body["previous_response_id"].clone(), body["generate"] == false);
        if let Some(members) = body.as_object_mut() {
            VOLATILE.iter().for_each(|name| drop(members.remove(*name)));
        }
        let mut last = match &body["input"] {
            Value::Array(items) => items.last().cloned().unwrap_or_default(),
            input => input.clone(),
        };
        if let Some(members) = last.as_object_mut() {
            ["id", "status", "internal_chat_message_metadata_passthrough"]
                .iter()
                .for_each(|name| drop(members.remove(*name)));
        }
        Self { method: method.into(), path: path.into(), is_response, prewarm, body, previous, last }
    }

    /// Returns how well a request fits: 0 means not at all.
    fn fits(&self, request: &Self) -> u8 {
        if self.is_response != request.is_response || self.prewarm != request.prewarm {
            return 0;
        }
        if !self.is_response {
            return match self.method == request.method && self.path == request.path {
                true if self.body == request.body => 4,
                true => 2,
                false => 0,
            };
        }
        let same_kind = ["type", "role", "call_id"].iter().all(|name| self.last[name] == request.last[name]);
        match self.body == request.body {
            true if self.previous == request.previous => 4,
            _ if self.last == request.last && !self.last.is_null() => 3,
            true => 3,
            false if same_kind => 1,
            false => 0,
        }
    }
}

impl Matcher {
    /// Creates a matcher of all exchanges, none of which is used.
    #[must_use]
    pub fn new(recording: Recording) -> Self {
        let key = |exchange: &Exchange| Key::of(&exchange.method, &exchange.target, exchange.transport, &exchange.body);
        let keys: Vec<_> = recording.exchanges.iter().map(key).collect();
        Self { used: vec![false; keys.len()], recording, keys }
    }

    /// Finds the exchange of a request, and uses it. Returns its index too. An exchange that fits better is preferred, then one that was
    /// not used, then the first: the same body, then the same last item of the input, then an item of the same type, role and `call_id`.
    pub fn find(&mut self, method: &str, target: &str, transport: Transport, body: &str) -> Option<(usize, &Exchange)> {
        let request = Key::of(method, target, transport, body);
        let best = |used: bool, least: u8| {
            let fitting = self.keys.iter().enumerate().filter(|(at, _)| self.used[*at] == used);
            let scored = fitting.map(|(at, key)| (key.fits(&request), at)).filter(|(fits, _)| *fits >= least);
            scored.max_by_key(|(fits, at)| (*fits, core::cmp::Reverse(*at))).map(|(_, at)| at)
        };
        // A request that is repeated exactly gets the same exchange again, before it gets one that fits less.
        let at = best(false, 2).or_else(|| best(true, 2)).or_else(|| best(false, 1)).or_else(|| best(true, 1))?;
        self.used[at] = true;
        self.recording.exchanges.get(at).map(|exchange| (at, exchange))
    }

    /// Returns the response to the WebSocket handshake, if it was rejected.
    #[must_use]
    pub fn rejected_handshake(&self) -> Option<&Exchange> {
        let accepts = |exchange: &&Exchange| exchange.transport == Transport::WebSocket && exchange.status.is_none();
        if self.recording.exchanges.iter().any(|exchange| accepts(&exchange)) {
            return None;
        }
        let mut exchanges = self.recording.exchanges.iter();
        exchanges.find(|exchange| exchange.transport == Transport::WebSocket && exchange.status.is_some())
    }
}

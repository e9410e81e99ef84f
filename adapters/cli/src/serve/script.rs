//! Scripts: the replies of a scripted server (docs/serve.md).

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use turnwire::http::Headers;
use turnwire::responses::{ErrorObject, FunctionCall, Item, ResponseWriter, ServerEvent, Usage};

use super::action::Cut;

/// The conversation of `turnwire chat --demo`.
const DEMO: &str = include_str!("demo.toml");

/// The default script.
pub(super) const MOCK: &str = include_str!("mock.toml");

/// The longest pause.
const MAX_PAUSE_MS: u64 = 3_600_000;

/// Replies, in the order in which requests get them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    /// Whether to reject WebSocket handshakes with 426.
    pub refuse_websocket: bool,
    /// How WebSocket handshakes are answered.
    pub handshake: Option<Handshake>,
    /// The time of all responses, in Unix seconds. Default: the present.
    pub created_at: Option<i64>,
    /// The models that the server lists.
    pub models: Vec<String>,
    /// The replies. After the last one, the first is used again.
    pub reply: Vec<Reply>,
    /// Responses to other requests than those for a response.
    pub operation: Vec<Operation>,
}

/// How WebSocket handshakes are answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Handshake {
    /// Reject the handshake with this status. Without one, it is accepted.
    #[serde(deserialize_with = "status")]
    pub status: Option<u16>,
    /// Headers of the response.
    #[serde(deserialize_with = "headers")]
    pub headers: Vec<(String, String)>,
    /// Body of the rejection.
    pub body: Option<String>,
    /// Pause before the response.
    #[serde(deserialize_with = "pause")]
    pub delay_ms: Option<u64>,
    /// Send the head of the response byte by byte, with this pause before each but the first.
    #[serde(deserialize_with = "pause")]
    pub head_byte_ms: Option<u64>,
    /// Cut the connection after this number of bytes of the response, or at its end.
    pub cut_at: Option<u64>,
    /// Cut the connection with a reset.
    pub reset: bool,
}

/// The response to a request that is not for a response, such as `GET /v1/models`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operation {
    /// Only for requests with this method.
    pub method: Option<String>,
    /// Only for requests whose path ends with this text.
    pub path: String,
    /// Status of the response. Default: 200.
    #[serde(deserialize_with = "status")]
    pub status: Option<u16>,
    /// Headers of the response.
    #[serde(deserialize_with = "headers")]
    pub headers: Vec<(String, String)>,
    /// Body of the response.
    pub body: Option<String>,
}

/// One reply. Unset fields are omitted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reply {
    /// Use this reply only for requests that contain this text.
    pub when: Option<String>,
    /// Use this reply each time that it fits, not once before the others have their turn.
    pub always: bool,
    /// Reject the request with this status.
    #[serde(deserialize_with = "status")]
    pub status: Option<u16>,
    /// Body of the rejection.
    pub body: Option<String>,
    /// Headers of the HTTP response.
    #[serde(deserialize_with = "headers")]
    pub headers: Vec<(String, String)>,
    /// Turn token to send.
    pub turn_state: Option<String>,
    /// Pause before the response.
    #[serde(deserialize_with = "pause")]
    pub delay_ms: Option<u64>,
    /// A message, streamed word by word.
    pub text: Option<String>,
    /// Pause before each word.
    #[serde(deserialize_with = "pause")]
    pub typing_ms: Option<u64>,
    /// A call of this function.
    pub call: Option<Call>,
    /// A call of the first function of the request, with arguments that its schema allows. The reply fits only requests that have a
    /// function, and do not end with the output of a call.
    pub call_tool: bool,
    /// Events to send unchanged, after those of the text and the call, and pauses: `{ pause_ms = N }`. If the first one is
    /// `response.created`, the server sends none of its own; if one ends the response, it adds no end.
    #[serde(deserialize_with = "events")]
    pub events: Vec<Value>,
    /// Token usage of the response. Default: zeros.
    pub usage: Option<UsageReply>,
    /// Fail instead of completing.
    pub fail: Option<FailureReply>,
    /// What steering does on a WebSocket.
    pub steer: WhenSteered,
    /// What interruption does on a WebSocket.
    pub interrupt: WhenInterrupted,
    /// Close the connection instead of completing.
    pub cut: bool,
    /// Send the head of the response byte by byte, with this pause before each but the first.
    #[serde(deserialize_with = "pause")]
    pub head_byte_ms: Option<u64>,
    /// Cut the connection after this number of bytes of the response, or at its end.
    pub cut_at: Option<u64>,
    /// Cut the connection with a reset, after `cut_at` bytes or at the end of the response.
    pub reset: bool,
}

/// What steering does to a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenSteered {
    /// The response ends, and the next reply follows.
    #[default]
    Stop,
    /// The response completes; then the next reply follows, or the input waits for the output of its calls.
    Complete,
    /// Steering fails.
    Fail,
}

/// What interruption does to a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenInterrupted {
    /// The response ends.
    #[default]
    Stop,
    /// Interruption fails.
    Fail,
}

/// The members of a request that the events of its response repeat.
#[derive(Clone, Debug)]
pub(super) struct ResponseContext<'a> {
    pub(super) id: String,
    /// The number of the response, for the ids of its items.
    pub(super) number: usize,
    pub(super) created_at: i64,
    pub(super) model: &'a str,
    pub(super) lane: Option<&'a str>,
    pub(super) request: &'a str,
    pub(super) background: bool,
}

impl ResponseContext<'_> {
    /// Returns the writer of the response.
    pub(super) fn writer(&self) -> ResponseWriter {
        let writer = ResponseWriter::new(&self.id, self.model, self.created_at).for_request(self.request);
        match self.lane {
            Some(lane) => writer.on_lane(lane),
            None => writer,
        }
    }
}

/// One step of a reply.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Send(Arc<str>),
    Pause(Duration),
}

/// A function call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Name of the function.
    pub name: String,
    /// Its arguments: a string that contains JSON.
    pub arguments: String,
}

/// Token counts.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsageReply {
    /// Number of input tokens.
    pub input: i64,
    /// Number of cached input tokens.
    pub cached: i64,
    /// Number of output tokens.
    pub output: i64,
}

/// Error of a failed response.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailureReply {
    /// Error code.
    pub code: String,
    /// Error message.
    pub message: String,
}

/// Error of a script that cannot be parsed.
#[derive(Debug)]
pub struct ScriptError(String);

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot parse the script: {}", self.0)
    }
}

impl core::error::Error for ScriptError {}

impl Script {
    /// Returns the demo's script: a turn of three requests, in which the server sends two turn tokens, and a turn of one request.
    ///
    /// # Panics
    ///
    /// Never: a test parses the built-in script.
    #[must_use]
    pub fn demo() -> Self {
        Self::parse(DEMO).expect("the built-in script is valid")
    }

    /// Returns the script of a server that has no other: it calls the first function of each request, and answers with a text.
    ///
    /// # Panics
    ///
    /// Never: a test parses the built-in script.
    #[must_use]
    pub fn mock() -> Self {
        Self::parse(MOCK).expect("the built-in script is valid")
    }

    /// Parses a script: TOML with `[[reply]]` tables, or one JSON object per line, each a reply.
    ///
    /// # Errors
    ///
    /// Returns [`ScriptError`] when the text is neither, or has no reply. Its text has the line and the column.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let script = if text.trim_start().starts_with('{') {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let reply = lines.map(|(at, line)| serde_json::from_str(line).map_err(|error| json_error(at + 1, &error)));
            Self { reply: reply.collect::<Result<_, _>>()?, ..Self::default() }
        } else {
            toml::from_str(text).map_err(|error| toml_error(text, &error))?
        };
        if script.reply.is_empty() && script.operation.is_empty() && script.handshake.is_none() {
            return Err(ScriptError("it has no reply".into()));
        }
        Ok(script)
    }
}

fn json_error(line: usize, error: &serde_json::Error) -> ScriptError {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    ScriptError(format!("line {line}, column {}: {message}", error.column()))
}

fn toml_error(text: &str, error: &toml::de::Error) -> ScriptError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    ScriptError(format!("line {line}, column {column}: {}", error.message().replace('\n', " ")))
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let status = Option::<u16>::deserialize(deserializer)?;
    match status {
        Some(200..=999) | None => Ok(status),
        Some(status) => Err(de::Error::custom(format!("the status is {status}, and must be 200 to 999"))),
    }
}

fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    let pairs = Vec::<(String, String)>::deserialize(deserializer)?;
    for (name, value) in &pairs {
        let valid = Headers::new().append(name, value.as_str());
        valid.map_err(|error| de::Error::custom(format!("the header `{name}`: {error}")))?;
    }
    Ok(pairs)
}

fn pause<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let pause = Option::<u64>::deserialize(deserializer)?;
    match pause {
        Some(0..=MAX_PAUSE_MS) | None => Ok(pause),
        Some(pause) => Err(de::Error::custom(format!("the pause is {pause} ms, and may be {MAX_PAUSE_MS} ms"))),
    }
}

fn events<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    let events = Vec::<Value>::deserialize(deserializer)?;
    for (at, event) in events.iter().enumerate() {
        let pauses = event["pause_ms"].as_u64().is_some_and(|pause| pause <= MAX_PAUSE_MS);
        if !event["type"].is_string() && !pauses {
            let at = at + 1;
            let words = format!("event {at} has neither a `type` nor a `pause_ms` of 0 to {MAX_PAUSE_MS}");
            return Err(de::Error::custom(words));
        }
    }
    Ok(events)
}

impl Handshake {
    pub(super) fn delay(&self) -> Option<Duration> {
        self.delay_ms.map(Duration::from_millis)
    }

    pub(super) fn head_byte(&self) -> Option<Duration> {
        self.head_byte_ms.map(Duration::from_millis)
    }

    pub(super) fn cut(&self) -> Option<Cut> {
        cut(self.cut_at, self.reset)
    }
}

impl Operation {
    pub(super) fn matches(&self, method: &str, target: &str) -> bool {
        let path = target.split('?').next().unwrap_or_default();
        path.ends_with(&self.path) && self.method.as_ref().is_none_or(|expected| expected == method)
    }
}

fn cut(at: Option<u64>, reset: bool) -> Option<Cut> {
    (at.is_some() || reset).then(|| Cut { at: at.unwrap_or(u64::MAX), reset })
}

impl Reply {
    /// Returns the reply to a request for which the script has none.
    pub(super) fn unscripted() -> Self {
        Self {
            status: Some(400),
            body: Some(
                r#"{"error":{"type":"invalid_request_error","code":"no_reply","param":null,"message":"the script has no reply to this"}}"#
                    .into(),
            ),
            ..Self::default()
        }
    }

    pub(super) fn delay(&self) -> Option<Duration> {
        self.delay_ms.map(Duration::from_millis)
    }

    pub(super) fn head_byte(&self) -> Option<Duration> {
        self.head_byte_ms.map(Duration::from_millis)
    }

    pub(super) fn token_usage(&self) -> Usage {
        let UsageReply { input, cached, output } = self.usage.unwrap_or_default();
        Usage::new(input, output).cached(cached)
    }

    pub(super) fn cut_at_byte(&self) -> Option<Cut> {
        cut(self.cut_at, self.reset)
    }

    /// Returns the steps of a response. `tool`: the call that the request allows.
    pub(super) fn steps(&self, context: &ResponseContext<'_>, tool: Option<&Call>) -> Vec<Step> {
        let number = context.number;
        self.write(context.writer(), number, context.background, tool, usize::MAX).0
    }

    /// Writes a response until this number of events is written, and those that belong together with them. Returns the steps, and
    /// the writer unless the response has ended. `number`: for the ids of items.
    pub(super) fn write(
        &self,
        mut writer: ResponseWriter,
        number: usize,
        background: bool,
        tool: Option<&Call>,
        until: usize,
    ) -> (Vec<Step>, Option<ResponseWriter>) {
        let mut steps = Vec::new();
        let is_written = |steps: &[Step]| steps.iter().filter(|step| matches!(step, Step::Send(_))).count() >= until;
        let send = |steps: &mut Vec<Step>, events: Vec<ServerEvent<'static>>| {
            steps.extend(events.iter().map(|event| Step::Send(event.to_json().into())));
        };
        let created = if background { writer.begin_queued() } else { writer.begin() };
        if self
            .events
            .iter()
            .find(|event| event["type"].is_string())
            .is_none_or(|first| kind(first) != "response.created")
        {
            send(&mut steps, created);
        }
        if is_written(&steps) {
            return (steps, Some(writer));
        }
        let typing = self.typing_ms.map(Duration::from_millis);
        for word in self.text.iter().flat_map(|text| text.split_inclusive(' ')) {
            steps.extend(typing.map(Step::Pause));
            send(&mut steps, writer.text(&format!("msg_{number}"), word));
            if until < usize::MAX && is_written(&steps) {
                return (steps, Some(writer));
            }
        }
        send(&mut steps, writer.end_message());
        for call in self.call.iter().chain(tool.filter(|_| self.call_tool)) {
            send(&mut steps, writer.item(&call.item(number)));
        }
        if is_written(&steps) {
            return (steps, Some(writer));
        }
        let lane = writer.lane().map(str::to_owned);
        steps.extend(self.events.iter().map(|event| step(event, lane.as_deref())));
        if is_written(&steps) && !self.events.iter().any(is_end) {
            return (steps, Some(writer));
        }
        if let Some(FailureReply { code, message }) = &self.fail {
            send(&mut steps, writer.fail(&ErrorObject::new(code, message)));
        } else if !self.cut && !self.events.iter().any(is_end) {
            send(&mut steps, writer.complete(Some(&self.token_usage()), None));
        }
        (steps, None)
    }
}

/// Returns a step of a script's `events`: a pause, or an event, which gets the lane unless it names one.
fn step(event: &Value, lane: Option<&str>) -> Step {
    if let (Value::Null, Some(pause)) = (&event["type"], event["pause_ms"].as_u64()) {
        return Step::Pause(Duration::from_millis(pause));
    }
    if let (Some(lane), Value::Null) = (lane, &event["stream_id"]) {
        let mut event = event.clone();
        event["stream_id"] = lane.into();
        return Step::Send(event.to_string().into());
    }
    Step::Send(event.to_string().into())
}

fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}

/// Returns whether an event ends its response.
fn is_end(event: &Value) -> bool {
    matches!(
        kind(event),
        "response.completed"
            | "response.done"
            | "response.failed"
            | "response.incomplete"
            | "response.cancelled"
            | "response.interrupted"
            | "error"
    )
}

impl Call {
    fn item(&self, number: usize) -> Item {
        let mut call = FunctionCall::new(&format!("call_{number}"), &self.name, &self.arguments);
        call.id = Some(format!("fc_{number}"));
        call.status = Some("completed".into());
        Item::FunctionCall(call)
    }
}

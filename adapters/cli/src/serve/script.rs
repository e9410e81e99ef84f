//! Scripts: the replies of a scripted server.

use core::fmt;

use serde::Deserialize;
use serde_json::Value;
use turnwire::responses::{ErrorObject, FunctionCall, Item, ResponseWriter, ServerEvent, Usage};

/// The conversation of `turnwire chat --demo`.
const DEMO: &str = include_str!("demo.toml");

/// Replies, in the order in which requests get them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Whether to reject WebSocket handshakes with 426.
    #[serde(default)]
    pub refuse_websocket: bool,
    /// The replies. After the last one, the first is used again.
    #[serde(default)]
    pub reply: Vec<Reply>,
}

/// One reply. Unset fields are omitted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reply {
    /// Use this reply only for requests that contain this text.
    pub when: Option<String>,
    /// Reject the request with this status.
    pub status: Option<u16>,
    /// Body of the rejection.
    pub body: Option<String>,
    /// Headers of the HTTP response.
    pub headers: Vec<(String, String)>,
    /// Turn token to send.
    pub turn_state: Option<String>,
    /// A message, streamed word by word.
    pub text: Option<String>,
    /// A call of this function.
    pub call: Option<Call>,
    /// Events to send unchanged, after those of the text and the call. If there are any, no final event is added.
    pub events: Vec<Value>,
    /// Token usage of the response.
    pub usage: Option<UsageReply>,
    /// Fail instead of completing.
    pub fail: Option<FailureReply>,
    /// Close the connection instead of completing.
    pub cut: bool,
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

    /// Parses a script: TOML with `[[reply]]` tables, or one JSON object per line, each a reply.
    ///
    /// # Errors
    ///
    /// Returns [`ScriptError`] when the text is neither, or has no reply.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let script = if text.trim_start().starts_with('{') {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let reply = lines.map(serde_json::from_str).collect::<Result<_, _>>();
            Self { refuse_websocket: false, reply: reply.map_err(|error| ScriptError(error.to_string()))? }
        } else {
            toml::from_str(text).map_err(|error| ScriptError(error.to_string()))?
        };
        if script.reply.is_empty() {
            return Err(ScriptError("it has no reply".into()));
        }
        Ok(script)
    }
}

impl Reply {
    /// Returns the events of response `number` as JSON texts, for a model and a lane.
    pub(super) fn events(&self, number: usize, model: &str, lane: Option<&str>) -> Vec<String> {
        let mut writer = ResponseWriter::new(&format!("resp_{number}"), model, 0);
        if let Some(lane) = lane {
            writer = writer.on_lane(lane);
        }
        let mut events = writer.begin();
        for word in self.text.iter().flat_map(|text| text.split_inclusive(' ')) {
            events.extend(writer.text(&format!("msg_{number}"), word));
        }
        events.extend(writer.end_message());
        if let Some(call) = &self.call {
            events.extend(writer.item(&call.item(number)));
        }
        if let Some(FailureReply { code, message }) = &self.fail {
            events.extend(writer.fail(&ErrorObject::new(code, message)));
        } else if self.events.is_empty() && !self.cut {
            let UsageReply { input, cached, output } = self.usage.unwrap_or_default();
            events.extend(writer.complete(Some(&Usage::new(input, output).cached(cached)), None));
        }
        events.iter().map(ServerEvent::to_json).chain(self.events.iter().map(ToString::to_string)).collect()
    }
}

impl Call {
    fn item(&self, number: usize) -> Item {
        let mut call = FunctionCall::new(&format!("call_{number}"), &self.name, &self.arguments);
        call.id = Some(format!("fc_{number}"));
        call.status = Some("completed".into());
        Item::FunctionCall(call)
    }
}

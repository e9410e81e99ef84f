//! What a scripted server says.

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
    /// Whether WebSocket handshakes are answered with 426.
    #[serde(default)]
    pub refuse_websocket: bool,
    /// The replies. When all have been given, they begin again.
    #[serde(default)]
    pub reply: Vec<Reply>,
}

/// One reply. What is unset is left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reply {
    /// Only for requests in which this text occurs.
    pub when: Option<String>,
    /// Refuse with this status instead of answering.
    pub status: Option<u16>,
    /// The body of a refusal.
    pub body: Option<String>,
    /// Headers of an HTTP answer.
    pub headers: Vec<(String, String)>,
    /// The turn's token to hand out.
    pub turn_state: Option<String>,
    /// A message, streamed word by word.
    pub text: Option<String>,
    /// A call of this function.
    pub call: Option<Call>,
    /// Events as they are, behind those made of the text and the call. With one that ends the response, no other end is made.
    pub events: Vec<Value>,
    /// What the response cost.
    pub usage: Option<Cost>,
    /// Fail instead of completing.
    pub fail: Option<Failing>,
    /// Cut the connection instead of completing.
    pub cut: bool,
}

/// A function call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The function.
    pub name: String,
    /// Its arguments: JSON in a string.
    pub arguments: String,
}

/// Token counts.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cost {
    /// Tokens of the input.
    pub input: i64,
    /// Of these, tokens that were cached.
    pub cached: i64,
    /// Tokens of the output.
    pub output: i64,
}

/// How a response fails.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// The code.
    pub code: String,
    /// The message.
    pub message: String,
}

/// Why a script cannot be read.
#[derive(Debug)]
pub struct Bad(String);

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the script cannot be read: {}", self.0)
    }
}

impl core::error::Error for Bad {}

impl Script {
    /// The built-in conversation: a turn of three requests, in which two tokens are handed out, and a turn of one.
    ///
    /// # Panics
    ///
    /// Never: a test reads it.
    #[must_use]
    pub fn demo() -> Self {
        Self::parse(DEMO).expect("the built-in script can be read")
    }

    /// Reads a script: TOML with `[[reply]]` tables, or one JSON object per line, each a reply.
    ///
    /// # Errors
    ///
    /// [`Bad`] when it is neither.
    pub fn parse(text: &str) -> Result<Self, Bad> {
        let script = if text.trim_start().starts_with('{') {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let reply = lines.map(serde_json::from_str).collect::<Result<_, _>>();
            Self { refuse_websocket: false, reply: reply.map_err(|error| Bad(error.to_string()))? }
        } else {
            toml::from_str(text).map_err(|error| Bad(error.to_string()))?
        };
        if script.reply.is_empty() {
            return Err(Bad("it has no reply".into()));
        }
        Ok(script)
    }
}

impl Reply {
    /// The events of the response of this number, each a JSON text, by this model and on this lane.
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
        if let Some(Failing { code, message }) = &self.fail {
            events.extend(writer.fail(&ErrorObject::new(code, message)));
        } else if self.events.is_empty() && !self.cut {
            let Cost { input, cached, output } = self.usage.unwrap_or_default();
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

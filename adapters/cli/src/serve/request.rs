//! Requests, as a scripted server receives, reads and records them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use turnwire::connection::{Transport, server};
use turnwire::http::Request;
use turnwire::responses::{CallStep, TURN_STATE};

use super::script::Call;

/// An owned [`server::Event`]. The borrowed one keeps the connection borrowed, so that nothing can be sent in response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OwnedRequest {
    /// A WebSocket handshake.
    Upgrade(Box<Request>),
    /// An HTTP request, with its body.
    Request(Box<Request>, String),
    /// A WebSocket message, with its lane (`stream_id`).
    Text(Option<String>, String),
    /// A WebSocket message that cannot be read, and why.
    Malformed(String),
    /// An event that needs no response.
    Ignored,
}

impl OwnedRequest {
    /// Copies the borrowed event.
    #[must_use]
    pub fn from_incoming(incoming: &server::Event<'_>) -> Self {
        match incoming {
            server::Event::Upgrade { head } => Self::Upgrade(Box::new((*head).clone())),
            server::Event::Request { head, body } => {
                Self::Request(Box::new((*head).clone()), String::from_utf8_lossy(body).into_owned())
            }
            server::Event::Text { lane, text, .. } => Self::Text(lane.clone(), (*text).to_owned()),
            server::Event::Malformed { malformed, .. } => Self::Malformed(malformed.to_string()),
            _ => Self::Ignored,
        }
    }
}

/// A request that the server received.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// Its transport.
    pub transport: Transport,
    /// Its turn token (`x-codex-turn-state`).
    pub turn_state: Option<String>,
    /// The request; `null` if it is not valid JSON.
    pub body: Value,
}

/// A request as an observer sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ObservedRequest<'a> {
    /// Its transport.
    pub transport: Transport,
    /// Its turn token (`x-codex-turn-state`).
    pub turn_state: Option<&'a str>,
    /// Its body, as it came.
    pub body: &'a str,
}

impl ObservedRequest<'_> {
    /// Copies the request, and parses its body.
    #[must_use]
    pub fn record(&self) -> RecordedRequest {
        RecordedRequest {
            transport: self.transport,
            turn_state: self.turn_state.map(str::to_owned),
            body: serde_json::from_str(self.body).unwrap_or_default(),
        }
    }

    /// Returns the request as one line of JSON. Its body is `null` if it is not valid JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            r#type: &'static str,
            transport: &'static str,
            turn_state: Option<&'a str>,
            body: Option<&'a RawValue>,
        }
        let transport = match self.transport {
            Transport::WebSocket => "websocket",
            Transport::Http => "sse",
        };
        // The body is not parsed into values, which take many times its memory.
        let body = serde_json::from_str(self.body).ok();
        let line = Line { r#type: "request", transport, turn_state: self.turn_state, body };
        let line = serde_json::to_string(&line).unwrap_or_default();
        if line.chars().any(|c| escape_in_json(c) != Escape::None) { escape_json(&line) } else { line }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    Space,
    Unicode,
}

/// Returns the replacement of a character of a valid JSON text on a terminal, without changing the meaning of the text. JSON allows line
/// feeds and tabs between its tokens only, and the other control characters within strings only.
fn escape_in_json(c: char) -> Escape {
    match c {
        '\n' | '\r' | '\t' => Escape::Space,
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Escape::Unicode
        }
        _ => Escape::None,
    }
}

fn escape_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match escape_in_json(c) {
            Escape::None => out.push(c),
            Escape::Space => out.push(' '),
            Escape::Unicode => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out
}

/// The members of a request that decide about its response. The rest of the body is skipped without being kept.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestMembers {
    pub(super) kind: Option<String>,
    pub(super) model: Option<String>,
    pub(super) stream: bool,
    pub(super) generate: bool,
    /// Whether the response is stored, which it is unless the request says otherwise.
    pub(super) store: bool,
    pub(super) background: bool,
    pub(super) previous_response_id: Option<String>,
    /// The turn token in `client_metadata`.
    pub(super) turn_state: Option<String>,
}

impl RequestMembers {
    /// Reads a body. Returns the reason if it is not a JSON object whose members have different names.
    pub(super) fn read(body: &str) -> Result<Self, String> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Members<'a> {
            #[serde(borrow)]
            r#type: Option<&'a RawValue>,
            #[serde(borrow)]
            model: Option<&'a RawValue>,
            #[serde(borrow)]
            stream: Option<&'a RawValue>,
            #[serde(borrow)]
            generate: Option<&'a RawValue>,
            #[serde(borrow)]
            store: Option<&'a RawValue>,
            #[serde(borrow)]
            background: Option<&'a RawValue>,
            #[serde(borrow)]
            previous_response_id: Option<&'a RawValue>,
            #[serde(borrow)]
            client_metadata: Option<&'a RawValue>,
        }
        #[derive(Default, Deserialize)]
        struct ClientMetadata<'a> {
            #[serde(borrow, default, rename = "x-codex-turn-state")]
            turn_state: Option<&'a RawValue>,
        }
        debug_assert_eq!(TURN_STATE, "x-codex-turn-state");
        if !body.trim_start().starts_with('{') {
            return Err("the body is not a JSON object".to_owned());
        }
        let members: Members<'_> = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let metadata = members.client_metadata.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let metadata: ClientMetadata<'_> = metadata.unwrap_or_default();
        Ok(Self {
            kind: string(members.r#type),
            model: string(members.model),
            stream: members.stream.is_some_and(|raw| raw.get() == "true"),
            generate: members.generate.is_none_or(|raw| raw.get() != "false"),
            store: members.store.is_none_or(|raw| raw.get() != "false"),
            background: members.background.is_some_and(|raw| raw.get() == "true"),
            previous_response_id: string(members.previous_response_id),
            turn_state: string(metadata.turn_state),
        })
    }

    pub(super) fn model(&self) -> &str {
        self.model.as_deref().unwrap_or("unknown")
    }
}

fn string(raw: Option<&RawValue>) -> Option<String> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// The members of an input item that decide about a response.
#[derive(Default, Deserialize)]
#[serde(default)]
struct InputItem {
    r#type: Option<String>,
    call_id: Option<String>,
}

impl InputItem {
    fn is_output(&self) -> bool {
        self.r#type.as_deref().is_some_and(|kind| kind.ends_with("_output"))
    }
}

/// The calls in the input of a request, and the outputs that it brings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct InputCalls {
    /// The `call_id` of each, in their order, and whether it is an output.
    calls: Vec<(String, bool)>,
    /// Whether the last item is an output.
    ends_with_output: bool,
}

impl InputCalls {
    pub(super) fn read(body: &str) -> Self {
        let items: Vec<&RawValue> =
            raw_member(body, "input").and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
        let mut found = Self::default();
        for item in items {
            let item: InputItem = serde_json::from_str(item.get()).unwrap_or_default();
            found.ends_with_output = item.is_output();
            if let Some(call_id) = item.call_id {
                found.calls.push((call_id, found.ends_with_output));
            }
        }
        found
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = CallStep<'_>> {
        self.calls.iter().map(|(id, is_output)| if *is_output { CallStep::Output(id) } else { CallStep::Call(id) })
    }
}

/// Returns the text of a member of an object.
pub(super) fn raw_member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let members: BTreeMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(object).ok()?;
    members.get(name).map(|raw| raw.get())
}

/// Returns a call of the first function of a request, with arguments as its schema requires them. `None` if the request has
/// no function, does not allow calls, or brings the output of a call.
pub(super) fn callable_tool(body: &str) -> Option<Call> {
    let allowed = raw_member(body, "tool_choice").is_none_or(|choice| choice != "\"none\"");
    let tools: Vec<Value> = serde_json::from_str(raw_member(body, "tools")?).ok()?;
    let tool = tools.into_iter().find(|tool| tool["type"] == "function" && tool["name"].is_string())?;
    if !allowed || InputCalls::read(body).ends_with_output {
        return None;
    }
    let arguments = sample(&tool["parameters"], 8);
    let arguments = if arguments.is_object() { arguments } else { Value::Object(serde_json::Map::new()) };
    Some(Call { name: tool["name"].as_str()?.to_owned(), arguments: arguments.to_string() })
}

/// Returns a value that a schema allows, as far as its `type`, `enum`, `const`, `default` and required properties say.
fn sample(schema: &Value, depth: usize) -> Value {
    let given = [&schema["const"], &schema["default"], &schema["enum"][0], &schema["examples"][0]];
    if let Some(value) = given.into_iter().find(|value| !value.is_null()) {
        return value.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str()).unwrap_or("object");
    match kind {
        "string" => "text".into(),
        "integer" | "number" => 1.into(),
        "boolean" => true.into(),
        "array" => Value::Array(Vec::new()),
        "object" if depth > 0 => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            required.map(|name| (name.to_owned(), sample(&schema["properties"][name], depth - 1))).collect()
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use turnwire::connection::Transport;

    use super::{InputCalls, ObservedRequest, RequestMembers, callable_tool};

    #[test]
    fn a_request_is_printed_as_one_line_without_control_characters() {
        let body = "{\n\t\"input\": \"\u{9b}2J\u{202e}\u{7f}\\n\",\r\n \"n\": [1, 2]}";
        let request = ObservedRequest { transport: Transport::Http, turn_state: Some("t\u{1b}"), body };
        let line = request.to_json();
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line}");
        let value: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(value["body"], serde_json::from_str::<Value>(body).expect("JSON"));
        assert_eq!(value["turn_state"], "t\u{1b}");
        let junk = ObservedRequest { body: "no json", ..request }.to_json();
        assert_eq!(serde_json::from_str::<Value>(&junk).expect("JSON")["body"], Value::Null);
    }

    #[test]
    fn members_of_another_type_count_as_missing_and_a_repeated_one_is_refused() {
        let members = RequestMembers::read(r#"{"model":5,"stream":true,"generate":null,"client_metadata":[]}"#);
        let members = members.expect("an object");
        assert_eq!((members.model(), members.stream, members.generate), ("unknown", true, true));
        for bad in ["", "[]", "{\"model\":1,\"model\":2}", "{\"a\":}", "nul"] {
            assert!(RequestMembers::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_call_has_the_arguments_that_the_schema_requires() {
        let schema = r#"{"type":"object","required":["city","days","unit","exact","at"],"properties":{"city":{"type":"string"},
            "days":{"type":["integer","null"]},"unit":{"enum":["C","F"]},"exact":{"type":"boolean"},"other":{"type":"string"},
            "at":{"type":"object","required":["list"],"properties":{"list":{"type":"array"}}}}}"#;
        let body = |more: &str| {
            format!(
                r#"{{"tools":[{{"type":"web_search"}},{{"type":"function","name":"f","parameters":{schema}}}]{more}}}"#
            )
        };
        let call = callable_tool(&body("")).expect("a call");
        assert_eq!(call.name, "f");
        assert_eq!(call.arguments, r#"{"at":{"list":[]},"city":"text","days":1,"exact":true,"unit":"C"}"#);
        assert!(callable_tool(&body(r#","tool_choice":"none""#)).is_none());
        assert!(callable_tool(&body(r#","input":[{"type":"function_call_output","call_id":"c"}]"#)).is_none());
        assert!(callable_tool(r#"{"tools":[{"type":"web_search"}]}"#).is_none());
    }

    #[test]
    fn calls_and_outputs_of_an_input_are_found() {
        let body = r#"{"input":[{"type":"function_call","call_id":"a"},{"type":"function_call_output","call_id":"a"},5,
            {"type":"custom_tool_call_output","call_id":"b"},{"role":"user"}]}"#;
        let found = InputCalls::read(body);
        assert_eq!(
            (found.calls, found.ends_with_output),
            (vec![("a".into(), false), ("a".into(), true), ("b".into(), true)], false)
        );
        assert_eq!(InputCalls::read(r#"{"input":"text"}"#), InputCalls::default());
    }
}

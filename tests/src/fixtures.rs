//! Constructors for the events and items that tests use, as JSON texts.

use serde_json::{Value, json};
use turnwire::responses::{CreateResponse, Item};

/// `response.created`.
#[must_use]
pub fn created(id: &str) -> String {
    json!({"type": "response.created", "response": {"id": id}}).to_string()
}

/// `response.completed`, with usage.
#[must_use]
pub fn done(id: &str) -> String {
    let usage = json!({
        "input_tokens": 0, "input_tokens_details": null, "output_tokens": 0, "output_tokens_details": null,
        "total_tokens": 0,
    });
    json!({"type": "response.completed", "response": {"id": id, "usage": usage}}).to_string()
}

/// `response.completed` without usage.
#[must_use]
pub fn done0(id: &str) -> String {
    json!({"type": "response.completed", "response": {"id": id}}).to_string()
}

/// `response.output_item.done` with an assistant message.
#[must_use]
pub fn msg(id: &str, text: &str) -> String {
    json!({"type": "response.output_item.done", "item": assistant_value(id, text)}).to_string()
}

/// `response.output_item.done` with a function call.
#[must_use]
pub fn call(call_id: &str, name: &str, arguments: &str) -> String {
    let item = json!({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments});
    json!({"type": "response.output_item.done", "item": item}).to_string()
}

/// `response.output_text.delta`.
#[must_use]
pub fn delta(text: &str) -> String {
    json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text})
        .to_string()
}

/// `response.metadata` with these headers.
#[must_use]
pub fn meta(headers: &Value) -> String {
    json!({"type": "response.metadata", "headers": headers}).to_string()
}

/// `response.metadata` with a turn token.
#[must_use]
pub fn token(value: &str) -> String {
    meta(&json!({"x-codex-turn-state": value}))
}

/// `response.failed`.
#[must_use]
pub fn fail(code: &str, message: &str) -> String {
    json!({"type": "response.failed", "response": {"id": "r", "error": {"code": code, "message": message}}}).to_string()
}

/// `response.incomplete`.
#[must_use]
pub fn incomplete(id: &str, reason: &str) -> String {
    json!({"type": "response.incomplete", "response": {"id": id, "incomplete_details": {"reason": reason}}}).to_string()
}

/// An `error` event with a nested error object and a status.
#[must_use]
pub fn error(status: u16, code: &str, message: &str) -> String {
    json!({"type": "error", "status": status, "error": {"code": code, "message": message}}).to_string()
}

/// Adds a `stream_id` to an event.
///
/// # Panics
///
/// If the event is not a JSON object.
#[must_use]
pub fn on_lane(lane: &str, event: &str) -> String {
    let mut value: Value = serde_json::from_str(event).expect("an event");
    value["stream_id"] = lane.into();
    value.to_string()
}

/// A user message.
#[must_use]
pub fn user(text: &str) -> Item {
    Item::user(text)
}

/// An assistant message with this id.
///
/// # Panics
///
/// Never: the JSON text is a valid message.
#[must_use]
pub fn assistant(id: &str, text: &str) -> Item {
    Item::parse(&assistant_value(id, text).to_string()).expect("a message")
}

fn assistant_value(id: &str, text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "id": id, "content": [{"type": "output_text", "text": text}]})
}

/// A request with this input.
#[must_use]
pub fn request(input: Vec<Item>) -> CreateResponse {
    CreateResponse::new("m", input)
}

/// A request with one user message.
#[must_use]
pub fn ask(text: &str) -> CreateResponse {
    request(vec![user(text)])
}

/// Formats events as an event stream, each with its `type` as the event type.
///
/// # Panics
///
/// If a text is not a JSON object with a `type`.
#[must_use]
pub fn sse<T: AsRef<str>>(events: &[T]) -> String {
    events
        .iter()
        .map(|event| {
            let value: Value = serde_json::from_str(event.as_ref()).expect("an event");
            format!("event: {}\ndata: {}\n\n", value["type"].as_str().expect("a type"), event.as_ref())
        })
        .collect()
}

//! Counts what a client yields, in the forms in which clients yield it.

use std::borrow::Cow;

use async_openai::types::responses::ResponseStreamEvent;
use serde::Deserialize;
use serde_json::Value;
use turnwire_benches::wire::Seen;

const TEXT_DELTA: &str = "response.output_text.delta";
const COMPLETED: &str = "response.completed";

/// The members that an application reads, borrowed where they have no escapes.
#[derive(Deserialize)]
struct Flat<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    delta: Text<'a>,
}

/// `serde` borrows a `Cow` only where it is told to, which it cannot be told within an `Option`.
#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Counts a payload that is parsed into a struct. Returns whether the response goes on.
pub fn flat(payload: &str, seen: &mut Seen) -> bool {
    let event: Flat<'_> = serde_json::from_str(payload).expect("an event");
    add(&event.kind, Some(&event.delta.0), seen)
}

/// Counts a payload that is parsed into a tree. Returns whether the response goes on.
pub fn value(payload: &str, seen: &mut Seen) -> bool {
    tree(&serde_json::from_str(payload).expect("an event"), seen)
}

/// Counts a tree. Returns whether the response goes on.
pub fn tree(event: &Value, seen: &mut Seen) -> bool {
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    add(text("type").expect("a type"), text("delta"), seen)
}

/// Counts an event of this type, with this delta. Returns whether the response goes on.
pub fn add(kind: &str, delta: Option<&str>, (events, deltas, text, completed): &mut Seen) -> bool {
    *events += 1;
    if kind == TEXT_DELTA {
        *deltas += 1;
        *text += delta.expect("a delta").len() as u64;
    }
    let ends = kind == COMPLETED;
    *completed += u64::from(ends);
    !ends
}

/// Counts an event of async-openai. Returns whether the response goes on.
pub fn async_openai(event: &ResponseStreamEvent, seen: &mut Seen) -> bool {
    match event {
        ResponseStreamEvent::ResponseOutputTextDelta(event) => add(TEXT_DELTA, Some(&event.delta), seen),
        ResponseStreamEvent::ResponseCompleted(_) => add(COMPLETED, None, seen),
        _ => add("", None, seen),
    }
}

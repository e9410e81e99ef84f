//! Responses that a scripted server remembers: those of the process, to be retrieved and continued, and those of one connection,
//! to be continued on it.

use core::time::Duration;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use serde_json::{Value, json};
use turnwire::responses::{CallStep, Chains, OpenCalls, ResponseStore};

/// The maximum number of stored responses, and of the bytes of their inputs and events.
const MAX_STORED: usize = 1024;
const MAX_STORED_BYTES: usize = 32 * 1024 * 1024;

/// The longest input of a response that is stored, in bytes. A longer one is not listed.
const MAX_INPUT: usize = 1024 * 1024;

/// The number of responses that a connection remembers: the last one of each lane (32 named ones and the other).
const MAX_LANES: usize = 33;

/// The maximum size in bytes of the steering of one connection that waits for requests: what an incomplete request may take in any
/// case.
const MAX_WAITING: usize = 64 * 1024;

/// The events of a response, each with its time after the beginning.
pub(super) type Timeline = Arc<[(Duration, Arc<str>)]>;

/// How a background response was cancelled: the last event of its stream.
pub(super) type Cancelled = Arc<OnceLock<Arc<str>>>;

/// The calls of a conversation after a response with this output.
pub(super) fn calls_after(mut calls: OpenCalls, output: &Value) -> OpenCalls {
    let made = output.as_array().into_iter().flatten().filter_map(|item| item["call_id"].as_str());
    made.for_each(|call| {
        calls.step(CallStep::Call(call));
    });
    calls
}

/// A response that is stored.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: String,
    /// The request's `input`, as JSON.
    pub(super) input: Option<Arc<str>>,
    /// The whole response.
    pub(super) response: Arc<str>,
    /// The events of a background response, and when the first one was due.
    pub(super) background: Option<Background>,
}

/// What is known of a background response.
#[derive(Clone, Debug)]
pub(super) struct Background {
    pub(super) begun: Instant,
    pub(super) events: Timeline,
    pub(super) cancelled: Cancelled,
    /// The number of events that were due and are kept in [`Store::events`].
    pub(super) kept: usize,
}

impl Background {
    /// Returns the events that are due, and those that are not, with the time until they are.
    pub(super) fn split(&self, now: Instant) -> (usize, Duration) {
        let elapsed = now.saturating_duration_since(self.begun);
        (self.events.iter().take_while(|(at, _)| *at <= elapsed).count(), elapsed)
    }

    /// Returns the response object as it is at first.
    pub(super) fn queued(&self) -> Option<Value> {
        self.events.first().and_then(|(_, event)| response_of(event))
    }

    /// Returns the response object as it is now.
    pub(super) fn response(&self, now: Instant) -> Option<Value> {
        let last = match self.cancelled.get() {
            Some(last) => Some(Arc::clone(last)),
            None => {
                let (due, _) = self.split(now);
                let events = self.events[..due.max(1).min(self.events.len())].iter().rev();
                events.map(|(_, event)| event).find(|event| response_of(event).is_some()).cloned()
            }
        };
        last.and_then(|event| response_of(&event))
    }
}

/// Returns the response object of an event.
pub(super) fn response_of(event: &str) -> Option<Value> {
    #[derive(serde::Deserialize)]
    struct Event {
        #[serde(default)]
        response: Value,
    }
    let event: Event = serde_json::from_str(event).ok()?;
    event.response.is_object().then_some(event.response)
}

impl Stored {
    fn bytes(&self) -> usize {
        let events = self.background.iter().flat_map(|background| background.events.iter());
        let events: usize = events.map(|(_, event)| event.len()).sum();
        self.input.as_ref().map_or(0, |input| input.len()) + self.response.len() + events
    }

    /// Returns the response object as it is now.
    pub(super) fn now(&self, now: Instant) -> Value {
        let response = self.background.as_ref().and_then(|background| background.response(now));
        response.unwrap_or_else(|| serde_json::from_str(&self.response).unwrap_or_default())
    }

    /// Returns the items of the request, with ids, the newest first unless `order` is `asc`.
    pub(super) fn input_items(&self, query: &Query<'_>) -> Value {
        let input: Value = self.input.as_deref().and_then(|input| serde_json::from_str(input).ok()).unwrap_or_default();
        let mut items = items(&input);
        for (at, item) in items.iter_mut().enumerate() {
            let Some(item) = item.as_object_mut() else { continue };
            let kind = item.entry("type").or_insert_with(|| "message".into()).clone();
            if kind == "message" && item.get("content").is_some_and(Value::is_string) {
                let kind = if item.get("role") == Some(&"assistant".into()) { "output_text" } else { "input_text" };
                let text = item["content"].take();
                item.insert("content".to_owned(), json!([{"type": kind, "text": text}]));
            }
            item.entry("id").or_insert_with(|| format!("item_{}_{at}", self.id).into());
        }
        if query.get("order") != Some("asc") {
            items.reverse();
        }
        let start = query.get("after").and_then(|after| items.iter().position(|item| item["id"] == after));
        let rest = items.split_off(start.map_or(0, |at| at + 1));
        let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20).clamp(1, 100);
        let page = &rest[..limit.min(rest.len())];
        let id = |item: Option<&Value>| item.map(|item| item["id"].clone());
        json!({"object": "list", "data": page, "first_id": id(page.first()), "last_id": id(page.last()),
            "has_more": rest.len() > page.len()})
    }
}

/// The query of a target. Its values are not decoded: ids and numbers need no escapes.
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(super) fn of(target: &'a str) -> Self {
        Self(target.split_once('?').map_or("", |(_, query)| query))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// The stored responses of a process. The oldest ones are forgotten.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) responses: Chains<Stored>,
    /// The events of background responses that have happened.
    pub(super) events: ResponseStore,
}

impl Default for Store {
    fn default() -> Self {
        Self { responses: Chains::new(MAX_STORED, MAX_STORED_BYTES), events: ResponseStore::default() }
    }
}

impl Store {
    pub(super) fn insert(&mut self, mut stored: Stored, calls: OpenCalls) {
        stored.input = stored.input.filter(|input| input.len() <= MAX_INPUT);
        let (id, bytes) = (stored.id.clone(), stored.bytes());
        let is_background = stored.background.is_some();
        for (forgotten, _) in self.responses.remember(None, &id, calls, stored, bytes) {
            self.events.remove(&forgotten);
        }
        if is_background && self.responses.get(&id).is_some() {
            self.events.begin(&id);
        }
    }

    /// Keeps the events of a background response that are due.
    pub(super) fn keep_due(&mut self, id: &str, now: Instant) {
        let Some(stored) = self.responses.get_mut(id) else { return };
        let Some(background) = stored.background.as_mut().filter(|it| it.cancelled.get().is_none()) else { return };
        let (due, _) = background.split(now);
        for (_, event) in background.events.get(background.kept..due).into_iter().flatten() {
            self.events.push(id, event);
        }
        background.kept = background.kept.max(due);
    }

    pub(super) fn get(&self, id: &str) -> Option<&Stored> {
        self.responses.get(id)
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Stored> {
        self.events.remove(id);
        self.responses.forget(id)
    }
}

/// The last response of each lane of a connection, each with the items of steering that wait for the request that continues it. An id of
/// another connection is not known here.
#[derive(Clone, Debug)]
pub(super) struct Lanes(pub(super) Chains<Waiting>);

/// Items of steering, which take no place in the sum of bytes: [`MAX_WAITING`] limits them.
type Waiting = Vec<Value>;

impl Default for Lanes {
    fn default() -> Self {
        Self(Chains::of_connection(MAX_LANES, usize::MAX))
    }
}

impl Lanes {
    /// Remembers the last response of a lane.
    pub(super) fn insert(&mut self, lane: Option<&str>, id: &str, calls: OpenCalls) {
        self.0.remember(lane, id, calls, Waiting::new(), 0);
    }

    /// Keeps the `input` of steering for the request that continues a response. Returns whether the response is known and there is room.
    pub(super) fn keep_steering(&mut self, id: &str, input: &Value) -> bool {
        let waiting = self.0.values().flatten().map(|item| item.to_string().len()).sum::<usize>();
        let has_room = waiting + input.to_string().len() <= MAX_WAITING;
        let known = self.0.get_mut(id).filter(|_| has_room);
        known.map(|waiting| waiting.extend(items(input))).is_some()
    }

    /// Returns a request with the steering that waits for it in front of its input; `None` if there is none.
    pub(super) fn with_steering(&mut self, previous: &str, request: &str) -> Option<String> {
        let waiting = self.0.get_mut(previous).filter(|waiting| !waiting.is_empty())?;
        let mut request: Value = serde_json::from_str(request).ok()?;
        let mut input = core::mem::take(waiting);
        input.extend(items(&request["input"]));
        request["input"] = input.into();
        Some(request.to_string())
    }

    /// Forgets a response that a request of the same lane could not continue.
    pub(super) fn evict(&mut self, lane: Option<&str>, id: &str) {
        self.0.forget_on_lane(lane, id);
    }
}

/// Returns the items of an `input`: a text is a message of the user.
fn items(input: &Value) -> Vec<Value> {
    match input {
        Value::Array(items) => items.clone(),
        Value::String(text) => vec![json!({"type": "message", "role": "user", "content": text})],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use serde_json::json;

    use super::{Lanes, MAX_STORED, MAX_STORED_BYTES, OpenCalls, Query, Store, Stored};

    fn stored(id: &str, input: &str, length: usize) -> Stored {
        Stored {
            id: id.to_owned(),
            input: Some(input.into()),
            response: Arc::from("x".repeat(length)),
            background: None,
        }
    }

    #[test]
    fn the_oldest_responses_are_forgotten_at_the_limits_of_count_and_bytes() {
        let mut store = Store::default();
        (0..=MAX_STORED).for_each(|number| store.insert(stored(&number.to_string(), "", 1), OpenCalls::default()));
        assert!(store.get("0").is_none() && store.get("1").is_some());
        assert_eq!(store.responses.bytes(), MAX_STORED);
        store.insert(stored("large", "", MAX_STORED_BYTES - 1), OpenCalls::default());
        assert!(store.get(&MAX_STORED.to_string()).is_some() && store.get(&(MAX_STORED - 1).to_string()).is_none());
        assert_eq!(store.responses.bytes(), MAX_STORED_BYTES);
        store.insert(stored("large", "", 2), OpenCalls::default());
        assert_eq!(store.responses.bytes(), 3, "a response of the same id is replaced");
    }

    #[test]
    fn steering_waits_for_the_request_that_continues_its_response_and_is_put_in_front_once() {
        let mut lanes = Lanes::default();
        assert!(!lanes.keep_steering("a", &json!("now")), "the response is not known");
        lanes.insert(None, "a", OpenCalls::default());
        assert!(lanes.keep_steering("a", &json!("now")));
        assert!(lanes.with_steering("b", r#"{"input":"x"}"#).is_none());
        let request = lanes.with_steering("a", r#"{"model":"m","input":[{"type":"function_call_output"}]}"#);
        let request: serde_json::Value = serde_json::from_str(&request.expect("a request")).expect("JSON");
        assert_eq!(request["model"], "m");
        assert_eq!(request["input"][0], json!({"type": "message", "role": "user", "content": "now"}));
        assert_eq!(request["input"][1], json!({"type": "function_call_output"}));
        assert!(lanes.with_steering("a", r#"{"input":"x"}"#).is_none(), "it is not sent twice");
        assert!(!lanes.keep_steering("a", &"x".repeat(super::MAX_WAITING).into()), "with its quotes it is too long");
        lanes.insert(Some("lane"), "b", OpenCalls::default());
        assert!(lanes.keep_steering("a", &"x".repeat(super::MAX_WAITING / 2).into()));
        assert!(!lanes.keep_steering("b", &"x".repeat(super::MAX_WAITING / 2).into()), "the lanes share the room");
    }

    #[test]
    fn input_items_are_listed_in_pages_in_both_orders() {
        let input =
            json!(["a", {"role": "user", "content": "x"}, {"type": "function_call_output", "id": "o"}]).to_string();
        let stored = stored("r", &input, 0);
        let page = |query: &str| stored.input_items(&Query::of(query));
        let newest = page("/x?limit=1");
        assert_eq!((&newest["data"][0]["id"], &newest["has_more"]), (&json!("o"), &json!(true)));
        let next = page("/x?limit=5&after=o");
        assert_eq!((&next["first_id"], &next["has_more"]), (&json!("item_r_1"), &json!(false)));
        assert_eq!(next["data"][0]["content"], json!([{"type": "input_text", "text": "x"}]));
        assert_eq!(page("/x?order=asc")["data"][2]["id"], "o");
        assert_eq!(stored.now(Instant::now()), json!(null), "what is stored is not JSON here");
    }
}

//! The checks of one response, event by event.

use core::mem;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use turnwire::responses::Item;

/// Maximum number of deviations that are kept of one response, and of events that are checked.
const MAX_DEVIATIONS: usize = 32;
const MAX_EVENTS: usize = 10_000;

/// The state of one response, according to its events.
#[derive(Debug, Default)]
pub(super) struct Check {
    lane: Option<String>,
    events: usize,
    found: Vec<String>,
    number: Option<i64>,
    response_id: Option<String>,
    /// The items that were added: their indexes, by id.
    items: BTreeMap<String, i64>,
    /// The items that are done.
    done: Vec<Value>,
    /// The text deltas of each item.
    texts: BTreeMap<String, String>,
    /// The parts that were added and are not done, by item and index.
    parts: BTreeSet<(String, i64)>,
    ends: usize,
    /// The types of the events that came before `response.created`.
    early: BTreeSet<String>,
    /// The types of the events that have no number, and of those that name no lane, although one was requested.
    unnumbered: BTreeSet<String>,
    laneless: BTreeSet<String>,
    /// Whether an event has named the lane.
    names_lane: bool,
}

impl Check {
    pub(super) fn new(lane: Option<&str>) -> Self {
        Self { lane: lane.map(str::to_owned), ..Self::default() }
    }

    /// Returns the number of events so far.
    pub(super) const fn events(&self) -> usize {
        self.events
    }

    /// Returns the deviations.
    pub(super) fn found(&self) -> &[String] {
        &self.found
    }

    pub(super) const fn deviations(&self) -> usize {
        self.found.len()
    }

    /// Returns whether the server has begun to respond.
    pub(super) const fn is_created(&self) -> bool {
        self.response_id.is_some()
    }

    /// Returns the items of the response, for the next request.
    pub(super) fn items(&self) -> Vec<Item> {
        self.done.iter().filter_map(|item| Item::parse(&item.to_string()).ok()).collect()
    }

    /// Notes a deviation once.
    pub(super) fn note(&mut self, text: String) {
        if self.found.len() < MAX_DEVIATIONS && !self.found.contains(&text) {
            self.found.push(text);
        }
    }

    pub(super) fn event(&mut self, event: &Value) {
        self.events += 1;
        if self.events > MAX_EVENTS {
            return;
        }
        let Some(kind) = event["type"].as_str().map(str::to_owned) else {
            return self.note("type: an event has none".into());
        };
        if kind == "error" && self.is_created() {
            self.note("end: an `error` comes after the response was created".into());
        }
        if !kind.starts_with("response.") {
            // Rate limits and errors belong to no response.
            return;
        }
        if self.ends > 0 {
            self.note(format!("end: `{kind}` follows the end of the response"));
        }
        // The metadata of a turn comes at any time.
        if !self.is_created() && !matches!(kind.as_str(), "response.created" | "response.metadata") {
            self.early.insert(kind.clone());
        }
        self.numbers(event, &kind);
        self.lanes(event, &kind);
        match kind.as_str() {
            "response.created" => self.created(event),
            "response.output_item.added" => self.item_added(event),
            "response.output_item.done" => self.item_done(event),
            "response.completed" => self.completed(event),
            "response.incomplete" | "response.failed" => self.ends += 1,
            "response.content_part.added" | "response.content_part.done" => {
                self.part(event, &kind);
                self.content_part(event, &kind);
            }
            "response.done" => {
                self.ends += 1;
                self.note("end: `response.done` instead of `response.completed`".into());
            }
            _ => self.part(event, &kind),
        }
    }

    fn numbers(&mut self, event: &Value, kind: &str) {
        // The metadata of a turn is not numbered.
        if kind == "response.metadata" {
            return;
        }
        match (event["sequence_number"].as_i64(), self.number) {
            (None, _) => drop(self.unnumbered.insert(kind.to_owned())),
            (Some(number), None) if number != 0 => self.note(format!("numbers: the first sequence_number is {number}")),
            (Some(number), Some(last)) if number != last + 1 => {
                self.note(format!("numbers: sequence_number {number} follows {last}"));
            }
            (Some(_), _) => {}
        }
        self.number = event["sequence_number"].as_i64().or(self.number);
    }

    fn lanes(&mut self, event: &Value, kind: &str) {
        let named = event["stream_id"].as_str();
        self.names_lane |= named.is_some();
        match (self.lane.as_deref(), named) {
            (Some(_), None) => drop(self.laneless.insert(kind.to_owned())),
            (expected, Some(named)) if expected != Some(named) => {
                let expected = expected.unwrap_or("no lane");
                self.note(format!("lanes: `{kind}` names {named}, and belongs to {expected}"));
            }
            (None | Some(_), _) => {}
        }
    }

    fn created(&mut self, event: &Value) {
        match (event["response"]["id"].as_str(), &self.response_id) {
            (None | Some(""), _) => self.note("ids: the created response has no id".into()),
            (_, Some(_)) => self.note("order: `response.created` comes twice".into()),
            (Some(id), None) => self.response_id = Some(id.to_owned()),
        }
        self.object(&event["response"], &["in_progress", "queued"]);
    }

    /// Checks the members that every response object has.
    fn object(&mut self, response: &Value, statuses: &[&str]) {
        if response["object"] != "response" {
            self.note(format!("response: its `object` is {}", shown(response.get("object"))));
        }
        if !response["model"].is_string() {
            self.note(format!("response: its `model` is {}", shown(response.get("model"))));
        }
        if !response["created_at"].is_i64() {
            let found = match response.get("created_at") {
                None => "missing",
                Some(Value::Number(_)) => "a fraction",
                Some(_) => "not a number",
            };
            self.note(format!("numbers: created_at is {found} instead of an integer"));
        }
        if !response["status"].as_str().is_some_and(|status| statuses.contains(&status)) {
            self.note(format!(
                "response: the status is {} instead of `{}`",
                shown(response.get("status")),
                statuses[0]
            ));
        }
    }

    fn content_part(&mut self, event: &Value, kind: &str) {
        let (Some(id), Some(index)) = (event["item_id"].as_str(), event["content_index"].as_i64()) else {
            return self.note(format!("indexes: `{kind}` has no content_index"));
        };
        let key = (id.to_owned(), index);
        if kind == "response.content_part.added" {
            self.parts.insert(key);
        } else if !self.parts.remove(&key) {
            self.note("order: a part is done that was not added".into());
        }
    }

    fn item_added(&mut self, event: &Value) {
        let expected = i64::try_from(self.items.len()).unwrap_or(i64::MAX);
        let index = event["output_index"].as_i64();
        if index != Some(expected) {
            self.note(format!("indexes: item {expected} has the output_index {}", event["output_index"]));
        }
        match event["item"]["id"].as_str() {
            None | Some("") => self.note("ids: an added item has no id".into()),
            Some(id) => {
                if self.items.insert(id.to_owned(), index.unwrap_or(expected)).is_some() {
                    self.note("ids: two items have the same id".into());
                }
            }
        }
    }

    fn item_done(&mut self, event: &Value) {
        let item = &event["item"];
        self.done.push(item.clone());
        self.belongs(event, item["id"].as_str(), "response.output_item.done");
        let parts = item["content"].as_array().into_iter().flatten();
        let text: String = parts.filter_map(|part| part["text"].as_str()).collect();
        let deltas = item["id"].as_str().and_then(|id| self.texts.get(id)).cloned();
        if item["type"] == "message" && deltas.is_some_and(|deltas| deltas != text) {
            self.note("text: the deltas of a message are not its text".into());
        }
        if self.parts.iter().any(|(id, _)| item["id"] == id.as_str()) {
            self.note("order: an item is done before its parts".into());
        }
    }

    fn part(&mut self, event: &Value, kind: &str) {
        if event.get("item_id").is_none() && event.get("output_index").is_none() {
            return;
        }
        self.belongs(event, event["item_id"].as_str(), kind);
        if kind == "response.output_text.delta" {
            if !event["content_index"].is_i64() {
                self.note(format!("indexes: `{kind}` has no content_index"));
            }
            let added = |id: &str| {
                event["content_index"].as_i64().is_none_or(|index| self.parts.contains(&(id.to_owned(), index)))
            };
            if !event["item_id"].as_str().is_none_or(added) {
                self.note(format!("order: `{kind}` belongs to a part that was not added"));
            }
            let (id, delta) = (event["item_id"].as_str(), event["delta"].as_str());
            if let (Some(id), Some(delta)) = (id, delta) {
                self.texts.entry(id.to_owned()).or_default().push_str(delta);
            }
        }
    }

    /// Checks that an event names an item that was added, and its index.
    fn belongs(&mut self, event: &Value, id: Option<&str>, kind: &str) {
        match id.map(|id| self.items.get(id)) {
            None => self.note(format!("ids: `{kind}` names no item")),
            Some(None) => self.note(format!("ids: `{kind}` names an item that was not added")),
            Some(Some(index)) if event["output_index"].as_i64() != Some(*index) => {
                self.note(format!("indexes: `{kind}` has another output_index than its item"));
            }
            Some(Some(_)) => {}
        }
    }

    fn completed(&mut self, event: &Value) {
        self.ends += 1;
        let response = &event["response"];
        if self.is_created() && response["id"].as_str() != self.response_id.as_deref() {
            self.note("ids: the completed response has another id than the created one".into());
        }
        self.object(response, &["completed"]);
        let output = response["output"].as_array().map(Vec::as_slice).unwrap_or_default();
        if output.len() != self.done.len() {
            self.note("end: the output of the completed response is not the items that were finished".into());
        }
        if let Some(at) = output.iter().zip(&self.done).position(|(item, done)| item != done) {
            let members = differing(&output[at], &self.done[at]);
            self.note(format!("end: item {at} of the output is not the item that was finished: {members} differs"));
        }
        self.usage(&response["usage"]);
    }

    fn usage(&mut self, usage: &Value) {
        if !usage.is_object() {
            return self.note("usage: the completed response has none".into());
        }
        let [input, output, total] =
            ["input_tokens", "output_tokens", "total_tokens"].map(|name| (name, usage[name].as_u64()));
        for (name, _) in [input, output, total].into_iter().filter(|(_, count)| count.is_none()) {
            self.note(not_a_count(name, usage.get(name)));
        }
        for (name, count) in [
            ("input_tokens_details.cached_tokens", usage.pointer("/input_tokens_details/cached_tokens")),
            ("output_tokens_details.reasoning_tokens", usage.pointer("/output_tokens_details/reasoning_tokens")),
        ] {
            if !count.is_some_and(Value::is_u64) {
                self.note(not_a_count(name, count));
            }
        }
        if let (Some(input), Some(output), Some(total)) = (input.1, output.1, total.1)
            && input.checked_add(output) != Some(total)
        {
            self.note("usage: total_tokens is not the sum of input_tokens and output_tokens".into());
        }
    }

    /// Notes the deviations that show at the end only.
    pub(super) fn finish(&mut self) {
        let (unnumbered, laneless) = (mem::take(&mut self.unnumbered), mem::take(&mut self.laneless));
        match self.number {
            None if !unnumbered.is_empty() => self.note("numbers: no event has a sequence_number".into()),
            _ => unnumbered.iter().for_each(|kind| self.note(format!("numbers: `{kind}` has no sequence_number"))),
        }
        let lane = self.lane.clone().unwrap_or_default();
        match self.names_lane {
            false if !laneless.is_empty() => self.note(format!("lanes: no event names {lane}, to which all belong")),
            _ => laneless.iter().for_each(|kind| {
                self.note(format!("lanes: `{kind}` names no lane, and belongs to {lane}"));
            }),
        }
        let early = mem::take(&mut self.early);
        match self.is_created() {
            false => self.note("order: there is no `response.created`".into()),
            true => early.iter().for_each(|kind| self.note(format!("order: `{kind}` comes before `response.created`"))),
        }
        if self.ends != 1 {
            self.note(format!("end: {} events end the response", self.ends));
        }
        if self.done.len() != self.items.len() {
            let (added, done) = (self.items.len(), self.done.len());
            self.note(format!("order: {added} items were added, and {done} are done"));
        }
    }
}

/// Returns the names of the members in which two items differ.
fn differing(item: &Value, other: &Value) -> String {
    let names = [item, other].into_iter().filter_map(Value::as_object).flat_map(serde_json::Map::keys);
    let names: BTreeSet<_> =
        names.filter(|name| item.get(name) != other.get(name)).map(|name| format!("`{name}`")).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// The deviation of a count of tokens that is none.
fn not_a_count(name: &str, value: Option<&Value>) -> String {
    format!(
        "usage: {name} is {}",
        value.map_or_else(|| shown(None), |value| format!("{value}, not a number of tokens"))
    )
}

/// A member's value, or that it is missing.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "missing".to_owned(), Value::to_string)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Check;

    fn response(change: impl FnOnce(&mut Vec<Value>)) -> Vec<String> {
        let usage = json!({"input_tokens": 2, "output_tokens": 3, "total_tokens": 5,
            "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}});
        let object = |status: &str, output: Value, usage: Value| {
            json!({"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status, "output": output,
                "usage": usage})
        };
        let message = json!({"type": "message", "id": "m", "content": [{"type": "output_text", "text": "hi"}]});
        let mut events = vec![
            json!({"type": "response.created", "response": object("in_progress", json!([]), Value::Null)}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "m"}}),
            json!({"type": "response.content_part.added", "output_index": 0, "content_index": 0, "item_id": "m"}),
            json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "m", "delta": "hi"}),
            json!({"type": "response.content_part.done", "output_index": 0, "content_index": 0, "item_id": "m"}),
            json!({"type": "response.output_item.done", "output_index": 0, "item": message}),
            json!({"type": "response.completed", "response": object("completed", json!([message]), usage)}),
        ];
        for (number, event) in events.iter_mut().enumerate() {
            event["sequence_number"] = number.into();
            event["stream_id"] = "lane".into();
        }
        change(&mut events);
        let mut check = Check::new(Some("lane"));
        events.iter().for_each(|event| check.event(event));
        check.finish();
        check.found().to_vec()
    }

    #[test]
    fn response_of_the_protocol_has_no_deviation() {
        assert_eq!(response(|_| {}), [""; 0]);
    }

    #[test]
    fn deviation_of_each_kind_is_named() {
        type Change = fn(&mut Vec<Value>);
        let cases: [(&str, Change); 27] = [
            ("end: 0 events", |events| drop(events.pop())),
            ("end: `response.completed` follows", |events| events.push(events[6].clone())),
            ("response: the status", |events| events[6]["response"]["status"] = "in_progress".into()),
            ("response: the status", |events| events[0]["response"]["status"] = "completed".into()),
            ("response: its `object`", |events| events[0]["response"]["object"] = "chat.completion".into()),
            ("response: its `model`", |events| events[6]["response"]["model"] = Value::Null),
            ("numbers: created_at is a fraction", |events| events[6]["response"]["created_at"] = json!(1.0)),
            ("end: `response.done` instead", |events| events[6]["type"] = "response.done".into()),
            ("end: the output", |events| events[6]["response"]["output"] = json!([])),
            ("end: item 0 of the output is not the item that was finished: `id` differs", |events| {
                events[6]["response"]["output"][0]["id"] = "n".into()
            }),
            ("end: an `error`", |events| events.insert(5, json!({"type": "error"}))),
            ("ids: the completed response", |events| events[6]["response"]["id"] = "resp_2".into()),
            ("ids: `response.output_text.delta` names an item", |events| events[3]["item_id"] = "other".into()),
            ("indexes: item 0", |events| events[1]["output_index"] = 1.into()),
            ("indexes: `response.output_text.delta` has no content_index", |events| {
                events[3]["content_index"] = Value::Null;
            }),
            ("order: `response.output_text.delta` belongs to a part", |events| drop(events.remove(2))),
            ("order: a part is done that was not added", |events| drop(events.remove(2))),
            ("order: an item is done before its parts", |events| drop(events.remove(4))),
            ("order: `response.output_item.added` comes before", |events| events.swap(0, 1)),
            ("type: an event has none", |events| events[2]["type"] = Value::Null),
            ("numbers: sequence_number 7", |events| events[4]["sequence_number"] = 7.into()),
            ("usage: the completed response has none", |events| events[6]["response"]["usage"] = Value::Null),
            ("usage: total_tokens is not the sum", |events| events[6]["response"]["usage"]["total_tokens"] = 4.into()),
            ("lanes: `response.created` names no lane", |events| events[0]["stream_id"] = Value::Null),
            ("lanes: `response.created` names other", |events| events[0]["stream_id"] = "other".into()),
            ("lanes: no event names lane", |events| {
                events.iter_mut().for_each(|event| event["stream_id"] = Value::Null);
            }),
            ("numbers: `response.created` has no", |events| events[0]["sequence_number"] = Value::Null),
        ];
        for (expected, change) in cases {
            let found = response(change);
            assert!(found.iter().any(|deviation| deviation.starts_with(expected)), "{expected}: {found:?}");
        }
        let found = response(|events| events.iter_mut().for_each(|event| event["sequence_number"] = Value::Null));
        assert_eq!(found, ["numbers: no event has a sequence_number"]);
        let found = response(|events| drop(events.remove(0)));
        assert_eq!(found, ["numbers: the first sequence_number is 1", "order: there is no `response.created`"]);
        let found = response(|events| events[3]["delta"] = "ho".into());
        assert_eq!(found, ["text: the deltas of a message are not its text"]);
    }

    #[test]
    fn usage_without_details_is_a_deviation() {
        let found = response(|events| {
            events[6]["response"]["usage"]["input_tokens_details"] = Value::Null;
        });
        assert_eq!(found, ["usage: input_tokens_details.cached_tokens is missing"]);
        let found = response(|events| {
            events[6]["response"]["usage"]["input_tokens_details"]["cached_tokens"] = Value::Null;
        });
        assert_eq!(found, ["usage: input_tokens_details.cached_tokens is null, not a number of tokens"]);
    }
}

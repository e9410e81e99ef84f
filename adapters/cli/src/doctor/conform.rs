//! `turnwire doctor --conform`: one short conversation, and what the server does otherwise than the protocol.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::Value;
use turnwire::client::{Event, Outcome, Request, TransportPreference};
use turnwire::responses::{CreateResponse, Item};
use turnwire_tokio::Client;

use super::{Handshake, Server, handshake, shown};
use crate::chat::Exit;

/// Maximum number of deviations that are kept of one response, and of events that are checked.
const MAX_DEVIATIONS: usize = 32;
const MAX_EVENTS: usize = 10_000;

/// The lane of the second request over WebSocket.
const LANE: &str = "doctor";

/// Holds the conversation on each transport, and writes one line per deviation to `out`.
///
/// # Errors
///
/// Returns [`Exit::Protocol`] if there is a deviation, and the failure of the request if there is no response.
pub(super) async fn examine(server: &Server, model: &str, out: &mut dyn Write) -> Result<(), Exit> {
    let mut deviations = 0;
    let mut client = server.client(TransportPreference::WebSocket)?;
    let now = client.now();
    client.client().preconnect(now);
    match server.within("websocket", handshake(&mut client)).await? {
        Handshake::Accepted(_) => {
            let first = Request::from(question(model, 1));
            deviations += converse(server, &mut client, first, None, "websocket", out).await?;
            let second = Request::from(question(model, 2)).on_lane(LANE);
            deviations += converse(server, &mut client, second, Some(LANE), "websocket, lane", out).await?;
            client.close().await;
        }
        Handshake::Failed(failure) => match failure.status {
            Some(status) => writeln!(out, "websocket: refused, status {status}")?,
            None => return Err(Exit::of(&failure)),
        },
        Handshake::Closed(reason) => return Err(Exit::Protocol(reason)),
    }
    let mut client = server.client(TransportPreference::Http)?;
    for messages in [1, 2] {
        let request = Request::from(question(model, messages));
        deviations += converse(server, &mut client, request, None, "http", out).await?;
    }
    match deviations {
        0 => Ok(()),
        count => Err(Exit::Protocol(format!("{count} deviations from the protocol"))),
    }
}

fn question(model: &str, messages: usize) -> CreateResponse {
    CreateResponse::new(model, vec![Item::user("Say hi."); messages])
}

/// Requests one response, and returns the number of its deviations.
async fn converse(
    server: &Server,
    client: &mut Client,
    request: Request,
    lane: Option<&str>,
    name: &str,
    out: &mut dyn Write,
) -> Result<usize, Exit> {
    let checked = server.within(name, receive(client, request, lane)).await??;
    let found = checked.finish();
    writeln!(out, "{name}: {} events, {} deviations", checked.events, found.len())?;
    for deviation in &found {
        writeln!(out, "{name}: {}", shown(deviation))?;
    }
    Ok(found.len())
}

async fn receive(client: &mut Client, request: Request, lane: Option<&str>) -> Result<Check, Exit> {
    let mut check = Check::new(lane);
    let mut turn = client.turn()?;
    turn.send(request).map_err(|rejected| rejected.reason)?;
    while let Some(event) = turn.next().await {
        match event {
            Event::Server { event, .. } => match event.raw().map(serde_json::from_str::<Value>) {
                Some(Ok(value)) => check.event(&value),
                Some(Err(error)) => check.note(format!("json: {error}")),
                None => {}
            },
            Event::Malformed { malformed, .. } => check.note(format!("an event cannot be read: {malformed}")),
            Event::Violation { violation, .. } => check.note(format!("order: {violation}")),
            Event::Finished { outcome: Outcome::Failed(failure), .. } if check.events == 0 => {
                return Err(Exit::of(failure));
            }
            Event::Finished { outcome: Outcome::Failed(failure), .. } => {
                check.note(format!("end: the response failed: {failure}"));
                break;
            }
            Event::Finished { .. } => break,
            _ => {}
        }
    }
    Ok(check)
}

/// The checks of one response, event by event.
#[derive(Debug, Default)]
struct Check {
    lane: Option<String>,
    events: usize,
    found: Vec<String>,
    number: Option<i64>,
    response_id: Option<String>,
    /// The items that were added: their indexes, by id.
    items: BTreeMap<String, i64>,
    /// The items that are done.
    done: usize,
    /// The text deltas of each item.
    texts: BTreeMap<String, String>,
    ends: usize,
}

impl Check {
    fn new(lane: Option<&str>) -> Self {
        Self { lane: lane.map(str::to_owned), ..Self::default() }
    }

    /// Notes a deviation once.
    fn note(&mut self, text: String) {
        if self.found.len() < MAX_DEVIATIONS && !self.found.contains(&text) {
            self.found.push(text);
        }
    }

    fn event(&mut self, event: &Value) {
        self.events += 1;
        if self.events > MAX_EVENTS {
            return;
        }
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        if !kind.starts_with("response.") {
            // Rate limits and errors belong to no response.
            return;
        }
        if self.ends > 0 {
            self.note(format!("end: `{kind}` follows the end of the response"));
        }
        self.numbers(event, &kind);
        self.lanes(event, &kind);
        match kind.as_str() {
            "response.created" => self.created(event),
            "response.output_item.added" => self.item_added(event),
            "response.output_item.done" => self.item_done(event),
            "response.completed" => self.completed(event),
            "response.incomplete" | "response.failed" => self.ends += 1,
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
            (None, _) => self.note(format!("numbers: `{kind}` has no sequence_number")),
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
        if self.lane.as_deref() != named {
            let expected = self.lane.as_deref().unwrap_or("no lane");
            self.note(format!("lanes: `{kind}` names {}, and belongs to {expected}", named.unwrap_or("no lane")));
        }
    }

    fn created(&mut self, event: &Value) {
        match (event["response"]["id"].as_str(), &self.response_id) {
            (None | Some(""), _) => self.note("ids: the created response has no id".into()),
            (_, Some(_)) => self.note("order: `response.created` comes twice".into()),
            (Some(id), None) => self.response_id = Some(id.to_owned()),
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
        self.done += 1;
        let item = &event["item"];
        self.belongs(event, item["id"].as_str(), "response.output_item.done");
        let parts = item["content"].as_array().into_iter().flatten();
        let text: String = parts.filter_map(|part| part["text"].as_str()).collect();
        let deltas = item["id"].as_str().and_then(|id| self.texts.get(id)).cloned();
        if item["type"] == "message" && deltas.is_some_and(|deltas| deltas != text) {
            self.note("text: the deltas of a message are not its text".into());
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
        if response["id"].as_str() != self.response_id.as_deref() {
            self.note("ids: the completed response has another id than the created one".into());
        }
        if response["status"] != "completed" {
            self.note(format!("end: the status of the completed response is {}", response["status"]));
        }
        if response["output"].as_array().map(Vec::len) != Some(self.items.len()) {
            self.note("end: the output of the completed response is not the items that were added".into());
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
            self.note(format!("usage: {name} is {}, not a number of tokens", usage[name]));
        }
        if let (Some(input), Some(output), Some(total)) = (input.1, output.1, total.1)
            && input.checked_add(output) != Some(total)
        {
            self.note("usage: total_tokens is not the sum of input_tokens and output_tokens".into());
        }
    }

    /// The deviations, with those that show at the end only.
    fn finish(&self) -> Vec<String> {
        let mut found = self.found.clone();
        if self.response_id.is_none() {
            found.push("order: there is no `response.created`".into());
        }
        if self.ends != 1 {
            found.push(format!("end: {} events end the response", self.ends));
        }
        if self.done != self.items.len() {
            found.push(format!("order: {} items were added, and {} are done", self.items.len(), self.done));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Check;

    fn response(change: impl FnOnce(&mut Vec<Value>)) -> Vec<String> {
        let response = json!({"id": "resp_1", "status": "completed", "output": [{}],
            "usage": {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}});
        let message = json!({"type": "message", "id": "m", "content": [{"type": "output_text", "text": "hi"}]});
        let mut events = vec![
            json!({"type": "response.created", "response": {"id": "resp_1"}}),
            json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "m"}}),
            json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "m", "delta": "hi"}),
            json!({"type": "response.output_item.done", "output_index": 0, "item": message}),
            json!({"type": "response.completed", "response": response}),
        ];
        for (number, event) in events.iter_mut().enumerate() {
            event["sequence_number"] = number.into();
            event["stream_id"] = "lane".into();
        }
        change(&mut events);
        let mut check = Check::new(Some("lane"));
        events.iter().for_each(|event| check.event(event));
        check.finish()
    }

    #[test]
    fn a_response_as_the_protocol_says_has_no_deviation() {
        assert_eq!(response(|_| {}), [""; 0]);
    }

    #[test]
    fn each_kind_of_deviation_is_named() {
        type Change = fn(&mut Vec<Value>);
        let cases: [(&str, Change); 12] = [
            ("end: 0 events", |events| drop(events.pop())),
            ("end: `response.completed` follows", |events| events.push(events[4].clone())),
            ("end: the status", |events| events[4]["response"]["status"] = "in_progress".into()),
            ("end: `response.done` instead", |events| events[4]["type"] = "response.done".into()),
            ("ids: the completed response", |events| events[4]["response"]["id"] = "resp_2".into()),
            ("ids: `response.output_text.delta` names an item", |events| events[2]["item_id"] = "other".into()),
            ("indexes: item 0", |events| events[1]["output_index"] = 1.into()),
            ("indexes: `response.output_text.delta` has no content_index", |events| {
                events[2]["content_index"] = Value::Null;
            }),
            ("numbers: sequence_number 7", |events| events[3]["sequence_number"] = 7.into()),
            ("usage: the completed response has none", |events| events[4]["response"]["usage"] = Value::Null),
            ("usage: total_tokens is not the sum", |events| events[4]["response"]["usage"]["total_tokens"] = 4.into()),
            ("lanes: `response.created` names no lane", |events| events[0]["stream_id"] = Value::Null),
        ];
        for (expected, change) in cases {
            let found = response(change);
            assert!(found.iter().any(|deviation| deviation.starts_with(expected)), "{expected}: {found:?}");
        }
        let found = response(|events| events[2]["delta"] = "ho".into());
        assert_eq!(found, ["text: the deltas of a message are not its text"]);
    }
}

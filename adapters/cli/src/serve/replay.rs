//! Replays a recording: the response to a request is that of the recorded request which fits it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use turnwire::connection::Transport;
use turnwire::http::{Headers, Request};
use turnwire::responses::{Envelope, ResponseWriter, ServerEvent, TURN_STATE};
use turnwire_testkit::recording::{Exchange, Matcher, Recording};

use super::action::{Action, Plan};
use super::errors::{ApiError, error_event};
use super::request::{ObservedRequest, RequestMembers};
use super::server::{ScriptedServer, set, with_lane};
use super::store::response_of;

/// A recording that is replayed.
#[derive(Debug)]
pub(super) struct Replay {
    matcher: Mutex<Matcher>,
    /// 1 is the original speed, 0 is without pauses.
    speed: f64,
}

/// Headers that a replayed response does not repeat: the connection sets them, or they were those of another body.
const LEFT_OUT: [&str; 11] = [
    "connection",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "keep-alive",
    "date",
    "set-cookie",
    "alt-svc",
    "strict-transport-security",
    "upgrade",
    "cache-control",
];

impl Replay {
    pub(super) fn new(recording: Recording, speed: f64) -> Self {
        Self { matcher: Mutex::new(Matcher::new(recording)), speed }
    }

    /// Returns the progress, to be restored after a request that was not answered.
    pub(super) fn progress(&self) -> Matcher {
        self.matcher.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Restores the progress.
    pub(super) fn restore(&self, progress: Matcher) {
        *self.matcher.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    fn find(&self, method: &str, target: &str, transport: Transport, body: &str) -> Option<Exchange> {
        let mut matcher = self.matcher.lock().unwrap_or_else(PoisonError::into_inner);
        matcher.find(method, target, transport, body).map(|(_, exchange)| exchange.clone())
    }

    /// Returns the response to a rejected WebSocket handshake.
    pub(super) fn upgrade(&self) -> Option<Plan> {
        let matcher = self.matcher.lock().unwrap_or_else(PoisonError::into_inner);
        let exchange = matcher.rejected_handshake()?;
        let body = exchange.response_body.clone().unwrap_or_default();
        let action = Action::Respond(exchange.status.unwrap_or(426), headers(exchange, true), body.into_bytes());
        Some(Plan::one(action))
    }

    /// Returns the response to a request over HTTP.
    pub(super) fn request(&self, server: &ScriptedServer, head: &Request, body: &str) -> Plan {
        let members = RequestMembers::read(body).unwrap_or_default();
        let turn_state = head.headers.get_str(TURN_STATE);
        if head.method() == "POST" {
            server.observe(&ObservedRequest { transport: Transport::Http, turn_state, body }, !members.generate);
        }
        let Some(exchange) = self.find(head.method(), head.target(), Transport::Http, body) else {
            return ApiError::no_exchange().respond();
        };
        let mut headers = headers(&exchange, exchange.response_body.is_some());
        if let Some(token) = exchange.sent_turn_state() {
            set(&mut headers, TURN_STATE, &token);
        }
        if let Some(body) = &exchange.response_body {
            let response = serde_json::from_str(body).ok().filter(|_| members.stream && exchange.has_success());
            return match response {
                Some(response) => stream(Headers::new(), whole(&response, None), false),
                None => Plan::one(Action::Respond(exchange.status.unwrap_or(200), headers, body.clone().into_bytes())),
            };
        }
        if let Some((status, error)) = exchange.events.first().and_then(|(_, event)| rejection(event)) {
            let body = json!({"error": error}).to_string().into_bytes();
            set(&mut headers, "Content-Type", "application/json");
            return Plan::one(Action::Respond(status, headers, body));
        }
        let last = exchange.events.iter().rev().find_map(|(_, event)| response_of(event));
        match last.filter(|_| !members.stream && exchange.closed.is_none()) {
            Some(response) => {
                set(&mut headers, "Content-Type", "application/json");
                Plan::one(Action::Respond(200, headers, response.to_string().into_bytes()))
            }
            None => stream(headers, self.events(&exchange, None), exchange.closed.is_some()),
        }
    }

    /// Returns the response to a message on a WebSocket.
    pub(super) fn message(&self, server: &ScriptedServer, lane: Option<&str>, text: &str) -> Plan {
        let Ok(members) = RequestMembers::read(text) else {
            return Plan::one(ApiError::invalid("the message is not a JSON object").event(lane));
        };
        if members.kind.as_deref() != Some("response.create") {
            return Plan::default();
        }
        let turn_state = members.turn_state.as_deref();
        let request = ObservedRequest { transport: Transport::WebSocket, turn_state, body: text };
        server.observe(&request, !members.generate);
        let found = self.find("POST", "/responses", Transport::WebSocket, text);
        let Some(exchange) = found else {
            return match members.generate {
                true => Plan::one(ApiError::no_exchange().event(lane)),
                // The recording was made over HTTP, where nothing is prepared.
                false => Plan { actions: prewarmed(members.model(), lane), ..Plan::default() },
            };
        };
        if let Some(body) = &exchange.response_body {
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            let actions = match exchange.has_success() {
                true => whole(&body, lane),
                false => {
                    let error = error_event(exchange.status.unwrap_or(500), &body["error"], lane);
                    [Action::Send(error.into())].into()
                }
            };
            return Plan { actions, ..Plan::default() };
        }
        let mut actions = self.events(&exchange, lane);
        if let Some(token) = exchange.sent_turn_state().filter(|_| exchange.transport == Transport::Http) {
            let event = serde_json::from_str(&ServerEvent::turn_state(&token).to_json()).unwrap_or_default();
            let first = actions.iter().position(|action| matches!(action, Action::Send(_))).map_or(0, |at| at + 1);
            actions.insert(first, Action::Send(with_lane(event, lane).to_string().into()));
        }
        if let Some(code) = exchange.closed {
            actions.push_back(Action::Close(code.filter(|code| *code != 1005).unwrap_or(1011)));
        }
        Plan { actions, ..Plan::default() }
    }

    /// Returns the events of an exchange with their pauses, on this lane.
    fn events(&self, exchange: &Exchange, lane: Option<&str>) -> VecDeque<Action> {
        let mut actions = VecDeque::new();
        for (pause, event) in exchange.timed(self.speed) {
            actions.extend((!pause.is_zero()).then_some(Action::Pause(pause)));
            actions.push_back(Action::Send(on_lane(event, lane)));
        }
        actions
    }
}

/// Returns an event on the lane of the request, whatever its own was.
fn on_lane(event: &str, lane: Option<&str>) -> Arc<str> {
    let Ok(envelope) = Envelope::scan(event) else { return event.into() };
    if envelope.stream_id().as_deref() == lane {
        return event.into();
    }
    let mut members: Value = serde_json::from_str(event).unwrap_or_default();
    if let Some(members) = members.as_object_mut() {
        members.remove("stream_id");
    }
    with_lane(members, lane).to_string().into()
}

/// Returns the status and the error of an `error` event.
fn rejection(event: &str) -> Option<(u16, Value)> {
    let mut event: Value = serde_json::from_str(event).ok()?;
    let status = event["status"].as_u64().or_else(|| event["status_code"].as_u64())?;
    let status = u16::try_from(status).ok().filter(|status| (300..1000).contains(status))?;
    (event["type"] == "error").then(|| (status, event["error"].take()))
}

fn stream(headers: Headers, events: VecDeque<Action>, closed: bool) -> Plan {
    let mut actions = events;
    actions.push_front(Action::Begin(headers));
    actions.push_back(if closed { Action::Close(1011) } else { Action::End });
    Plan { actions, ..Plan::default() }
}

/// Returns the events of a response that was recorded whole.
fn whole(response: &Value, lane: Option<&str>) -> VecDeque<Action> {
    let mut begun = response.clone();
    (begun["status"], begun["output"]) = ("in_progress".into(), json!([]));
    let mut events = vec![json!({"type": "response.created", "response": begun})];
    for (index, item) in response["output"].as_array().into_iter().flatten().enumerate() {
        for kind in ["added", "done"] {
            events.push(json!({"type": format!("response.output_item.{kind}"), "output_index": index, "item": item}));
        }
    }
    let end = match response["status"].as_str() {
        Some("failed") => "response.failed",
        Some("incomplete") => "response.incomplete",
        _ => "response.completed",
    };
    events.push(json!({"type": end, "response": response}));
    let numbered = events.into_iter().enumerate().map(|(number, mut event)| {
        event["sequence_number"] = number.into();
        Action::Send(with_lane(event, lane).to_string().into())
    });
    numbered.collect()
}

fn prewarmed(model: &str, lane: Option<&str>) -> VecDeque<Action> {
    let mut writer = ResponseWriter::new("resp_prewarm", model, 0);
    if let Some(lane) = lane {
        writer = writer.on_lane(lane);
    }
    let mut events = writer.begin();
    events.extend(writer.complete(None, None));
    events.iter().map(|event| Action::Send(event.to_json().into())).collect()
}

/// Returns the headers of a recorded response. `typed`: with its `Content-Type`.
fn headers(exchange: &Exchange, typed: bool) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in &exchange.response_headers {
        let lower = name.to_ascii_lowercase();
        if !LEFT_OUT.contains(&lower.as_str()) && (typed || lower != "content-type") {
            // A header that was changed by hand may be invalid; it is left out.
            let _ = headers.append(name, value.as_str());
        }
    }
    headers
}

//! The progress of one response: a reply that becomes events, step by step.

use core::time::Duration;
use std::collections::VecDeque;

use serde_json::{Value, json};
use turnwire::http::Headers;
use turnwire::responses::{EventClass, FunctionCall, Item, ResponseWriter, ServerEvent, TURN_STATE, Usage};
use turnwire::time::Instant;

use crate::reply::{Cut, End, Part, Reply};
use crate::seen::SeenRequest;

/// The creation time of all responses, in Unix seconds.
const CREATED_AT: i64 = 1_767_225_600;

/// One action of a server's connection.
pub(crate) enum Action {
    Pause(Duration),
    /// Accepts a WebSocket handshake.
    Accept,
    /// Responds with a whole body.
    Respond(u16, Headers, Vec<u8>),
    /// Begins an event stream.
    Begin(Headers),
    Send(String),
    /// Ends the event stream.
    End,
}

/// What the writer of a response does next.
enum Step {
    Pause(Duration),
    Created,
    Word(String),
    EndMessage,
    Item(Box<Item>),
    Raw(String),
    TurnState(String),
    End(End),
}

/// A response in progress.
pub(crate) struct Response {
    pub(crate) id: String,
    pub(crate) lane: Option<String>,
    pub(crate) cut: Option<Cut>,
    /// `None` once the response has ended.
    writer: Option<ResponseWriter>,
    steps: VecDeque<Step>,
    /// Actions that go before the next step.
    actions: VecDeque<Action>,
    over_http: bool,
    /// The end of the pause that it is in.
    pub(crate) resume_at: Option<Instant>,
}

/// The numbers of a server's responses and calls.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    responses: usize,
    calls: usize,
}

impl Numbers {
    /// Returns the id of the next response.
    pub(crate) fn next_response(&mut self) -> String {
        self.responses += 1;
        format!("resp_{}", self.responses)
    }
}

impl Response {
    /// A response that is these actions only.
    pub(crate) fn of(actions: impl Into<VecDeque<Action>>, cut: Option<Cut>) -> Self {
        let (actions, steps) = (actions.into(), VecDeque::new());
        Self { id: String::new(), lane: None, cut, writer: None, steps, actions, over_http: false, resume_at: None }
    }

    /// Begins the response to a request.
    pub(crate) fn begin(reply: Reply, request: &SeenRequest, numbers: &mut Numbers, over_http: bool) -> Self {
        let members = request.json();
        match reply.end {
            End::Reject { status, body } => {
                return Self::reject(reply.parts, status, body, reply.headers, request, reply.cut);
            }
            End::Silence if reply.parts.is_empty() => return Self::of([], reply.cut),
            _ => {}
        }
        let id = numbers.next_response();
        let model = members["model"].as_str().unwrap_or("unknown");
        let mut writer = ResponseWriter::new(&id, model, CREATED_AT).for_request(&request.body);
        if let Some(lane) = &request.lane {
            writer = writer.on_lane(lane);
        }
        let mut headers = reply.headers.clone();
        let streams = !over_http || members["stream"] == true;
        let mut response = Self {
            lane: request.lane.clone(),
            cut: reply.cut,
            steps: steps(reply, &mut headers, over_http, numbers),
            writer: Some(writer),
            actions: VecDeque::new(),
            over_http,
            resume_at: None,
            id,
        };
        if over_http && streams {
            response.actions.push_back(Action::Begin(headers));
        } else if over_http {
            response.collect(headers);
        }
        response
    }

    /// Rejects a WebSocket handshake.
    pub(crate) fn refuse(reply: Reply) -> Self {
        let End::Reject { status, body } = reply.end else { return Self::of([Action::Accept], None) };
        Self::of([Action::Respond(status, reply.headers, body.into_bytes())], reply.cut)
    }

    fn reject(
        parts: Vec<Part>,
        status: u16,
        body: String,
        mut headers: Headers,
        request: &SeenRequest,
        cut: Option<Cut>,
    ) -> Self {
        let pauses = parts.into_iter().filter_map(|part| match part {
            Part::Pause(pause) => Some(Action::Pause(pause)),
            _ => None,
        });
        let mut actions: VecDeque<Action> = pauses.collect();
        if request.is_message() {
            let mut body: Value = serde_json::from_str(&body).unwrap_or_default();
            let error = match body["error"].take() {
                Value::Null => json!({"message": "rejected"}),
                error => error,
            };
            let mut event = json!({"type": "error", "status": status, "error": error});
            if let Some(lane) = &request.lane {
                event["stream_id"] = lane.as_str().into();
            }
            if !headers.is_empty() {
                event["headers"] = headers.ascii_pairs().into_iter().collect();
            }
            actions.push_back(Action::Send(event.to_string()));
        } else {
            // The name and the value are valid.
            let _ = headers.set_if_absent("Content-Type", "application/json");
            actions.push_back(Action::Respond(status, headers, body.into_bytes()));
        }
        Self::of(actions, cut)
    }

    /// Replaces the steps by a response with a whole body.
    fn collect(&mut self, mut headers: Headers) {
        let (mut pause, mut last) = (Duration::ZERO, None);
        while let Some(action) = self.next() {
            match action {
                Action::Pause(more) => pause += more,
                Action::Send(event) => last = Some(event),
                Action::Accept | Action::Respond(..) | Action::Begin(_) | Action::End => {}
            }
        }
        if self.writer.is_some() && self.cut.is_none() {
            // It has no end.
            return;
        }
        let Some(last) = last else { return };
        let mut last: Value = serde_json::from_str(&last).unwrap_or_default();
        // The name and the value are valid.
        let _ = headers.set_if_absent("Content-Type", "application/json");
        let body = last["response"].take().to_string().into_bytes();
        self.actions = [Action::Pause(pause), Action::Respond(200, headers, body)].into();
    }

    /// Returns the next action. `None` means that the response is over.
    pub(crate) fn next(&mut self) -> Option<Action> {
        loop {
            if let Some(action) = self.actions.pop_front() {
                return Some(action);
            }
            let step = self.steps.pop_front()?;
            self.perform(step);
        }
    }

    /// Returns an action, so that it is the next one again.
    pub(crate) fn put_back(&mut self, action: Action) {
        self.actions.push_front(action);
    }

    /// Returns whether the response is being generated.
    pub(crate) const fn is_generating(&self) -> bool {
        self.writer.is_some()
    }

    fn perform(&mut self, step: Step) {
        let Some(mut writer) = self.writer.take() else { return };
        let item = format!("msg_{}", self.id.trim_start_matches("resp_"));
        let events = match step {
            Step::Pause(pause) => {
                self.actions.push_back(Action::Pause(pause));
                Vec::new()
            }
            Step::Created => writer.begin(),
            Step::Word(word) => writer.text(&item, &word),
            Step::EndMessage => writer.end_message(),
            Step::Item(item) => writer.item(&item),
            Step::Raw(event) => {
                self.actions.push_back(Action::Send(self.on_lane(event)));
                Vec::new()
            }
            Step::TurnState(token) => {
                self.actions.push_back(Action::Send(self.on_lane(ServerEvent::turn_state(&token).to_json())));
                Vec::new()
            }
            Step::End(end) => return self.end(writer, end),
        };
        self.writer = Some(writer);
        self.send(events);
    }

    fn end(&mut self, writer: ResponseWriter, end: End) {
        let events = match end {
            End::Complete(usage) => writer.complete(Some(&usage.unwrap_or_else(|| Usage::new(0, 0))), None),
            End::Incomplete(reason) => writer.incomplete(&reason, None),
            End::Fail(error) => writer.fail(&error),
            End::Reject { .. } | End::Silence => Vec::new(),
        };
        self.send(events);
        self.end_stream();
    }

    fn end_stream(&mut self) {
        self.actions.extend(self.over_http.then_some(Action::End));
    }

    fn send(&mut self, events: Vec<ServerEvent<'static>>) {
        self.actions.extend(events.into_iter().map(|event| Action::Send(event.to_json())));
    }

    fn on_lane(&self, event: String) -> String {
        let Some(lane) = &self.lane else { return event };
        let mut members: Value = serde_json::from_str(&event).unwrap_or_default();
        match members.get("stream_id") {
            None => {
                members["stream_id"] = lane.as_str().into();
                members.to_string()
            }
            Some(_) => event,
        }
    }

    /// Ends the response because it is interrupted.
    pub(crate) fn interrupt(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        self.resume_at = None;
        self.steps.clear();
        self.actions.clear();
        self.send(writer.interrupted(None));
        self.end_stream();
    }

    /// Ends the response because it is steered. The next reply becomes its successor.
    pub(crate) fn steer(&mut self, steer_id: &str, next: Reply, numbers: &mut Numbers) {
        let Some(mut writer) = self.writer.take() else { return };
        let successor = numbers.next_response();
        self.resume_at = None;
        self.steps.clear();
        self.actions.clear();
        let accepted = writer.steer_accepted(steer_id);
        let (events, writer) = writer.steered(&successor, CREATED_AT, None);
        self.send(vec![accepted]);
        self.send(events);
        self.id = successor;
        self.writer = Some(writer);
        self.cut = next.cut;
        self.steps = steps(next, &mut Headers::new(), self.over_http, numbers);
    }

    /// Takes what was injected.
    pub(crate) fn inject(&mut self) {
        if let Some(writer) = &mut self.writer {
            let event = writer.inject_created().to_json();
            self.actions.push_front(Action::Send(event));
        }
    }
}

/// Returns the steps of a reply. Over HTTP, the turn token becomes a header.
fn steps(reply: Reply, headers: &mut Headers, over_http: bool, numbers: &mut Numbers) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    if !reply.parts.iter().any(|part| part.class() == Some(EventClass::Created)) {
        // Pauses before the response delay its beginning.
        let pauses = reply.parts.iter().map_while(|part| match part {
            Part::Pause(pause) => Some(Step::Pause(*pause)),
            _ => None,
        });
        steps.extend(pauses);
        steps.push_back(Step::Created);
    }
    let ended = reply.parts.iter().any(Part::is_terminal);
    let begun = steps.len().saturating_sub(1);
    let mut token = reply.turn_state;
    if let Some(token) = token.take_if(|_| over_http) {
        // A token that no header can have is not sent.
        let _ = headers.set(TURN_STATE, token.as_str());
    }
    if begun > 0 || !steps.is_empty() {
        steps.extend(token.take().map(Step::TurnState));
    }
    for part in reply.parts.into_iter().skip(begun) {
        match part {
            Part::Pause(pause) => steps.push_back(Step::Pause(pause)),
            Part::Text(text) => {
                for word in text.split_inclusive(' ') {
                    steps.extend(reply.typing.map(Step::Pause));
                    steps.push_back(Step::Word(word.to_owned()));
                }
                steps.push_back(Step::EndMessage);
            }
            Part::Call { name, arguments } => {
                numbers.calls += 1;
                let id = format!("fc_{}", numbers.calls);
                let call = FunctionCall::new(&format!("call_{}", numbers.calls), &name, &arguments);
                steps.push_back(Step::Item(Box::new(Item::FunctionCall(call.with_id(&id)))));
            }
            Part::Item(item) => steps.push_back(Step::Item(item)),
            Part::Event(event) => {
                steps.push_back(Step::Raw(event));
                steps.extend(token.take().map(Step::TurnState));
            }
        }
    }
    match reply.end {
        End::Silence => {}
        _ if ended => steps.push_back(Step::End(End::Silence)),
        end => steps.push_back(Step::End(end)),
    }
    steps
}

//! Responds to requests as a script defines. Uses no socket and no clock.

use core::{fmt, mem};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use turnwire::connection::{CommandError, ServerConnection, Transport};
use turnwire::http::{Headers, Request};
use turnwire::responses::{ServerEvent, TURN_STATE};
use turnwire::time::Instant;
use turnwire_driver::{Io, ServerDriver, Wake};

use super::action::{Action, Plan, Responses};
use super::faults::{Faults, InputBudget, ServeIo};
use super::request::{ObservedRequest, OwnedRequest, RecordedRequest, RequestMembers};
use super::script::{Reply, Script, Step};

/// The number of responses that can be retrieved.
const MAX_RETRIEVABLE: usize = 32;

/// A script with its progress and the recorded requests. All connections of a server share one.
pub struct ScriptedServer {
    script: Script,
    state: Mutex<State>,
    observer: Option<Observer>,
}

/// Called with each request.
type Observer = Box<dyn Fn(&ObservedRequest<'_>) + Send + Sync>;

#[derive(Debug, Default)]
struct State {
    /// Which replies were used, and the number of requests that got one.
    used: Vec<bool>,
    replies: usize,
    requests: Vec<RecordedRequest>,
    /// The ids and final objects of the last responses.
    responses: VecDeque<(String, String)>,
}

impl fmt::Debug for ScriptedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { script, state, .. } = self;
        f.debug_struct("ScriptedServer").field("script", script).field("state", state).finish_non_exhaustive()
    }
}

impl ScriptedServer {
    /// Creates a server that follows `script` and records the requests.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let state = State { used: vec![false; script.reply.len()], ..State::default() };
        Self { script, state: Mutex::new(state), observer: None }
    }

    /// Creates a server that passes requests to `observer`, including prewarm requests, instead of recording them, so that a server
    /// that runs for a long time uses no more memory.
    #[must_use]
    pub fn with_observer(script: Script, observer: impl Fn(&ObservedRequest<'_>) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Box::new(observer)), ..Self::new(script) }
    }

    /// Returns the requests so far, without prewarm requests.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state().requests.clone()
    }

    /// Responds to a request, at once and in full: without the pauses of the script.
    ///
    /// # Errors
    ///
    /// Returns [`CommandError`] when the connection has ended. Nothing is sent; the events of the connection give the reason.
    pub fn respond(
        &self,
        now: Instant,
        connection: &mut ServerConnection,
        request: OwnedRequest,
    ) -> Result<(), CommandError> {
        self.plan(request).perform(now, connection)
    }

    /// Decides what to do in response to a request.
    pub(super) fn plan(&self, request: OwnedRequest) -> Plan {
        match request {
            OwnedRequest::Upgrade(target) => self.upgrade(&target),
            OwnedRequest::Request(head, body) => self.request(&head, &body),
            OwnedRequest::Text(lane, text) => self.message(lane.as_deref(), &text),
            OwnedRequest::Malformed(reason) => Plan {
                actions: [Action::Send(error_event(400, &bad_request(&reason), None).into()), Action::Close(1007)]
                    .into(),
                cut: None,
            },
            OwnedRequest::Ignored => Plan::default(),
        }
    }

    fn upgrade(&self, target: &str) -> Plan {
        if !matches!(Route::of("POST", target), Route::Create) {
            return refuse(404, "not found");
        }
        let Some(handshake) = &self.script.handshake else {
            return if self.script.refuse_websocket { refuse(426, "use http") } else { accept() };
        };
        let mut plan = match handshake.status {
            Some(status) => {
                let body = handshake.body.clone().unwrap_or_default();
                Plan::one(Action::Respond(status, headers(&handshake.headers), body.into_bytes()))
            }
            None if self.script.refuse_websocket => refuse(426, "use http"),
            None => Plan::one(Action::Accept(headers(&handshake.headers))),
        };
        if let Some(delay) = handshake.delay() {
            plan.actions.push_front(Action::Pause(delay));
        }
        plan.cut = handshake.cut();
        plan
    }

    fn request(&self, head: &Request, body: &str) -> Plan {
        let (method, target) = (head.method(), head.target());
        if let Some(operation) = self.script.operation.iter().find(|operation| operation.matches(method, target)) {
            let (status, headers) = (operation.status.unwrap_or(200), headers(&operation.headers));
            return Plan::one(Action::Respond(
                status,
                headers,
                operation.body.clone().unwrap_or_default().into_bytes(),
            ));
        }
        match Route::of(method, target) {
            Route::Create => self.create(head, body),
            Route::Models => {
                let models = self.script.models.iter().map(|id| json!({"id": id, "object": "model", "slug": id}));
                let models: Vec<Value> = models.collect();
                respond_json(200, &json!({"object": "list", "data": models, "models": models}))
            }
            Route::Compact => match RequestMembers::read(body) {
                Ok(_) => respond_json(200, &self.compaction()),
                Err(reason) => respond_json(400, &json!({"error": bad_request(&reason)})),
            },
            Route::Retrieve(id) => {
                let state = self.state();
                match state.responses.iter().find(|(known, _)| known == id) {
                    Some((_, response)) => respond_text(200, response),
                    None => refuse(404, "no such response"),
                }
            }
            Route::Other => refuse(404, "not found"),
        }
    }

    /// The result of a compaction. It uses no reply.
    fn compaction(&self) -> Value {
        let number = {
            let mut state = self.state();
            state.replies += 1;
            state.replies
        };
        json!({
            "id": format!("resp_{number}"), "object": "response.compaction", "created_at": 0,
            "output": [{"id": format!("cmp_{number}"), "type": "compaction", "encrypted_content": "c2NyaXB0ZWQ="}],
            "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
        })
    }

    fn create(&self, head: &Request, body: &str) -> Plan {
        let members = match RequestMembers::read(body) {
            Ok(members) => members,
            // A compressed body is not read. It counts as a request for a stream.
            Err(_) if head.headers.get_str("content-encoding").is_some() => {
                RequestMembers { stream: true, ..RequestMembers::default() }
            }
            Err(reason) => return respond_json(400, &json!({"error": bad_request(&reason)})),
        };
        let turn_state = head.headers.get_str(TURN_STATE);
        let (reply, number) = self.record(ObservedRequest { transport: Transport::Http, turn_state, body });
        let mut headers = headers(&reply.headers);
        let mut plan = Plan { actions: VecDeque::new(), cut: reply.cut_at_byte() };
        plan.actions.extend(reply.delay().map(Action::Pause));
        if let Some(status) = reply.status {
            let body = reply.body.as_deref().unwrap_or("{}").as_bytes().to_vec();
            plan.actions.push_back(Action::Respond(status, headers, body));
            return plan;
        }
        if let Some(token) = &reply.turn_state {
            set(&mut headers, TURN_STATE, token);
        }
        let steps = reply.steps(number, members.model(), None);
        let response = final_response(&steps);
        self.keep(&response);
        if !members.stream && !reply.cut {
            set(&mut headers, "Content-Type", "application/json");
            plan.actions.push_back(Action::Respond(200, headers, response.to_string().into_bytes()));
            return plan;
        }
        plan.actions.push_back(Action::Begin(headers));
        plan.actions.extend(steps.into_iter().map(Action::from));
        plan.actions.push_back(if reply.cut { Action::Close(1011) } else { Action::End });
        plan
    }

    fn message(&self, lane: Option<&str>, text: &str) -> Plan {
        let members = match RequestMembers::read(text) {
            Ok(members) => members,
            Err(reason) => return Plan::one(Action::Send(error_event(400, &bad_request(&reason), lane).into())),
        };
        match members.kind.as_deref() {
            Some("response.create") => {}
            // Steering, and what clients say of responses that they have processed.
            Some(kind) if kind.starts_with("response.") => return Plan::default(),
            kind => {
                let error = bad_request(&format!("the message type `{}` is unknown", kind.unwrap_or_default()));
                return Plan::one(Action::Send(error_event(400, &error, lane).into()));
            }
        }
        let request =
            ObservedRequest { transport: Transport::WebSocket, turn_state: members.turn_state.as_deref(), body: text };
        let mut plan = Plan::default();
        if !members.generate {
            // A prewarm request generates nothing and uses no reply.
            if let Some(observer) = &self.observer {
                observer(&request);
            }
            plan.actions.extend(Reply::default().steps(0, members.model(), lane).into_iter().map(Action::from));
            return plan;
        }
        let (reply, number) = self.record(request);
        plan.cut = reply.cut_at_byte();
        plan.actions.extend(reply.delay().map(Action::Pause));
        if let Some(status) = reply.status {
            let body = reply.body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok());
            let error = body.map_or_else(|| json!({"message": "refused"}), |mut body| body["error"].take());
            plan.actions.push_back(Action::Send(error_event(status, &error, lane).into()));
            return plan;
        }
        let mut steps = reply.steps(number, members.model(), lane);
        self.keep(&final_response(&steps));
        if let Some(token) = &reply.turn_state {
            let event = ServerEvent::turn_state(token);
            let event = lane.map_or_else(|| event.to_json(), |lane| event.clone().on_lane(lane).to_json());
            steps.insert(1.min(steps.len()), Step::Send(event.into()));
        }
        plan.actions.extend(steps.into_iter().map(Action::from));
        if reply.cut {
            plan.actions.push_back(Action::Close(1011));
        }
        plan
    }

    /// Records a request, and returns its reply and its number.
    fn record(&self, request: ObservedRequest<'_>) -> (Reply, usize) {
        let body = request.body;
        let recorded = match &self.observer {
            Some(observer) => {
                observer(&request);
                None
            }
            None => Some(request.record()),
        };
        let mut state = self.state();
        state.requests.extend(recorded);
        state.replies += 1;
        let matches = |reply: &Reply| reply.when.as_ref().is_none_or(|text| body.contains(text.as_str()));
        let replies = self.script.reply.iter().enumerate();
        let matching: Vec<usize> = replies.filter(|(_, reply)| matches(reply)).map(|(at, _)| at).collect();
        if matching.iter().all(|at| state.used[*at]) {
            matching.iter().for_each(|at| state.used[*at] = false);
        }
        let pick = matching.into_iter().find(|at| !mem::replace(&mut state.used[*at], true));
        let reply = pick.and_then(|at| self.script.reply.get(at)).cloned().unwrap_or_else(Reply::unscripted);
        (reply, state.replies)
    }

    /// Keeps a response, to be retrieved.
    fn keep(&self, response: &Value) {
        let Some(id) = response["id"].as_str() else { return };
        let mut state = self.state();
        if state.responses.len() >= MAX_RETRIEVABLE {
            state.responses.pop_front();
        }
        state.responses.push_back((id.to_owned(), response.to_string()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock is safe to use: every update is a single assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves one connection until it is closed.
pub async fn serve<I: Io>(server: &mut ServerDriver<I>, scripted: &ScriptedServer) {
    serve_with(server, scripted, &Faults::default(), &InputBudget::new(usize::MAX, usize::MAX), 1).await;
}

/// Serves one connection until it is closed or cut. `inflates_to`: how many bytes one byte on an open WebSocket may become.
pub(super) async fn serve_with<I: Io>(
    server: &mut ServerDriver<I>,
    scripted: &ScriptedServer,
    faults: &Faults,
    budget: &InputBudget,
    inflates_to: usize,
) {
    let mut responses = Responses::default();
    loop {
        let now = server.now();
        let next = responses.run(now, server.connection(), faults);
        if next.cut {
            return;
        }
        match server.wait(next.unsent, next.until).await {
            Wake::Event => {}
            Wake::Closed => return,
            // The next action can be performed.
            _ => continue,
        }
        let Some(incoming) = server.next().await else { return };
        let request = OwnedRequest::from_incoming(&incoming);
        ServeIo::request_is_complete(faults, budget);
        match request {
            OwnedRequest::Upgrade(_) => faults.inflates_to(inflates_to),
            OwnedRequest::Text(lane, _) if responses.is_full() => {
                let error = json!({"code": "rate_limit_exceeded", "message": "too many responses are incomplete"});
                // Fails only when the connection has ended.
                let _ = server.connection().send(now, &error_event(429, &error, lane.as_deref()));
                continue;
            }
            OwnedRequest::Request(..) | OwnedRequest::Text(..) | OwnedRequest::Malformed(_) | OwnedRequest::Ignored => {
            }
        }
        responses.push(scripted.plan(request));
    }
}

/// What a request asks for, by its method and path.
enum Route<'a> {
    Create,
    Compact,
    Retrieve(&'a str),
    Models,
    Other,
}

impl<'a> Route<'a> {
    fn of(method: &str, target: &'a str) -> Self {
        let path = target.split('?').next().unwrap_or_default();
        match path.rsplit_once('/') {
            Some((_, "responses")) if method == "POST" => Self::Create,
            Some((_, "models")) if method == "GET" => Self::Models,
            Some((parent, last)) if parent.ends_with("/responses") => match (method, last) {
                ("POST", "compact") => Self::Compact,
                ("GET", id) => Self::Retrieve(id),
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

fn accept() -> Plan {
    Plan::one(Action::Accept(Headers::new()))
}

/// Returns the final response of a list of steps; `null` if there is none.
fn final_response(steps: &[Step]) -> Value {
    let read = |step: &Step| match step {
        Step::Send(event) => serde_json::from_str::<Value>(event).ok().map(|mut event| event["response"].take()),
        Step::Pause(_) => None,
    };
    steps.iter().rev().filter_map(read).find(Value::is_object).unwrap_or_default()
}

/// The headers of a script, which were checked when it was parsed.
fn headers(pairs: &[(String, String)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        let _ = headers.append(name, value.as_str());
    }
    headers
}

/// Sets a header. A value that no header can have is left out.
fn set(headers: &mut Headers, name: &str, value: &str) {
    let _ = headers.set(name, value);
}

fn bad_request(reason: &str) -> Value {
    json!({"type": "invalid_request_error", "code": "invalid_request", "param": null, "message": reason})
}

/// An error event, on the lane of the request if it names one.
fn error_event(status: u16, error: &Value, lane: Option<&str>) -> String {
    let mut event = json!({"type": "error", "status": status, "error": error});
    if let Some(lane) = lane {
        event["stream_id"] = lane.into();
    }
    event.to_string()
}

fn respond_json(status: u16, body: &Value) -> Plan {
    respond_text(status, &body.to_string())
}

fn respond_text(status: u16, body: &str) -> Plan {
    let mut headers = Headers::new();
    set(&mut headers, "Content-Type", "application/json");
    Plan::one(Action::Respond(status, headers, body.as_bytes().to_vec()))
}

fn refuse(status: u16, message: &str) -> Plan {
    respond_json(status, &json!({"error": {"message": message}}))
}

impl From<Step> for Action {
    fn from(step: Step) -> Self {
        match step {
            Step::Send(event) => Self::Send(event),
            Step::Pause(pause) => Self::Pause(pause),
        }
    }
}

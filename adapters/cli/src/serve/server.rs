//! Responds to requests as a script defines. Uses no socket.

use core::sync::atomic::AtomicUsize;
use core::{fmt, mem};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Value, json};
use turnwire::connection::{CommandError, ServerConnection, Transport};
use turnwire::http::Headers;
use turnwire::responses::Envelope;
use turnwire::time::Instant;
use turnwire_testkit::{Fault, Recording};

use super::action::{Action, Cut, Plan};
use super::cors::{self, Cors, Origin};
use super::errors::ApiError;
use super::replay::Replay;
use super::request::{ObservedRequest, OwnedRequest, RecordedRequest, callable_tool};
use super::script::{Call, Reply, Script};
use super::status::Exchanges;
use super::store::{Lanes, Store};

/// A script with its progress and the recorded requests. All connections of a server share one.
pub struct ScriptedServer {
    pub(super) script: Script,
    state: Mutex<State>,
    pub(super) observer: Option<Observer>,
    replay: Option<Replay>,
    cors: Cors,
    chaos: Option<Mutex<turnwire_testkit::Faults>>,
    exchanges: Exchanges,
    /// The memory of the longest response that was made, in bytes.
    pub(super) longest: AtomicUsize,
}

/// Called with each request.
type Observer = Box<dyn Fn(&ObservedRequest<'_>) + Send + Sync>;

#[derive(Debug, Default)]
pub(super) struct State {
    /// Which replies were used, and the number of requests that got one.
    used: Vec<bool>,
    pub(super) replies: usize,
    /// The number of prewarm requests.
    pub(super) prewarmed: usize,
    requests: Vec<RecordedRequest>,
    pub(super) store: Store,
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
        Self {
            script,
            state: Mutex::new(state),
            observer: None,
            replay: None,
            cors: Cors::default(),
            chaos: None,
            exchanges: Exchanges::default(),
            longest: AtomicUsize::new(0),
        }
    }

    /// Creates a server that passes requests to `observer`, including prewarm requests, instead of recording them, so that a server
    /// that runs for a long time uses no more memory.
    #[must_use]
    pub fn with_observer(script: Script, observer: impl Fn(&ObservedRequest<'_>) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Box::new(observer)), ..Self::new(script) }
    }

    /// Lets faults happen to this share of the responses. The seed determines which.
    #[must_use]
    pub fn with_chaos(self, rate: f64, seed: u64) -> Self {
        Self { chaos: Some(Mutex::new(turnwire_testkit::Faults::new(seed, rate))), ..self }
    }

    /// Lets pages of these origins use the server; `*` means every page.
    #[must_use]
    pub fn with_cors(self, origins: &[String]) -> Self {
        Self { cors: Cors::new(origins), ..self }
    }

    /// Creates a server that replays a recording instead of a script, and records the requests. `speed`: 1 is the original speed, 10 is
    /// ten times as fast, 0 is without pauses.
    #[must_use]
    pub fn replaying(recording: Recording, speed: f64) -> Self {
        Self { replay: Some(Replay::new(recording, speed)), ..Self::new(Script::default()) }
    }

    /// Returns the requests so far, without prewarm requests.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state().requests.clone()
    }

    /// Responds to a request, at once and in full: without the pauses of the script. Of a WebSocket connection it knows nothing else:
    /// a request may continue any response.
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
        self.plan(request, None).perform(now, connection)
    }

    /// Decides what to do in response to a request. `lanes`: what its connection remembers.
    pub(super) fn plan(&self, request: OwnedRequest, lanes: Option<&mut Lanes>) -> Plan {
        let origin = match &request {
            OwnedRequest::Upgrade(head) => match self.cors.origin_of(head) {
                Origin::Forbidden => return cors::refuse(),
                origin => origin,
            },
            OwnedRequest::Request(head, _) => {
                let origin = self.cors.origin_of(head);
                if head.method() == "OPTIONS" {
                    return Cors::preflight(head, &origin);
                }
                let is_scripted = self.script.operation.iter().any(|it| it.matches(head.method(), head.target()));
                if !is_scripted
                    && origin != Origin::Forbidden
                    && let Some(page) = self.exchanges.respond(head)
                {
                    return page;
                }
                origin
            }
            OwnedRequest::Text(..) | OwnedRequest::Malformed(_) | OwnedRequest::Ignored => Origin::Own,
        };
        let exchange = match &request {
            OwnedRequest::Request(head, body) if head.method() == "POST" && is_responses(head.target()) => {
                Some(self.exchanges.begin(Transport::Http, None, body))
            }
            OwnedRequest::Text(lane, text) if creates(text) => {
                Some(self.exchanges.begin(Transport::WebSocket, lane.as_deref(), text))
            }
            _ => None,
        };
        let mut plan = match exchange {
            Some(_) => self.answer_or_fail(request, lanes),
            None => self.answer(request, lanes),
        };
        plan.exchange = exchange;
        if let Origin::Allowed(origin) = origin {
            Cors::allow(&mut plan, &origin);
        }
        plan
    }

    /// Decides what to do in response to a request for a response, which a fault may concern.
    fn answer_or_fail(&self, request: OwnedRequest, mut lanes: Option<&mut Lanes>) -> Plan {
        let chaos = self.chaos.as_ref();
        let fault = chaos.and_then(|chaos| chaos.lock().unwrap_or_else(PoisonError::into_inner).draw());
        let Some(fault) = fault else { return self.answer(request, lanes) };
        // A response that fails uses no reply, so that the next attempt gets it.
        let used = self.state().used.clone();
        let progress = self.replay.as_ref().map(Replay::progress);
        let known = lanes.as_deref().cloned();
        let lane = match &request {
            OwnedRequest::Text(lane, _) => Some(lane.clone()),
            _ => None,
        };
        let mut plan = self.answer(request, lanes.as_deref_mut());
        if let Fault::Pause(pause) = fault {
            plan.actions.push_front(Action::Pause(pause));
            return plan;
        }
        self.state().used = used;
        if let (Some(replay), Some(progress)) = (&self.replay, progress) {
            replay.restore(progress);
        }
        if let (Some(lanes), Some(known)) = (lanes, known) {
            *lanes = known;
        }
        match (fault, lane) {
            (Fault::HangUp(at), _) => plan.cut_before_end(Cut { at, reset: false }),
            (Fault::Reset(at), _) => plan.cut_before_end(Cut { at, reset: true }),
            (Fault::Status(status), Some(lane)) => return Plan::one(ApiError::chaos(status).event(lane.as_deref())),
            (Fault::Status(status), None) => return ApiError::chaos(status).respond(),
            _ => {}
        }
        plan
    }

    fn answer(&self, request: OwnedRequest, lanes: Option<&mut Lanes>) -> Plan {
        match (request, &self.replay) {
            (OwnedRequest::Upgrade(head), Some(replay))
                if is_responses(head.target()) && !self.script.refuse_websocket =>
            {
                replay.upgrade().unwrap_or_else(accept)
            }
            (OwnedRequest::Request(head, body), Some(replay)) => replay.request(self, &head, &body),
            (OwnedRequest::Text(lane, text), Some(replay)) => replay.message(self, lane.as_deref(), &text),
            (request, _) => self.scripted(request, lanes),
        }
    }

    /// Decides what the script says in response to a request.
    fn scripted(&self, request: OwnedRequest, lanes: Option<&mut Lanes>) -> Plan {
        match request {
            OwnedRequest::Upgrade(head) => self.upgrade(head.target()),
            OwnedRequest::Request(head, body) => self.request(&head, &body),
            OwnedRequest::Text(lane, text) => self.message(lane.as_deref(), &text, lanes),
            OwnedRequest::Malformed(reason) => Plan {
                actions: [ApiError::invalid(&reason).event(None), Action::Close(1007)].into(),
                ..Plan::default()
            },
            OwnedRequest::Ignored => Plan::default(),
        }
    }

    fn upgrade(&self, target: &str) -> Plan {
        if !is_responses(target) {
            return ApiError::not_found().respond();
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
        plan.head_byte = handshake.head_byte();
        plan
    }

    /// Records a request, or shows it to the observer. `prewarm`: it generates nothing, and is not recorded.
    pub(super) fn observe(&self, request: &ObservedRequest<'_>, prewarm: bool) {
        match &self.observer {
            Some(observer) => observer(request),
            None if prewarm => {}
            None => {
                let recorded = request.record();
                self.state().requests.push(recorded);
            }
        }
    }

    /// Picks the reply to a request, with its number and the tool that it may call.
    pub(super) fn pick(&self, body: &str) -> (Reply, usize, Option<Call>) {
        let calls_tools = self.script.reply.iter().any(|reply| reply.call_tool);
        let tool = if calls_tools { callable_tool(body) } else { None };
        let mut state = self.state();
        state.replies += 1;
        let matches = |reply: &Reply| {
            reply.when.as_ref().is_none_or(|text| body.contains(text.as_str())) && (!reply.call_tool || tool.is_some())
        };
        let replies = self.script.reply.iter().enumerate();
        let matching: Vec<usize> = replies.filter(|(_, reply)| matches(reply)).map(|(at, _)| at).collect();
        let always = |at: usize| self.script.reply[at].always;
        if matching.iter().all(|at| state.used[*at] && !always(*at)) {
            matching.iter().for_each(|at| state.used[*at] = false);
        }
        let pick = matching.into_iter().find(|at| !mem::replace(&mut state.used[*at], true) || always(*at));
        let reply = pick.and_then(|at| self.script.reply.get(at)).cloned().unwrap_or_else(Reply::unscripted);
        (reply, state.replies, tool)
    }

    /// Returns the time of a response, in Unix seconds.
    pub(super) fn created_at(&self) -> i64 {
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        self.script.created_at.unwrap_or_else(|| i64::try_from(now()).unwrap_or(i64::MAX))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock is safe to use: every update is a single assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether a target is that of `POST …/responses`.
fn is_responses(target: &str) -> bool {
    target.split('?').next().unwrap_or_default().ends_with("/responses")
}

/// Returns whether a message asks for a response.
fn creates(text: &str) -> bool {
    Envelope::scan(text).is_ok_and(|envelope| envelope.kind() == "response.create")
}

fn accept() -> Plan {
    Plan::one(Action::Accept(Headers::new()))
}

/// Returns the headers of a script, which were checked when it was parsed.
pub(super) fn headers(pairs: &[(String, String)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in pairs {
        let _ = headers.append(name, value.as_str());
    }
    headers
}

/// Sets a header. A value that no header can have is left out.
pub(super) fn set(headers: &mut Headers, name: &str, value: &str) {
    let _ = headers.set(name, value);
}

/// Returns an event on the lane of the request, if it names one.
pub(super) fn with_lane(mut event: Value, lane: Option<&str>) -> Value {
    if let Some(lane) = lane {
        event["stream_id"] = lane.into();
    }
    event
}

pub(super) fn respond_json(status: u16, body: &Value) -> Plan {
    respond_text(status, &body.to_string())
}

pub(super) fn respond_text(status: u16, body: &str) -> Plan {
    let mut headers = Headers::new();
    set(&mut headers, "Content-Type", "application/json");
    Plan::one(Action::Respond(status, headers, body.as_bytes().to_vec()))
}

fn refuse(status: u16, message: &str) -> Plan {
    respond_json(
        status,
        &json!({"error": {"type": "invalid_request_error", "code": null, "param": null, "message": message}}),
    )
}

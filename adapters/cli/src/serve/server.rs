//! Responds to requests as a script defines. Uses no socket and no clock.

use core::{fmt, mem};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use turnwire::connection::{CommandError, ServerConnection, Transport, server};
use turnwire::http::{Headers, Request};
use turnwire::responses::{ServerEvent, TURN_STATE};
use turnwire::time::Instant;
use turnwire_driver::{Io, ServerDriver};

use super::script::{Reply, Script, UsageReply};

/// A script with its progress and the recorded requests. All connections of a server share one.
pub struct ScriptedServer {
    script: Script,
    state: Mutex<State>,
    observer: Option<Observer>,
}

/// Called with each request.
type Observer = Box<dyn Fn(&RecordedRequest) + Send + Sync>;

#[derive(Debug, Default)]
struct State {
    /// Which replies were used, and the number of requests that got one.
    used: Vec<bool>,
    replies: usize,
    requests: Vec<RecordedRequest>,
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

impl RecordedRequest {
    fn new(transport: Transport, turn_state: Option<String>, body: &str) -> Self {
        Self { transport, turn_state, body: serde_json::from_str(body).unwrap_or_default() }
    }

    fn model(&self) -> String {
        self.body["model"].as_str().unwrap_or("unknown").to_owned()
    }

    /// Returns the request as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let transport = match self.transport {
            Transport::WebSocket => "websocket",
            Transport::Http => "sse",
        };
        let Self { turn_state, body, .. } = self;
        serde_json::json!({"type": "request", "transport": transport, "turn_state": turn_state, "body": body})
            .to_string()
    }
}

/// An owned [`server::Event`]. The borrowed one keeps the connection borrowed, so that nothing can be sent in response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OwnedRequest {
    /// A WebSocket handshake, with its target.
    Upgrade(String),
    /// An HTTP request, with its body.
    Request(Box<Request>, String),
    /// A WebSocket message, with its lane (`stream_id`).
    Text(Option<String>, String),
    /// An event that needs no response.
    Ignored,
}

impl OwnedRequest {
    /// Copies the borrowed event.
    #[must_use]
    pub fn from_incoming(incoming: &server::Event<'_>) -> Self {
        match incoming {
            server::Event::Upgrade { head } => Self::Upgrade(head.target().to_owned()),
            server::Event::Request { head, body } => {
                Self::Request(Box::new((*head).clone()), String::from_utf8_lossy(body).into_owned())
            }
            server::Event::Text { lane, text } => Self::Text(lane.clone(), (*text).to_owned()),
            server::Event::Malformed { text, .. } => Self::Text(None, (*text).to_owned()),
            _ => Self::Ignored,
        }
    }
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
    pub fn with_observer(script: Script, observer: impl Fn(&RecordedRequest) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Box::new(observer)), ..Self::new(script) }
    }

    /// Returns the requests so far, without prewarm requests.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state().requests.clone()
    }

    /// Responds to a request.
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
        match request {
            OwnedRequest::Upgrade(target) if !is_responses(&target) => refuse(now, connection, 404, "not found"),
            OwnedRequest::Upgrade(_) if self.script.refuse_websocket => refuse(now, connection, 426, "use http"),
            OwnedRequest::Upgrade(_) => connection.accept(now, &Headers::new()),
            OwnedRequest::Request(head, body) => self.request(now, connection, &head, &body),
            OwnedRequest::Text(lane, text) => self.message(now, connection, lane.as_deref(), &text),
            OwnedRequest::Ignored => Ok(()),
        }
    }

    fn request(
        &self,
        now: Instant,
        connection: &mut ServerConnection,
        head: &Request,
        body: &str,
    ) -> Result<(), CommandError> {
        if head.method() != "POST" || !is_responses(head.target()) {
            return refuse(now, connection, 404, "not found");
        }
        let turn_state = head.headers.get_str(TURN_STATE).map(str::to_owned);
        let recorded = RecordedRequest::new(Transport::Http, turn_state, body);
        // A body that is not JSON, for example a compressed one, counts as a request for a stream.
        let (model, streams) = (recorded.model(), !recorded.body.is_object() || recorded.body["stream"] == true);
        let (reply, number) = self.record(recorded, body);
        let mut headers = headers(&reply)?;
        if let Some(status) = reply.status {
            let body = reply.body.as_deref().unwrap_or("{}");
            return connection.respond(now, status, &headers, body.as_bytes());
        }
        if let Some(token) = &reply.turn_state {
            headers.set(TURN_STATE, token.as_str()).map_err(|_| CommandError::Head)?;
        }
        let events = reply.events(number, &model, None);
        if !streams && !reply.cut {
            headers.set("Content-Type", "application/json").map_err(|_| CommandError::Head)?;
            return connection.respond(now, 200, &headers, final_response(&events).to_string().as_bytes());
        }
        connection.begin_stream(now, &headers)?;
        for event in events {
            connection.send(now, &event)?;
        }
        if reply.cut {
            connection.close(now, 1011, "");
            return Ok(());
        }
        connection.end_stream(now)
    }

    fn message(
        &self,
        now: Instant,
        connection: &mut ServerConnection,
        lane: Option<&str>,
        text: &str,
    ) -> Result<(), CommandError> {
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        if body["type"] != "response.create" {
            return Ok(());
        }
        let turn_state = body["client_metadata"][TURN_STATE].as_str().map(str::to_owned);
        let recorded = RecordedRequest { transport: Transport::WebSocket, turn_state, body };
        let model = recorded.model();
        if recorded.body["generate"] == false {
            // A prewarm request generates nothing and uses no reply.
            if let Some(observer) = &self.observer {
                observer(&recorded);
            }
            let reply = Reply { usage: Some(UsageReply::default()), ..Reply::default() };
            return reply.events(0, &model, lane).iter().try_for_each(|event| connection.send(now, event));
        }
        let (reply, number) = self.record(recorded, text);
        if let Some(status) = reply.status {
            let parsed = reply.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
            let error =
                parsed.map_or_else(|| serde_json::json!({"message": "refused"}), |body: Value| body["error"].clone());
            let event = serde_json::json!({"type": "error", "status": status, "error": error});
            return connection.send(now, &event.to_string());
        }
        let mut events = reply.events(number, &model, lane);
        if let Some(token) = &reply.turn_state {
            let event = ServerEvent::turn_state(token);
            events.insert(1, lane.map_or_else(|| event.to_json(), |lane| event.clone().on_lane(lane).to_json()));
        }
        for event in events {
            connection.send(now, &event)?;
        }
        if reply.cut {
            connection.close(now, 1011, "");
        }
        Ok(())
    }

    /// Records a request, and returns its reply and its number.
    fn record(&self, recorded: RecordedRequest, body: &str) -> (Reply, usize) {
        let mut state = self.state();
        match &self.observer {
            Some(observer) => observer(&recorded),
            None => state.requests.push(recorded),
        }
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

    fn state(&self) -> MutexGuard<'_, State> {
        // A poisoned lock is safe to use: every update is a single assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reply {
    /// Returns the reply to a request for which the script has none.
    fn unscripted() -> Self {
        Self {
            status: Some(400),
            body: Some(r#"{"error":{"code":"no_reply","message":"the script has no reply to this"}}"#.into()),
            ..Self::default()
        }
    }
}

/// Serves one connection until it is closed.
pub async fn serve<I: Io>(server: &mut ServerDriver<I>, scripted: &ScriptedServer) {
    while let Some(incoming) = server.next().await {
        let request = OwnedRequest::from_incoming(&incoming);
        let now = server.now();
        // Fails only when the connection has ended; its last event gives the reason.
        let _ = scripted.respond(now, server.connection(), request);
    }
}

fn is_responses(target: &str) -> bool {
    target.split('?').next().unwrap_or_default().ends_with("/responses")
}

/// Returns the final response of a list of events, for a request without streaming.
fn final_response(events: &[String]) -> Value {
    let read = |event: &String| serde_json::from_str::<Value>(event).ok().map(|mut event| event["response"].take());
    events.iter().rev().filter_map(read).find(Value::is_object).unwrap_or_default()
}

fn headers(reply: &Reply) -> Result<Headers, CommandError> {
    let mut headers = Headers::new();
    for (name, value) in &reply.headers {
        headers.append(name, value.as_str()).map_err(|_| CommandError::Head)?;
    }
    Ok(headers)
}

fn refuse(now: Instant, connection: &mut ServerConnection, status: u16, message: &str) -> Result<(), CommandError> {
    let mut headers = Headers::new();
    headers.append("Content-Type", "application/json").map_err(|_| CommandError::Head)?;
    let body = serde_json::json!({"error": {"message": message}}).to_string();
    connection.respond(now, status, &headers, body.as_bytes())
}

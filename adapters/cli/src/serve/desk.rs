//! Answers what a connection heard, as the script says. Pure: it sees no socket and no clock.

use core::{fmt, mem};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use turnwire::connection::{CommandError, ServerConnection, Transport, server};
use turnwire::http::{Headers, Request};
use turnwire::responses::ServerEvent;
use turnwire::time::Instant;
use turnwire_driver::{Io, ServerDriver};

use super::script::{Cost, Reply, Script};

/// The script, how far it has come, and what was seen. All connections of a server share one.
pub struct Desk {
    script: Script,
    state: Mutex<State>,
    tell: Option<Tell>,
}

/// Is told of each request.
type Tell = Box<dyn Fn(&Seen) + Send + Sync>;

#[derive(Debug, Default)]
struct State {
    /// Which replies were given, and how many requests were answered.
    given: Vec<bool>,
    answered: usize,
    seen: Vec<Seen>,
}

/// A request as the server saw it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Seen {
    /// What it came on.
    pub transport: Transport,
    /// The turn's token that came with it.
    pub turn_state: Option<String>,
    /// The request itself; `null` when it is no JSON.
    pub body: Value,
}

impl Seen {
    fn new(transport: Transport, turn_state: Option<String>, body: &str) -> Self {
        Self { transport, turn_state, body: serde_json::from_str(body).unwrap_or_default() }
    }

    fn model(&self) -> String {
        self.body["model"].as_str().unwrap_or("unknown").to_owned()
    }

    /// One line of JSON.
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

/// An [`server::Event`] to keep: what is lent by a connection cannot be answered on it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Heard {
    /// A WebSocket handshake for this target.
    Upgrade(String),
    /// An HTTP request.
    Request(Box<Request>, String),
    /// A WebSocket message, and its lane.
    Text(Option<String>, String),
    /// Nothing that is answered.
    Nothing,
}

impl Heard {
    /// Keeps it.
    #[must_use]
    pub fn of(incoming: &server::Event<'_>) -> Self {
        match incoming {
            server::Event::Upgrade { head } => Self::Upgrade(head.target().to_owned()),
            server::Event::Request { head, body } => {
                Self::Request(Box::new((*head).clone()), String::from_utf8_lossy(body).into_owned())
            }
            server::Event::Text { lane, text } => Self::Text(lane.clone(), (*text).to_owned()),
            server::Event::Malformed { text, .. } => Self::Text(None, (*text).to_owned()),
            _ => Self::Nothing,
        }
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { script, state, .. } = self;
        f.debug_struct("Desk").field("script", script).field("state", state).finish_non_exhaustive()
    }
}

impl Desk {
    /// A server that follows this script.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let state = State { given: vec![false; script.reply.len()], ..State::default() };
        Self { script, state: Mutex::new(state), tell: None }
    }

    /// The same, but requests are told to somebody instead of being kept: a server may run for long. Warm-ups are told too.
    #[must_use]
    pub fn telling(script: Script, tell: impl Fn(&Seen) + Send + Sync + 'static) -> Self {
        Self { tell: Some(Box::new(tell)), ..Self::new(script) }
    }

    /// The requests so far, but for warm-ups.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// Answers what was heard.
    ///
    /// # Errors
    ///
    /// [`CommandError`] when the connection has ended meanwhile.
    pub fn answer(&self, now: Instant, connection: &mut ServerConnection, heard: Heard) -> Result<(), CommandError> {
        match heard {
            Heard::Upgrade(target) if !is_responses(&target) => refuse(now, connection, 404, "not found"),
            Heard::Upgrade(_) if self.script.refuse_websocket => refuse(now, connection, 426, "speak http"),
            Heard::Upgrade(_) => connection.accept(now, &Headers::new()),
            Heard::Request(head, body) => self.request(now, connection, &head, &body),
            Heard::Text(lane, text) => self.message(now, connection, lane.as_deref(), &text),
            Heard::Nothing => Ok(()),
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
        let turn_state = head.headers.get_str("x-codex-turn-state").map(str::to_owned);
        let seen = Seen::new(Transport::Http, turn_state, body);
        // A body that cannot be read here, a compressed one for instance, is taken for the usual client's.
        let (model, streams) = (seen.model(), !seen.body.is_object() || seen.body["stream"] == true);
        let (reply, number) = self.note(seen, body);
        let mut headers = headers(&reply)?;
        if let Some(status) = reply.status {
            let body = reply.body.as_deref().unwrap_or("{}");
            return connection.respond(now, status, &headers, body.as_bytes());
        }
        if let Some(token) = &reply.turn_state {
            headers.set("x-codex-turn-state", token.as_str()).map_err(|_| CommandError::Head)?;
        }
        let events = reply.events(number, &model, None);
        if !streams && !reply.cut {
            headers.set("Content-Type", "application/json").map_err(|_| CommandError::Head)?;
            return connection.respond(now, 200, &headers, whole(&events).to_string().as_bytes());
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
        let turn_state = body["client_metadata"]["x-codex-turn-state"].as_str().map(str::to_owned);
        let seen = Seen { transport: Transport::WebSocket, turn_state, body };
        let model = seen.model();
        if seen.body["generate"] == false {
            // A warm-up: nothing is generated, and no reply is used up.
            if let Some(tell) = &self.tell {
                tell(&seen);
            }
            let nothing = Reply { usage: Some(Cost::default()), ..Reply::default() };
            return nothing.events(0, &model, lane).iter().try_for_each(|event| connection.send(now, event));
        }
        let (reply, number) = self.note(seen, text);
        if let Some(status) = reply.status {
            let said = reply.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
            let error =
                said.map_or_else(|| serde_json::json!({"message": "refused"}), |body: Value| body["error"].clone());
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

    /// Notes what was seen, and picks its reply and its number.
    fn note(&self, seen: Seen, body: &str) -> (Reply, usize) {
        let mut state = self.state();
        match &self.tell {
            Some(tell) => tell(&seen),
            None => state.seen.push(seen),
        }
        state.answered += 1;
        let fits = |reply: &Reply| reply.when.as_ref().is_none_or(|text| body.contains(text.as_str()));
        let replies = self.script.reply.iter().enumerate();
        let fitting: Vec<usize> = replies.filter(|(_, reply)| fits(reply)).map(|(at, _)| at).collect();
        if fitting.iter().all(|at| state.given[*at]) {
            fitting.iter().for_each(|at| state.given[*at] = false);
        }
        let pick = fitting.into_iter().find(|at| !mem::replace(&mut state.given[*at], true));
        let reply = pick.and_then(|at| self.script.reply.get(at)).cloned().unwrap_or_else(Reply::unplanned);
        (reply, state.answered)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while it was locked has left nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reply {
    /// The reply to a request that the script has none for.
    fn unplanned() -> Self {
        Self {
            status: Some(400),
            body: Some(r#"{"error":{"code":"no_reply","message":"the script has no reply to this"}}"#.into()),
            ..Self::default()
        }
    }
}

/// Serves one connection to its end.
pub async fn serve<I: Io>(server: &mut ServerDriver<I>, desk: &Desk) {
    while let Some(incoming) = server.next().await {
        let heard = Heard::of(&incoming);
        let now = server.now();
        // The connection ended before it could be answered: its last event says so.
        let _ = desk.answer(now, server.connection(), heard);
    }
}

fn is_responses(target: &str) -> bool {
    target.split('?').next().unwrap_or_default().ends_with("/responses")
}

/// The response that these events end with, for those who do not want to see it grow.
fn whole(events: &[String]) -> Value {
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

//! The scripted server.

use core::fmt;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use turnwire::client::{Client, Credentials, InvalidProvider, Provider, Settings};
use turnwire::responses::ResponseCommand;
use turnwire::time::Instant;
use turnwire_driver::ClientDriver;

use crate::connection::{Connection, Incoming};
use crate::faults::{Fault, Faults};
use crate::io::MockIo;
use crate::recording::{Matcher, Recording};
use crate::reply::Reply;
use crate::respond::{Action, Numbers, Response};
use crate::seen::SeenRequest;

/// A scripted server in memory, and the virtual clock of its clients. Clones are handles of the same server.
///
/// Every request gets the next reply, over both transports: requests for a response, and operations such as `GET /models`. A request
/// after the last reply gets the status 400 with the code `no_reply`. A prewarm request uses no reply. Steering ends the response that it
/// names, and the next reply is the successor; an interruption ends it as incomplete.
#[derive(Clone)]
pub struct MockServer {
    state: Arc<Mutex<State>>,
}

/// The state of a server.
pub(crate) struct State {
    pub(crate) now: Instant,
    manual: bool,
    script: Script,
    refuse_websocket: Option<Reply>,
    pub(crate) faults: Option<Faults>,
    refused_connections: usize,
    numbers: Numbers,
    seen: Vec<SeenRequest>,
    pub(crate) connections: Vec<Connection>,
}

/// Returns the reply to a request.
type Respond = Box<dyn FnMut(&SeenRequest) -> Reply + Send>;

enum Script {
    List(VecDeque<Reply>),
    Function(Respond),
}

impl fmt::Debug for MockServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("MockServer")
            .field("elapsed", &state.now.as_duration())
            .field("connections", &state.connections.len())
            .field("seen", &state.seen.len())
            .finish_non_exhaustive()
    }
}

impl MockServer {
    /// Creates a server that responds with these replies, one after the other.
    #[must_use]
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::of(Script::List(replies.into_iter().collect()))
    }

    /// Creates a server that responds with the replies of a function.
    ///
    /// ```
    /// use turnwire_testkit::{MockServer, Reply};
    ///
    /// let server = MockServer::with(|request| match request.tool_outputs().last() {
    ///     Some(output) => Reply::text(&format!("You rolled {output}.")),
    ///     None => Reply::call("roll", "{}"),
    /// });
    /// ```
    #[must_use]
    pub fn with(respond: impl FnMut(&SeenRequest) -> Reply + Send + 'static) -> Self {
        Self::of(Script::Function(Box::new(respond)))
    }

    /// Creates a server that responds as the recorded server did to the request that fits best. `speed`: 1 is the original speed, which
    /// takes virtual time, 0 is without pauses.
    #[must_use]
    pub fn replaying(recording: Recording, speed: f64) -> Self {
        let mut matcher = Matcher::new(recording);
        Self::with(move |request| {
            let found = matcher.find(&request.method, &request.target, request.transport, &request.body);
            found.map_or_else(Reply::unscripted, |(_, exchange)| exchange.reply(speed))
        })
    }

    fn of(script: Script) -> Self {
        let state = State {
            now: Instant::ZERO,
            manual: false,
            script,
            refuse_websocket: None,
            faults: None,
            refused_connections: 0,
            numbers: Numbers::default(),
            seen: Vec::new(),
            connections: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Rejects WebSocket handshakes with this status, so that clients use HTTP.
    #[must_use]
    pub fn refusing_websocket(self, status: u16) -> Self {
        self.state().refuse_websocket = Some(Reply::status(status, "{}"));
        self
    }

    /// Refuses the next `count` connections.
    #[must_use]
    pub fn refusing_connections(self, count: usize) -> Self {
        self.state().refused_connections = count;
        self
    }

    /// Lets faults happen to responses, and splits what clients read at random places. A response that a fault cuts or rejects uses no
    /// reply: the next request gets it.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        self.state().faults = Some(faults);
        self
    }

    /// Lets time pass only in [`advance`](Self::advance).
    #[must_use]
    pub fn with_manual_clock(self) -> Self {
        self.state().manual = true;
        self
    }

    /// Returns a client of this server. It uses WebSocket unless the server refuses it. Its random seed is always the same.
    #[must_use]
    pub fn client(&self) -> ClientDriver<MockIo> {
        let provider = Provider::new("mock", "http://localhost/v1");
        let client = self.client_of(provider, Credentials::bearer("sk-mock"), Settings::default());
        client.expect("the provider is valid")
    }

    /// Returns a client of this server with its own configuration. Each host leads to this server, without TLS.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidProvider`] when the configuration allows no request: the error names the invalid part.
    pub fn client_of(
        &self,
        provider: Provider,
        credentials: Credentials,
        settings: Settings,
    ) -> Result<ClientDriver<MockIo>, InvalidProvider> {
        Ok(ClientDriver::new(Client::new(provider, credentials, settings, [7; 32])?, self.io()))
    }

    /// Returns a socket that is not open, for a client that the application creates.
    #[must_use]
    pub fn io(&self) -> MockIo {
        MockIo::new(self.clone())
    }

    /// Returns the requests and other messages so far.
    #[must_use]
    pub fn seen(&self) -> Vec<SeenRequest> {
        self.state().seen.clone()
    }

    /// Returns the virtual time since the server was created.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.state().now.as_duration()
    }

    /// Lets virtual time pass, and wakes the clients.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.state();
        let until = state.now + duration;
        // The server acts at each time, not only at the last.
        while let Some(next) = state.next_action().filter(|next| *next < until) {
            state.advance_to(next);
        }
        state.advance_to(until);
        for connection in &mut state.connections {
            if let Some(waker) = connection.waker.take() {
                waker.wake();
            }
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // After a panic in a test's function, the test has failed anyway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Opens a connection. Returns its number, or `None` if it is refused.
    pub(crate) fn connect(&mut self) -> Option<usize> {
        if let Some(left) = self.refused_connections.checked_sub(1) {
            self.refused_connections = left;
            return None;
        }
        let number = self.connections.len();
        self.connections.push(Connection::new(number));
        Some(number)
    }

    /// Whether time passes only by command.
    pub(crate) const fn is_manual(&self) -> bool {
        self.manual
    }

    /// Returns the time of the next action of any connection.
    pub(crate) fn next_action(&self) -> Option<Instant> {
        self.connections.iter().filter_map(Connection::next_action).min()
    }

    /// Sets the time, which never goes back, and lets the server act.
    pub(crate) fn advance_to(&mut self, now: Instant) {
        self.now = self.now.max(now);
        for number in 0..self.connections.len() {
            self.run(number);
        }
    }

    /// Lets the server act on a connection.
    pub(crate) fn run(&mut self, number: usize) {
        let now = self.now;
        self.connections[number].run(now);
        while let Some(incoming) = self.connections[number].poll(now) {
            self.handle(number, incoming);
            self.connections[number].run(now);
        }
        self.connections[number].run(now);
    }

    fn handle(&mut self, number: usize, incoming: Incoming) {
        match incoming {
            Incoming::Upgrade => {
                let response = match &self.refuse_websocket {
                    None => Response::of([Action::Accept], None),
                    Some(reply) => Response::refuse(reply.clone()),
                };
                self.connections[number].respond(response);
            }
            Incoming::Request(request) => {
                let response = self.respond(&request);
                self.seen.push(request);
                self.connections[number].respond(response);
            }
            Incoming::Command(request, command) => {
                self.command(number, &request, &command);
                self.seen.push(request);
            }
            Incoming::Message(request) => self.seen.push(request),
        }
    }

    fn respond(&mut self, request: &SeenRequest) -> Response {
        let over_http = !request.is_message();
        if !over_http && request.json()["generate"] == false {
            return Response::begin(Reply::default(), request, &mut self.numbers, false);
        }
        let fault = self.faults.as_mut().and_then(Faults::draw);
        let reply = match fault {
            None => self.script.next(request),
            Some(Fault::Pause(pause)) => Reply::pause(pause).then(self.script.next(request)),
            Some(Fault::Status(status)) => {
                let error =
                    json!({"error": {"type": "server_error", "code": "fault", "message": "a fault of the test"}});
                Reply::status(status, &error.to_string())
            }
            Some(Fault::HangUp(at)) => self.script.peek(request).torn().hang_up_at(at),
            Some(Fault::Reset(at)) => self.script.peek(request).torn().reset_at(at),
        };
        Response::begin(reply, request, &mut self.numbers, over_http)
    }

    fn command(&mut self, number: usize, request: &SeenRequest, command: &ResponseCommand) {
        let id = command.response_id();
        if self.connections[number].response(id).is_none() {
            let error = json!({"error": {"type": "invalid_request_error", "code": "response_not_found",
                "param": null, "message": format!("no response with the id '{id}' is in progress")}});
            let rejection = Reply::status(404, &error.to_string());
            let rejection = Response::begin(rejection, request, &mut self.numbers, false);
            self.connections[number].respond(rejection);
            return;
        }
        let next = match command {
            ResponseCommand::Steer(_) => Some(self.script.next(request)),
            _ => None,
        };
        let steer_id = format!("steer_{}", self.seen.len() + 1);
        let Some(response) = self.connections[number].response(id) else { return };
        match (command, next) {
            (ResponseCommand::Steer(_), Some(next)) => response.steer(&steer_id, next, &mut self.numbers),
            (ResponseCommand::Interrupt { .. }, _) => response.interrupt(),
            _ => response.inject(),
        }
    }
}

impl Script {
    /// Returns the next reply, and uses it.
    fn next(&mut self, request: &SeenRequest) -> Reply {
        match self {
            Self::List(replies) => replies.pop_front().unwrap_or_else(Reply::unscripted),
            Self::Function(respond) => respond(request),
        }
    }

    /// Returns the next reply. A function is called again for the next request.
    fn peek(&mut self, request: &SeenRequest) -> Reply {
        match self {
            Self::List(replies) => replies.front().cloned().unwrap_or_else(Reply::unscripted),
            Self::Function(respond) => respond(request),
        }
    }
}

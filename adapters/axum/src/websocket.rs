//! A WebSocket: its connection, and the handlers of its requests.

use core::future::{Future, pending};
use core::pin::Pin;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use http::request::Parts;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use turnwire::connection::{ServerConnection, Transport, server};
use turnwire::responses::{
    ClientEvent, ClientMetadata, CreateMessage, ErrorObject, ResponseCommand, ServerEvent, TURN_STATE,
};
use turnwire::ws::handshake::Negotiated;
use turnwire_driver::{ServerDriver, Wake};
use turnwire_tokio::StreamIo;

use crate::exchange::Exchange;
use crate::history::{ConnectionHistory, History};
use crate::output::{Output, OutputOnLane, OutputSender, SendError, WAITING};

/// The number of bytes that wait to be written from which on no handler may send more.
const MAX_UNSENT: usize = 64 * 1024;

/// Maximum number of requests of one WebSocket that run at the same time, each on a lane of its own.
const MAX_RUNNING: usize = 64;

type Io = StreamIo<TokioIo<Upgraded>>;

/// When and how a WebSocket is shut down gracefully.
pub(crate) struct Shutdown {
    pub(crate) signal: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The time that running responses have.
    pub(crate) within: Duration,
}

/// The handlers of one WebSocket.
pub(crate) struct Handlers<H> {
    handler: Arc<H>,
    history: Option<(History, ConnectionHistory)>,
    parts: Arc<Parts>,
    /// Those that run. Dropping them cancels them.
    tasks: JoinSet<()>,
    /// The output of each task, to end the response of one that panics.
    outputs: HashMap<Id, OutputSender>,
    /// Where the commands about the response of each lane go.
    lanes: HashMap<Option<String>, mpsc::Sender<ResponseCommand>>,
    sender: mpsc::Sender<OutputOnLane>,
    receiver: mpsc::Receiver<OutputOnLane>,
}

impl<H, F> Handlers<H>
where
    H: Fn(Exchange) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), SendError>> + Send + 'static,
{
    pub(crate) fn new(handler: H, parts: Parts, history: Option<History>) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        Self {
            handler: Arc::new(handler),
            history: history.map(|history| (history.clone(), history.of_websocket())),
            parts: Arc::new(parts),
            tasks: JoinSet::new(),
            outputs: HashMap::new(),
            lanes: HashMap::new(),
            sender,
            receiver,
        }
    }

    /// Serves an upgraded connection until it is closed.
    pub(crate) async fn serve(
        mut self,
        upgraded: Upgraded,
        config: server::Config,
        negotiated: &Negotiated,
        mut shutdown: Option<Shutdown>,
    ) {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system has a random source");
        let io = StreamIo::from_stream(TokioIo::new(upgraded));
        let now = turnwire_driver::Io::now(&io);
        let mut server = ServerDriver::new(ServerConnection::accepted(now, config, seed, negotiated), io);
        loop {
            let has_room = server.connection().poll_transmit().len() <= MAX_UNSENT;
            let signal = async {
                match &mut shutdown {
                    Some(shutdown) => {
                        shutdown.signal.as_mut().await;
                        shutdown.within
                    }
                    None => pending().await,
                }
            };
            tokio::select! {
                wake = server.wait((!has_room).then_some(MAX_UNSENT), None) => match wake {
                    Wake::Event => {
                        let reply = match server.next().await {
                            None => return,
                            Some(server::Event::Closed(_)) => {
                                // The client gets nothing more. What remains to be written is written.
                                self.tasks.abort_all();
                                None
                            }
                            Some(event) => self.handle(event),
                        };
                        if let Some(reply) = reply {
                            let now = server.now();
                            // Fails only on a connection that is closing.
                            let _ = server.connection().send(now, &reply);
                        }
                    }
                    Wake::Closed => return,
                    _ => {}
                },
                Some((lane, output)) = self.receiver.recv(), if has_room => self.send(&mut server, lane, output),
                Some(ended) = self.tasks.join_next_with_id() => self.remove(ended),
                within = signal => {
                    server.shut_down_gracefully(within);
                    shutdown = None;
                }
            }
        }
    }

    /// Sends an output of a handler.
    fn send(&mut self, server: &mut ServerDriver<Io>, lane: Option<String>, output: Output) {
        let now = server.now();
        let (json, is_end) = match output {
            Output::TurnToken(token) => (turn_token_event(&token, lane.as_ref()), false),
            Output::Event { json, is_end, .. } => (json, is_end),
            Output::Rejected { status, error } => (error_event(status, &error, lane.as_ref()), true),
        };
        if is_end {
            self.lanes.remove(&lane);
        }
        // Fails only on a connection that is closing: the handlers are dropped with it.
        let _ = server.connection().send(now, &json);
    }

    /// Removes a handler that has ended.
    fn remove(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        if let Some(output) = self.outputs.remove(&id)
            && ended.is_err()
        {
            self.tasks.spawn(async move { output.end().await });
        }
    }

    /// Handles an event of the connection. Returns the event that rejects it, if it does.
    fn handle(&mut self, event: server::Event<'_>) -> Option<String> {
        match event {
            server::Event::Text { lane, command: Some(command), .. } => {
                // A handler that does not listen, or not fast enough, does not get it.
                let _ = self.lanes.get(&lane).map(|commands| commands.try_send(command));
                None
            }
            server::Event::Text { lane, text, .. } => match ClientEvent::parse(text) {
                Ok(ClientEvent::Create(create)) => self.start(lane, *create, text),
                Ok(_) => Some(invalid("The type of the message is unknown.", lane.as_ref())),
                Err(malformed) => Some(invalid(&malformed.to_string(), lane.as_ref())),
            },
            server::Event::Malformed { malformed, .. } => Some(invalid(&malformed.to_string(), None)),
            _ => None,
        }
    }

    /// Starts the handler of a request. Returns the event that rejects it, if it cannot run.
    fn start(&mut self, lane: Option<String>, message: CreateMessage, text: &str) -> Option<String> {
        if self.lanes.contains_key(&lane) {
            let error = ErrorObject::new("response_in_progress", "The lane has a response in progress.");
            return Some(error_event(409, &error.of_type("invalid_request_error"), lane.as_ref()));
        }
        if self.tasks.len() >= MAX_RUNNING {
            let error = ErrorObject::new("rate_limit_exceeded", "Too many responses are in progress.");
            return Some(error_event(429, &error.of_type("rate_limit_error"), lane.as_ref()));
        }
        if self.history.is_some() && message.request.background == Some(true) {
            return Some(error_event(400, &background_over_websocket(), lane.as_ref()));
        }
        let previous = message.previous_response_id.as_deref().or(message.request.previous_response_id.as_deref());
        let resume = |(history, connection): &(History, ConnectionHistory)| {
            history.resume(connection, lane.as_deref(), &message.request, previous, text.len())
        };
        let continuation = match self.history.as_ref().map(resume).transpose() {
            Ok(continuation) => continuation,
            Err(error) => return Some(error_event(400, &error, lane.as_ref())),
        };
        let (commands, receiver) = mpsc::channel(WAITING);
        self.lanes.insert(lane.clone(), commands);
        let output = OutputSender::new(lane, self.sender.clone(), continuation);
        let turn_token = message.request.client_metadata.as_ref().and_then(token_of);
        let exchange = Exchange {
            message,
            text: text.into(),
            turn_token,
            parts: Arc::clone(&self.parts),
            transport: Transport::WebSocket,
            output: output.clone(),
            commands: receiver,
        };
        let handled = (self.handler)(exchange);
        let ending = output.clone();
        let task = self.tasks.spawn(async move {
            // The client has left, or the response has ended.
            let _ = handled.await;
            ending.end().await;
        });
        self.outputs.insert(task.id(), output);
        None
    }
}

/// Returns the event with a turn token.
fn turn_token_event(token: &str, lane: Option<&String>) -> String {
    let mut event = ServerEvent::turn_state(token);
    event.stream_id = lane.cloned().map(Into::into);
    event.to_json()
}

/// Returns the turn token of a request.
fn token_of(metadata: &ClientMetadata) -> Option<String> {
    metadata.get(TURN_STATE).map(Into::into)
}

/// Returns the event that rejects a request.
fn error_event(status: u16, error: &ErrorObject, lane: Option<&String>) -> String {
    // The name of a lane needs no escapes.
    let lane = lane.map(|lane| format!(r#","stream_id":"{lane}""#)).unwrap_or_default();
    format!(r#"{{"type":"error","status":{status},"error":{}{lane}}}"#, error.to_raw().as_str())
}

/// Returns the error of a request for a background response: the protocol has them over HTTP only (docs/protocol.md §15.9).
fn background_over_websocket() -> ErrorObject {
    let error = ErrorObject::new("unsupported_parameter", "A background response cannot be requested over WebSocket.");
    let mut error = error.of_type("invalid_request_error");
    error.param = Some("background".into());
    error
}

/// Returns the event that rejects an invalid request.
fn invalid(message: &str, lane: Option<&String>) -> String {
    error_event(400, &ErrorObject::new("invalid_request", message).of_type("invalid_request_error"), lane)
}

//! Conversations with failures: the server's acts, the application's commands, and the expected events and requests.
//!
//! Each relevant event becomes a line of text, so that the expected events read like a transcript.

use core::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use turnwire::client::{
    Client, Credentials, Disconnected, Event, FallbackReason, Outcome, Provider, Request, RequestId, Settings,
};
use turnwire::connection::{ServerConnection, server};
use turnwire::responses::EventData;
use turnwire::time::Instant;
use turnwire_tests::fixtures::ask;
use turnwire_tests::pair::{Act, Kind, Script, Seen};

use crate::endpoints::{Application, ServerLogic};
use crate::setup::TransportSetup;

/// A command of the application.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    /// Begins the next turn.
    BeginTurn,
    /// Sends a request.
    Send(&'static str),
    /// Sends a request on a lane.
    SendOnLane(&'static str, &'static str),
    /// Prewarms.
    Prewarm(&'static str),
    /// Cancels the newest request.
    Cancel,
    /// Sets another API key.
    Authorize(&'static str),
    /// Waits for this line, and consumes the lines up to it.
    WaitFor(&'static str),
}

/// A conversation with a failure.
pub(crate) struct FailureScenario {
    pub(crate) script: Script,
    /// The `Authorization` header of the last handshake or HTTP request.
    pub(crate) key: &'static str,
    pub(crate) set_up: fn(&mut Provider, &mut Settings),
    pub(crate) commands: Vec<Command>,
    /// The expected events, as lines.
    pub(crate) events: Vec<&'static str>,
    /// Expected requests at the server: socket, turn token, number of input items.
    pub(crate) seen: Vec<(usize, Option<&'static str>, usize)>,
}

/// A function that runs a scenario on one runtime.
pub(crate) type RunFn = fn(TransportSetup, &mut ScriptedApplication, &Arc<RecordingServer>);

impl FailureScenario {
    /// Runs the scenario and checks the events and the requests.
    pub(crate) fn run(self, setup: TransportSetup, run: RunFn) {
        let mut application = ScriptedApplication::new(self.set_up, self.commands);
        let server = Arc::new(RecordingServer { script: Mutex::new(self.script), seen: Mutex::default() });
        run(setup, &mut application, &server);
        assert_eq!(application.lines, self.events, "events, {setup:?}");
        assert!(application.commands.is_empty(), "every command was performed");
        let seen = server.seen.lock().expect("nobody panicked");
        let key = seen.iter().rev().find_map(|seen| seen.header("authorization"));
        assert_eq!(key, Some(self.key), "the last key that the server received, {setup:?}");
        let seen: Vec<_> = seen
            .iter()
            .filter(|seen| matches!(seen.kind, Kind::Post | Kind::Text))
            .map(|seen| (seen.socket, seen.turn_state(), seen.input().len()))
            .collect();
        let expected = self.seen.iter().map(|(socket, token, items)| (*socket, token.map(str::to_owned), *items));
        assert_eq!(seen, expected.collect::<Vec<_>>(), "requests that the server received, {setup:?}");
    }
}

/// The application.
pub(crate) struct ScriptedApplication {
    set_up: fn(&mut Provider, &mut Settings),
    commands: Vec<Command>,
    lines: Vec<String>,
    /// Number of consumed lines.
    consumed: usize,
    asked: Vec<RequestId>,
    closing: bool,
}

impl ScriptedApplication {
    fn new(set_up: fn(&mut Provider, &mut Settings), mut commands: Vec<Command>) -> Self {
        commands.reverse();
        Self { set_up, commands, lines: Vec::new(), consumed: 0, asked: Vec::new(), closing: false }
    }

    fn act(&mut self, act: Command, now: Instant, client: &mut Client) {
        match act {
            Command::BeginTurn => client.begin_turn().expect("nothing is in flight"),
            Command::Send(text) => self.asked.push(client.send(now, ask(text)).expect("a request that can be sent")),
            Command::SendOnLane(lane, text) => {
                let request = Request::from(ask(text)).on_lane(lane);
                self.asked.push(client.send(now, request).expect("a request that can be sent"));
            }
            Command::Prewarm(text) => match client.prewarm(now, ask(text)).expect("a request that can be sent") {
                Some(id) => self.asked.push(id),
                None => self.lines.push("nothing to prewarm".into()),
            },
            Command::Cancel => client.cancel(now, *self.asked.last().expect("a request")),
            Command::Authorize(key) => client.set_credentials(now, Credentials::bearer(key)),
            Command::WaitFor(_) => {}
        }
    }

    /// Returns whether the line has occurred. If so, consumes the lines up to it.
    fn consume_line(&mut self, line: &str) -> bool {
        let found = self.lines[self.consumed..].iter().position(|received| received == line);
        self.consumed += found.map_or(0, |at| at + 1);
        found.is_some()
    }

    fn line(&self, event: &Event<'_>) -> Option<String> {
        let number = event.id().and_then(|id| self.asked.iter().position(|asked| *asked == id)).unwrap_or(99);
        Some(match event {
            Event::Connected { transport, .. } => format!("connected, {transport:?}"),
            Event::Sent { sent, turn_token: turn_state, .. } => format!(
                "{number}: sent, {}, {}, {}",
                if sent.reused { "reused connection" } else { "new connection" },
                if sent.incremental { "incremental" } else { "full" },
                turn_state.unwrap_or("no turn token"),
            ),
            Event::Server { event, .. } => match &event.data {
                EventData::OutputTextDelta { delta, .. } => format!("{number}: {delta:?}"),
                _ => return None,
            },
            Event::Retry { failure, retries, .. } => format!("{number}: retry {retries}, {:?}", failure.kind),
            Event::HttpFallback(FallbackReason::Refused(status)) => format!("fallback, {status}"),
            Event::HttpFallback(why) => format!("fallback, {why:?}"),
            Event::CredentialsNeeded { failure, .. } => format!("{number}: {:?} needs credentials", failure.status),
            Event::Disconnected(Disconnected::Closed(_)) => "disconnected".into(),
            Event::Disconnected(Disconnected::Failed(failure)) => format!("connect failed, {:?}", failure.status),
            Event::Malformed { .. } | Event::Violation { .. } => format!("{event:?}"),
            Event::Finished { outcome, .. } => match outcome {
                Outcome::Completed(completed) => {
                    format!("{number}: completed, {}", completed.id.as_deref().unwrap_or_default())
                }
                Outcome::Failed(failure) => format!("{number}: {:?}, {:?}", failure.kind, failure.progress),
                Outcome::Cancelled => format!("{number}: cancelled"),
                other => format!("{number}: {other:?}"),
            },
            _ => return None,
        })
    }
}

impl Application for ScriptedApplication {
    fn set_up(&self, provider: &mut Provider, settings: &mut Settings) {
        provider.retry.base_delay = core::time::Duration::from_millis(1);
        provider.capabilities.ping_interval = None;
        (self.set_up)(provider, settings);
    }

    fn command(&mut self, now: Instant, client: &mut Client) {
        while let Some(act) = self.commands.last().copied() {
            if let Command::WaitFor(line) = act
                && !self.consume_line(line)
            {
                return;
            }
            self.commands.pop();
            self.act(act, now, client);
        }
        if !client.has_pending_requests() && !client.has_event() && !self.closing {
            self.closing = true;
            client.close(now);
        }
    }

    fn handle_event(&mut self, event: &Event<'_>) {
        if !self.closing {
            self.lines.extend(self.line(event));
        }
    }
}

/// The server.
pub(crate) struct RecordingServer {
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
}

impl ServerLogic for RecordingServer {
    type Received = Option<Seen>;

    fn handle_event(&self, now: Instant, socket: usize, incoming: &server::Event<'_>) -> Option<Seen> {
        Seen::of(incoming, socket, now)
    }

    fn answer(&self, now: Instant, connection: &mut ServerConnection, received: Option<Seen>) -> ControlFlow<()> {
        let Some(seen) = received else { return ControlFlow::Continue(()) };
        let acts = self.script.lock().expect("nobody panicked").next(seen.kind);
        self.seen.lock().expect("nobody panicked").push(seen);
        for act in acts {
            if matches!(act, Act::Drop) {
                return ControlFlow::Break(());
            }
            act.perform(now, connection);
        }
        ControlFlow::Continue(())
    }
}

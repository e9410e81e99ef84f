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

use crate::endpoints::{House, Part};
use crate::setup::Place;

/// A command of the application.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Do {
    /// Begins the next turn.
    Turn,
    /// Sends a request.
    Ask(&'static str),
    /// Sends a request on a lane.
    AskOn(&'static str, &'static str),
    /// Prewarms.
    Prewarm(&'static str),
    /// Cancels the newest request.
    Cancel,
    /// Sets another API key.
    Authorize(&'static str),
    /// Waits for this line, and consumes the lines up to it.
    Hear(&'static str),
}

/// A conversation with a failure.
pub(crate) struct Story {
    pub(crate) script: Script,
    /// The `Authorization` header of the last handshake or HTTP request.
    pub(crate) key: &'static str,
    pub(crate) set_up: fn(&mut Provider, &mut Settings),
    pub(crate) plot: Vec<Do>,
    /// The expected events, as lines.
    pub(crate) heard: Vec<&'static str>,
    /// Expected requests at the server: socket, turn token, number of input items.
    pub(crate) seen: Vec<(usize, Option<&'static str>, usize)>,
}

/// A function that runs a scenario on one runtime.
pub(crate) type Hold = fn(Place, &mut Teller, &Arc<Stage>);

impl Story {
    /// Runs the scenario and checks the events and the requests.
    pub(crate) fn happen(self, place: Place, hold: Hold) {
        let mut teller = Teller::new(self.set_up, self.plot);
        let stage = Arc::new(Stage { script: Mutex::new(self.script), seen: Mutex::default() });
        hold(place, &mut teller, &stage);
        assert_eq!(teller.lines, self.heard, "events, {place:?}");
        assert!(teller.plot.is_empty(), "every command was performed");
        let seen = stage.seen.lock().expect("nobody panicked");
        let key = seen.iter().rev().find_map(|seen| seen.header("authorization"));
        assert_eq!(key, Some(self.key), "the last key that the server received, {place:?}");
        let seen: Vec<_> = seen
            .iter()
            .filter(|seen| matches!(seen.kind, Kind::Post | Kind::Text))
            .map(|seen| (seen.socket, seen.turn_state(), seen.input().len()))
            .collect();
        let expected = self.seen.iter().map(|(socket, token, items)| (*socket, token.map(str::to_owned), *items));
        assert_eq!(seen, expected.collect::<Vec<_>>(), "requests that the server received, {place:?}");
    }
}

/// The application.
pub(crate) struct Teller {
    set_up: fn(&mut Provider, &mut Settings),
    plot: Vec<Do>,
    lines: Vec<String>,
    /// Number of consumed lines.
    passed: usize,
    asked: Vec<RequestId>,
    closing: bool,
}

impl Teller {
    fn new(set_up: fn(&mut Provider, &mut Settings), mut plot: Vec<Do>) -> Self {
        plot.reverse();
        Self { set_up, plot, lines: Vec::new(), passed: 0, asked: Vec::new(), closing: false }
    }

    fn act(&mut self, act: Do, now: Instant, client: &mut Client) {
        match act {
            Do::Turn => client.begin_turn().expect("nothing is in flight"),
            Do::Ask(text) => self.asked.push(client.send(now, ask(text)).expect("a request that can be sent")),
            Do::AskOn(lane, text) => {
                let request = Request::from(ask(text)).on_lane(lane);
                self.asked.push(client.send(now, request).expect("a request that can be sent"));
            }
            Do::Prewarm(text) => match client.prewarm(now, ask(text)).expect("a request that can be sent") {
                Some(id) => self.asked.push(id),
                None => self.lines.push("nothing to prewarm".into()),
            },
            Do::Cancel => client.cancel(now, *self.asked.last().expect("a request")),
            Do::Authorize(key) => client.set_credentials(now, Credentials::bearer(key)),
            Do::Hear(_) => {}
        }
    }

    /// Returns whether the line has occurred. If so, consumes the lines up to it.
    fn has_heard(&mut self, line: &str) -> bool {
        let found = self.lines[self.passed..].iter().position(|heard| heard == line);
        self.passed += found.map_or(0, |at| at + 1);
        found.is_some()
    }

    fn line(&self, event: &Event<'_>) -> Option<String> {
        let number = event.id().and_then(|id| self.asked.iter().position(|asked| *asked == id)).unwrap_or(99);
        Some(match event {
            Event::Connected { transport, .. } => format!("connected by {transport:?}"),
            Event::Sent { sent, turn_token: turn_state, .. } => format!(
                "{number}: sent {}, {}, {}",
                if sent.reused { "again on the same" } else { "on a new one" },
                if sent.incremental { "what is new" } else { "all" },
                turn_state.unwrap_or("no token"),
            ),
            Event::Server { event, .. } => match &event.data {
                EventData::OutputTextDelta { delta, .. } => format!("{number}: {delta:?}"),
                _ => return None,
            },
            Event::Retry { failure, retries, .. } => format!("{number}: retry {retries}, {:?}", failure.kind),
            Event::HttpFallback(FallbackReason::Refused(status)) => format!("fell back, {status}"),
            Event::HttpFallback(why) => format!("fell back, {why:?}"),
            Event::CredentialsNeeded { failure, .. } => format!("{number}: {:?} is no key", failure.status),
            Event::Disconnected(Disconnected::Closed(_)) => "disconnected".into(),
            Event::Disconnected(Disconnected::Failed(failure)) => format!("no connection, {:?}", failure.status),
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

impl Part for Teller {
    fn set_up(&self, provider: &mut Provider, settings: &mut Settings) {
        provider.retry.base_delay = core::time::Duration::from_millis(1);
        provider.capabilities.ping_interval = None;
        (self.set_up)(provider, settings);
    }

    fn command(&mut self, now: Instant, client: &mut Client) {
        while let Some(act) = self.plot.last().copied() {
            if let Do::Hear(line) = act
                && !self.has_heard(line)
            {
                return;
            }
            self.plot.pop();
            self.act(act, now, client);
        }
        if !client.has_pending_requests() && !client.has_event() && !self.closing {
            self.closing = true;
            client.close(now);
        }
    }

    fn hear(&mut self, event: &Event<'_>) {
        if !self.closing {
            self.lines.extend(self.line(event));
        }
    }
}

/// The server.
pub(crate) struct Stage {
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
}

impl House for Stage {
    type Heard = Option<Seen>;

    fn hear(&self, now: Instant, socket: usize, incoming: &server::Event<'_>) -> Option<Seen> {
        Seen::of(incoming, socket, now)
    }

    fn answer(&self, now: Instant, connection: &mut ServerConnection, heard: Option<Seen>) -> ControlFlow<()> {
        let Some(seen) = heard else { return ControlFlow::Continue(()) };
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

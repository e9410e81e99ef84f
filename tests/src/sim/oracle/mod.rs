//! The oracle: records what the application submitted, what the servers received and sent, and what the client
//! reported, and checks the invariants between them.

pub mod events;
pub mod requests;
pub mod server;
mod steering;

use turnwire::client::RequestId;
use turnwire::connection::Transport;
use turnwire::responses::Item;
use turnwire::turn::{RequestInput, RequestState};

use self::steering::Steering;
use super::plan::{LANES, Plan};
use super::stats::Stats;

pub use events::NUMBER;
pub use requests::Submission;
pub use server::{Arrival, Memory, Payload};

/// The oracle of one run.
#[derive(Debug)]
pub struct Oracle<'p> {
    plan: &'p Plan,
    /// Counts of faults, transitions and outcomes.
    pub stats: Stats,
    /// All requests of the application, in order of submission.
    pub requests: Vec<TrackedRequest>,
    /// All payloads that servers sent, in order, over all connections.
    pub payloads: Vec<Payload>,
    /// All responses that servers began.
    pub responses: Vec<Response>,
    connections: Vec<Connection>,
    turn: Turn,
    /// State of the newest request of each lane.
    lanes: [RequestState; LANES.len()],
    /// All steering submissions of the application.
    steerings: Vec<Steering>,
    /// When the client last had a visible effect.
    progress: u64,
    /// For each delay before a retry, whether it was exactly the nominal delay, in milliseconds.
    nominal: Vec<bool>,
    /// The first violation.
    pub violation: Option<Violation>,
}

/// A violated invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Name of the invariant.
    pub law: &'static str,
    /// Description of the violation.
    pub how: String,
}

/// The current logical turn.
#[derive(Debug, Default)]
struct Turn {
    number: u32,
    token: Option<String>,
}

/// One request of the application.
#[derive(Debug)]
pub struct TrackedRequest {
    /// The id that the client assigned.
    pub id: RequestId,
    turn: u32,
    /// Index of its lane in [`LANES`].
    pub lane: usize,
    /// Texts of the whole input.
    pub texts: Vec<String>,
    /// The whole input.
    pub input: Vec<Item>,
    /// For a unary call: whether it carries the turn token.
    pub call: Option<bool>,
    warm: bool,
    attempts: u32,
    attempt: Option<Attempt>,
    output: bool,
    /// Output items of the last attempt.
    pub items: Vec<Item>,
    not_before: Option<core::time::Duration>,
    /// Its outcome, once it has ended.
    pub ended: Option<&'static str>,
    /// Whether the application cancelled or interrupted it.
    pub cancelled: bool,
    /// Whether its response was interrupted.
    pub interrupted: bool,
}

/// One attempt: a request that the client sent on a connection.
#[derive(Debug)]
struct Attempt {
    link: usize,
    nth: usize,
    transport: Transport,
    /// Number of payloads of its response that were delivered.
    cursor: usize,
    /// The newest delivered payload.
    last: Option<usize>,
    /// The end of its response, unless a successor has begun.
    end: Option<usize>,
}

/// What the oracle knows of a connection.
#[derive(Debug, Default)]
struct Connection {
    sent: Vec<SentRecord>,
    arrived: Vec<Arrival>,
    delivered: [Option<usize>; LANES.len()],
}

/// A request as the client reported it in `Event::Sent`.
#[derive(Debug)]
struct SentRecord {
    ask: usize,
    token: Option<String>,
    incremental: bool,
    key: u32,
}

/// A response that a server began.
#[derive(Debug)]
pub struct Response {
    /// Its id.
    pub id: String,
    /// Indices of its payloads, in order of sending.
    pub payloads: Vec<usize>,
    /// The turn token in the response head.
    pub token: Option<String>,
}

impl<'p> Oracle<'p> {
    pub(super) fn new(plan: &'p Plan, now: u64) -> Self {
        Self {
            plan,
            stats: Stats::default(),
            requests: Vec::new(),
            payloads: Vec::new(),
            responses: Vec::new(),
            connections: Vec::new(),
            turn: Turn::default(),
            lanes: [RequestState::default(); LANES.len()],
            steerings: Vec::new(),
            progress: now,
            nominal: Vec::new(),
            violation: None,
        }
    }

    /// Records a violation. Only the first one is kept.
    pub fn violated(&mut self, law: &'static str, how: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { law, how: how() });
        }
    }

    fn require(&mut self, holds: bool, law: &'static str, how: impl FnOnce() -> String) {
        if !holds {
            self.violated(law, how);
        }
    }

    /// Applies an input to the state of the newest request of a lane.
    pub fn step(&mut self, lane: usize, input: RequestInput) {
        let state = self.lanes[lane];
        self.stats.step(state, input);
        if let Some(next) = state.after(input) {
            self.lanes[lane] = next;
        }
    }

    /// Returns the state of the lane's newest request, according to the client's events.
    #[must_use]
    pub const fn lane(&self, lane: usize) -> RequestState {
        self.lanes[lane]
    }

    /// Returns whether a request of the lane is in flight on this WebSocket.
    #[must_use]
    pub fn in_flight_on(&self, lane: usize, link: usize) -> bool {
        let on_link = |ask: &&TrackedRequest| {
            let on = |attempt: &Attempt| attempt.link == link && attempt.transport == Transport::WebSocket;
            ask.lane == lane && ask.attempt.as_ref().is_some_and(on)
        };
        // After a fallback, no event says which request fell back until it is sent again, so nothing can be compared.
        let told = self.stats.outcomes[5] == 0;
        self.requests.iter().rev().take(8).filter(|_| told).find(on_link).is_some_and(|ask| ask.call.is_none())
    }

    /// Records that the client had a visible effect.
    pub const fn progressed(&mut self, now: u64) {
        self.progress = now;
    }

    /// Checks that a request in flight makes progress within the sum of all deadlines.
    pub fn check_liveness(&mut self, now: u64, in_flight: bool, slack: u64) {
        let quiet = now.saturating_sub(self.progress);
        if in_flight && quiet > self.plan.patience() + slack {
            self.violated("no hang", || {
                format!("a request is in flight, and the client did nothing for {} ms", quiet / 1000)
            });
        }
    }

    /// Checks at the end of a run that every request has ended.
    pub fn check_end(&mut self) {
        let open: Vec<String> =
            self.requests.iter().filter(|ask| ask.ended.is_none()).map(|ask| ask.id.to_string()).collect();
        self.require(open.is_empty(), "law 11", || format!("requests {} have not ended", open.join(", ")));
        self.check_steerings();
        let flat = self.nominal.len() >= 5 && self.nominal.iter().all(|nominal| *nominal);
        self.require(!flat, "jitter", || "every delay before a retry is exactly the nominal one".into());
    }

    /// Records that the next logical turn has begun.
    pub fn turn_begun(&mut self) {
        self.turn.number += 1;
        self.turn.token = None;
        self.stats.turns += 1;
    }

    pub(super) fn find(&self, id: RequestId) -> Option<usize> {
        self.requests.iter().rposition(|ask| ask.id == id)
    }

    fn connection(&mut self, link: usize) -> &mut Connection {
        while self.connections.len() <= link {
            self.connections.push(Connection::default());
        }
        &mut self.connections[link]
    }
}

//! Who judges: what the application asked, what the server saw and said, what the client told, and the laws between them.

pub mod events;
pub mod requests;
pub mod server;

use turnwire::client::RequestId;
use turnwire::connection::Transport;
use turnwire::responses::Item;
use turnwire::turn::{RequestInput, RequestState};

use super::plan::{LANES, Plan};
use super::stats::Stats;

pub use events::NUMBER;
pub use requests::Asked;
pub use server::{Arrival, Memory, Payload};

/// The judge of one run.
#[derive(Debug)]
pub struct Oracle<'p> {
    plan: &'p Plan,
    /// What was hit.
    pub stats: Stats,
    /// Every request of the application.
    pub asks: Vec<Ask>,
    /// Every payload that a server sent, in that order, over all connections.
    pub payloads: Vec<Payload>,
    /// Every response that a server began.
    pub responses: Vec<Response>,
    tracks: Vec<Track>,
    turn: Turn,
    /// The state of the newest request of each lane.
    lanes: [RequestState; LANES.len()],
    /// When the client last did something that could be seen.
    progress: u64,
    /// Whether each delay before a retry was the nominal one, to the millisecond.
    nominal: Vec<bool>,
    /// What was broken first.
    pub broken: Option<Broken>,
}

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub law: &'static str,
    /// How.
    pub how: String,
}

/// The logical turn, as the judge knows it.
#[derive(Debug, Default)]
struct Turn {
    number: u32,
    token: Option<String>,
}

/// One request of the application.
#[derive(Debug)]
pub struct Ask {
    /// The client's name for it.
    pub id: RequestId,
    turn: u32,
    /// Which of the lanes.
    pub lane: usize,
    /// The input's texts, whole.
    pub texts: Vec<String>,
    /// The input itself.
    pub input: Vec<Item>,
    /// Whether it is a call, and if so, whether it bears the token.
    pub call: Option<bool>,
    warm: bool,
    attempts: u32,
    attempt: Option<Attempt>,
    output: bool,
    /// Items that came of the last attempt.
    pub items: Vec<Item>,
    not_before: Option<core::time::Duration>,
    /// How it ended.
    pub ended: Option<&'static str>,
    /// The application gave it up.
    pub cancelled: bool,
}

/// One time that a request was handed to a connection.
#[derive(Debug)]
struct Attempt {
    link: usize,
    nth: usize,
    transport: Transport,
    /// Payloads of its response that were delivered.
    cursor: usize,
    /// The newest payload that was delivered.
    last: Option<usize>,
}

/// What the judge knows of a connection.
#[derive(Debug, Default)]
struct Track {
    sent: Vec<Told>,
    arrived: Vec<Arrival>,
    delivered: [Option<usize>; LANES.len()],
}

/// What the client told of a request that it sent.
#[derive(Debug)]
struct Told {
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
    /// The payloads that belong to it, in the order they were sent.
    pub payloads: Vec<usize>,
    /// The token in the head that began it.
    pub token: Option<String>,
}

impl<'p> Oracle<'p> {
    pub(super) fn new(plan: &'p Plan, now: u64) -> Self {
        Self {
            plan,
            stats: Stats::default(),
            asks: Vec::new(),
            payloads: Vec::new(),
            responses: Vec::new(),
            tracks: Vec::new(),
            turn: Turn::default(),
            lanes: [RequestState::default(); LANES.len()],
            progress: now,
            nominal: Vec::new(),
            broken: None,
        }
    }

    /// A law was broken. The first one counts.
    pub fn breaks(&mut self, law: &'static str, how: impl FnOnce() -> String) {
        if self.broken.is_none() {
            self.broken = Some(Broken { law, how: how() });
        }
    }

    fn demand(&mut self, holds: bool, law: &'static str, how: impl FnOnce() -> String) {
        if !holds {
            self.breaks(law, how);
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

    /// Where the newest request of the lane stands, as far as the client has told.
    #[must_use]
    pub const fn lane(&self, lane: usize) -> RequestState {
        self.lanes[lane]
    }

    /// Whether a request of the lane is in flight on this WebSocket.
    #[must_use]
    pub fn flies_on(&self, lane: usize, link: usize) -> bool {
        let on_link = |ask: &&Ask| {
            let on = |attempt: &Attempt| attempt.link == link && attempt.transport == Transport::WebSocket;
            ask.lane == lane && ask.attempt.as_ref().is_some_and(on)
        };
        // Which request fell back is not told before it is sent again.
        let told = self.stats.outcomes[5] == 0;
        self.asks.iter().rev().take(8).filter(|_| told).find(on_link).is_some_and(|ask| ask.call.is_none())
    }

    /// The client did something that can be seen.
    pub const fn progressed(&mut self, now: u64) {
        self.progress = now;
    }

    /// Whether something is in flight and nothing has happened for longer than all deadlines together allow.
    pub fn judge_liveness(&mut self, now: u64, in_flight: bool, slack: u64) {
        let quiet = now.saturating_sub(self.progress);
        if in_flight && quiet > self.plan.patience() + slack {
            self.breaks("no hang", || format!("something is in flight, and nothing happened for {} ms", quiet / 1000));
        }
    }

    /// The run is over: nothing may be left open.
    pub fn judge_end(&mut self) {
        let open: Vec<String> =
            self.asks.iter().filter(|ask| ask.ended.is_none()).map(|ask| ask.id.to_string()).collect();
        self.demand(open.is_empty(), "law 11", || format!("requests {} have no end", open.join(", ")));
        let flat = self.nominal.len() >= 5 && self.nominal.iter().all(|nominal| *nominal);
        self.demand(!flat, "jitter", || "every delay before a retry is the nominal one".into());
    }

    /// The next logical turn began.
    pub fn begun(&mut self) {
        self.turn.number += 1;
        self.turn.token = None;
        self.stats.turns += 1;
    }

    pub(super) fn find(&self, id: RequestId) -> Option<usize> {
        self.asks.iter().rposition(|ask| ask.id == id)
    }

    fn track(&mut self, link: usize) -> &mut Track {
        while self.tracks.len() <= link {
            self.tracks.push(Track::default());
        }
        &mut self.tracks[link]
    }
}

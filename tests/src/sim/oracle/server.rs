//! What the server saw and said.

use turnwire::connection::Transport;
use turnwire::turn::RequestInput;

use super::Oracle;

/// A payload that a server sent.
#[derive(Debug)]
pub struct Payload {
    /// Over which connection.
    pub link: usize,
    /// Of which response.
    pub response: usize,
    /// What it is to the turn's table.
    pub class: RequestInput,
    /// Whether it has what belongs to its kind.
    pub well_formed: bool,
    /// It belongs to a response that has ended, or to none.
    pub late: bool,
    /// Whether it is an item that is done.
    pub item: bool,
    /// The token that it hands out.
    pub token: Option<String>,
    /// The text.
    pub text: String,
}

impl Payload {
    /// Whether it ends its request.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(self.class, RequestInput::Completed | RequestInput::Failed | RequestInput::Incomplete)
    }
}

/// A request that a server saw.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Which of the application's.
    pub ask: usize,
    /// On what.
    pub transport: Transport,
    /// The lane that it names.
    pub lane: Option<String>,
    /// The token that it bears.
    pub token: Option<String>,
    /// The response that it builds on.
    pub previous: Option<String>,
    /// The texts of its input.
    pub texts: Vec<String>,
    /// Its instructions.
    pub instructions: String,
    /// The number of the key that it shows; of WebSocket requests, the handshake's.
    pub key: u32,
    /// The response that answers it.
    pub response: Option<usize>,
}

/// What a server remembers of a lane.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The response's id.
    pub id: String,
    /// The texts of its request's input and of its output.
    pub texts: Vec<String>,
    /// Its request's instructions.
    pub instructions: String,
}

impl Oracle<'_> {
    /// A server saw a request; `memory` is what it has of the lane. Returns the input as it is meant.
    pub fn arrived(&mut self, link: usize, arrival: Arrival, memory: Option<&Memory>) -> Vec<String> {
        let ask = arrival.ask;
        let mut whole = Vec::new();
        if let Some(previous) = &arrival.previous {
            let known = memory.filter(|memory| memory.id == *previous);
            let alike = known.is_some_and(|memory| memory.instructions == arrival.instructions);
            self.demand(known.is_some(), "chain", || format!("a request builds on {previous}, which nobody remembers"));
            self.demand(alike, "chain", || format!("a request builds on {previous}, whose instructions were others"));
            whole.extend(known.into_iter().flat_map(|memory| memory.texts.clone()));
        }
        whole.extend(arrival.texts.iter().cloned());
        if self.asks[ask].call.is_none() {
            let (wanted, got) = (&self.asks[ask].texts, &whole);
            if wanted != got {
                let how = format!("request {} means {got:?}, and {wanted:?} was asked", self.asks[ask].id);
                self.breaks("chain", || how);
            }
            let lane = super::LANES[self.asks[ask].lane];
            let right = arrival.transport == Transport::Http || arrival.lane.as_deref() == lane;
            self.demand(right, "lanes", || "a request came on another lane than it was asked on".into());
        }
        let track = self.track(link);
        track.arrived.push(arrival);
        let nth = track.arrived.len() - 1;
        self.match_up(link, nth);
        whole
    }

    /// Compares what the client told of a request with what the server saw of it, once both are there.
    pub(super) fn match_up(&mut self, link: usize, nth: usize) {
        let track = &self.tracks[link];
        let (Some(told), Some(arrival)) = (track.sent.get(nth), track.arrived.get(nth)) else { return };
        let same = told.ask == arrival.ask;
        let token = told.token == arrival.token;
        let tokens = format!("{:?}, and {:?} is the turn's", arrival.token, told.token);
        let incremental = told.incremental == arrival.previous.is_some();
        // A WebSocket's handshake may be older than the credentials.
        let fresh = arrival.transport == Transport::WebSocket || told.key == arrival.key;
        let id = self.asks[told.ask].id;
        self.demand(same, "law 11", || format!("request {id} was told, and another was sent"));
        self.demand(token, "law 10", || format!("request {id} bears the token {tokens}"));
        self.demand(incremental, "chain", || format!("request {id} does not build as it was told"));
        self.demand(fresh, "credentials", || format!("request {id} shows old credentials"));
    }

    /// A server sent a payload.
    pub fn said(&mut self, payload: Payload) {
        if !payload.late {
            self.responses[payload.response].payloads.push(self.payloads.len());
        }
        self.payloads.push(payload);
    }
}

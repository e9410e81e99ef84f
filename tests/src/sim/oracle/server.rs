//! Checks of what the servers received, and the record of what they sent.

use turnwire::connection::Transport;
use turnwire::turn::RequestInput;

use super::Oracle;

/// A payload that a server sent.
#[derive(Debug)]
pub struct Payload {
    /// Index of its connection.
    pub link: usize,
    /// Index of its response.
    pub response: usize,
    /// Its class in the state table of `turn`.
    pub class: RequestInput,
    /// Whether it has all members that its type requires.
    pub well_formed: bool,
    /// Whether it belongs to a response that has ended, or to none.
    pub late: bool,
    /// Whether it is `response.output_item.done`.
    pub item: bool,
    /// Whether it is the end of a response that was interrupted.
    pub interrupted: bool,
    /// Whether it concerns no request, so that it may be delivered to none.
    pub nobody: bool,
    /// The turn token that it contains.
    pub token: Option<String>,
    /// Its text.
    pub text: String,
}

impl Payload {
    /// Returns whether it ends its request.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(self.class, RequestInput::Completed | RequestInput::Failed | RequestInput::Incomplete)
    }
}

/// A request that a server received.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Index of the application's request.
    pub ask: usize,
    /// Its transport.
    pub transport: Transport,
    /// Its `stream_id`.
    pub lane: Option<String>,
    /// Its turn token.
    pub token: Option<String>,
    /// Its `previous_response_id`.
    pub previous: Option<String>,
    /// The texts of its input.
    pub texts: Vec<String>,
    /// Its instructions.
    pub instructions: String,
    /// Number of its API key; for WebSocket requests, that of the handshake.
    pub key: u32,
    /// Index of the response to it.
    pub response: Option<usize>,
}

/// The last response of a lane, as the server remembers it.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Id of the response.
    pub id: String,
    /// Texts of the request's input and of its output.
    pub texts: Vec<String>,
    /// Instructions of the request.
    pub instructions: String,
}

impl Oracle<'_> {
    /// Checks a request that a server received. `memory` is the lane's last response. Returns the whole input.
    pub fn arrived(&mut self, link: usize, arrival: Arrival, memory: Option<&Memory>) -> Vec<String> {
        let ask = arrival.ask;
        let mut whole = Vec::new();
        if let Some(previous) = &arrival.previous {
            let known = memory.filter(|memory| memory.id == *previous);
            let alike = known.is_some_and(|memory| memory.instructions == arrival.instructions);
            self.require(known.is_some(), "chain", || {
                format!("a request refers to {previous}, which the server does not remember")
            });
            self.require(alike, "chain", || format!("a request refers to {previous}, which had other instructions"));
            whole.extend(known.into_iter().flat_map(|memory| memory.texts.clone()));
        }
        whole.extend(arrival.texts.iter().cloned());
        if self.requests[ask].call.is_none() {
            let (wanted, got) = (&self.requests[ask].texts, &whole);
            if wanted != got {
                let how = format!("request {} has the input {got:?}, expected {wanted:?}", self.requests[ask].id);
                self.violated("chain", || how);
            }
            let lane = super::LANES[self.requests[ask].lane];
            let right = arrival.transport == Transport::Http || arrival.lane.as_deref() == lane;
            self.require(right, "lanes", || "a request arrived on a lane other than its own".into());
        }
        let track = self.connection(link);
        track.arrived.push(arrival);
        let nth = track.arrived.len() - 1;
        self.compare_sent(link, nth);
        whole
    }

    /// Compares `Event::Sent` with the request that the server received, once both are recorded.
    pub(super) fn compare_sent(&mut self, link: usize, nth: usize) {
        let track = &self.connections[link];
        let (Some(told), Some(arrival)) = (track.sent.get(nth), track.arrived.get(nth)) else { return };
        let same = told.ask == arrival.ask;
        let token = told.token == arrival.token;
        let tokens = format!("{:?}, expected {:?}", arrival.token, told.token);
        let incremental = told.incremental == arrival.previous.is_some();
        // A WebSocket's handshake may be older than the current credentials.
        let fresh = arrival.transport == Transport::WebSocket || told.key == arrival.key;
        let id = self.requests[told.ask].id;
        self.require(same, "law 11", || {
            format!("request {id} was reported as sent, but the server received another one")
        });
        self.require(token, "law 10", || format!("request {id} carries the turn token {tokens}"));
        self.require(incremental, "chain", || {
            format!("request {id} is not incremental exactly when `Sent` reports it")
        });
        self.require(fresh, "credentials", || format!("request {id} carries old credentials"));
    }

    /// Records a payload that a server sent.
    pub fn payload_sent(&mut self, payload: Payload) {
        if !payload.late {
            self.responses[payload.response].payloads.push(self.payloads.len());
        }
        self.payloads.push(payload);
    }
}

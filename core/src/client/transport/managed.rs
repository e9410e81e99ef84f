//! A connection with what the client knows of it: its phase and age, its lanes, and the responses that the server remembers.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::client::connect::ForwardProxy;
use crate::client::encode::PreviousResponses;
use crate::client::passed::has_passed;
use crate::client::requests::LaneId;
use crate::connection::{ClientConnection, Transport};
use crate::http::Headers;
use crate::time::Instant;

/// How long the client waits for the rest of a body after its response has ended, when another request waits. Then that request
/// takes a new connection.
const BODY_TAIL_TIMEOUT: Duration = Duration::from_millis(100);

/// The close code of an orderly end (RFC 6455 §7.4.1).
const NORMAL_CLOSURE: u16 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum ConnectionPhase {
    /// The WebSocket handshake must be accepted by the deadline.
    Handshaking {
        deadline: Instant,
    },
    Open,
    /// The client has begun to close it.
    Closing,
    /// It has ended. Bytes may still have to be written.
    Closed,
}

/// The one exchange that an HTTP connection carries at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum HttpSlot {
    Idle,
    /// A request was sent, and its response has not ended.
    Receiving,
    /// The response ended at this time, and its body goes on.
    BodyTail {
        since: Instant,
    },
}

/// Whether the server still has the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum ConnectionCheck {
    /// Bytes have arrived since it was in doubt, or it never was.
    Trusted,
    /// Something has happened after which connections are often lost without notice.
    Doubted,
    /// A ping was sent. Bytes must arrive by the deadline.
    Pinged { deadline: Instant },
}

/// A lane whose response was abandoned and goes on.
#[derive(Clone, Debug)]
pub(in crate::client) struct DrainingLane {
    pub(in crate::client) lane: LaneId,
    pub(in crate::client) end: DrainEnd,
}

/// What ends the drain of a lane, if its response does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum DrainEnd {
    /// The connection is closed at this time, unless it carries a request.
    At(Instant),
    /// The connection is closed as soon as it carries no request.
    WhenIdle,
}

#[derive(Debug)]
pub(in crate::client) struct ManagedConnection {
    pub(in crate::client) connection: ClientConnection,
    pub(in crate::client) transport: Transport,
    pub(in crate::client) phase: ConnectionPhase,
    /// The proxy that forwards the requests, if the socket leads to one instead of the host.
    pub(in crate::client) forward_proxy: Option<ForwardProxy>,
    /// Of the headers that accepted the WebSocket handshake, those that apply to each request.
    pub(in crate::client) handshake: Option<Headers>,
    /// The length of the largest message that the server accepts, if it says so.
    pub(in crate::client) max_message_bytes: Option<usize>,
    pub(in crate::client) http: HttpSlot,
    pub(in crate::client) draining: Vec<DrainingLane>,
    pub(in crate::client) previous_responses: PreviousResponses,
    /// It was open when a turn ended, so that late events of that turn may arrive.
    pub(in crate::client) outlived_turn: bool,
    /// It takes no more requests.
    pub(in crate::client) retired: bool,
    /// Whether the server still has the connection, where that is in doubt.
    pub(in crate::client) check: ConnectionCheck,
    /// `Event::Disconnected` was emitted before its end.
    pub(in crate::client) disconnect_reported: bool,
    /// The application has sent a message of its own, so that events without a request are delivered.
    pub(in crate::client) delivers_unmatched: bool,
    /// The names that lanes have had on it.
    lane_names: Vec<String>,
    requests_sent: u32,
    opened_at: Instant,
}

impl ManagedConnection {
    pub(in crate::client) fn new(
        connection: ClientConnection,
        transport: Transport,
        phase: ConnectionPhase,
        now: Instant,
    ) -> Box<Self> {
        Box::new(Self {
            connection,
            transport,
            phase,
            forward_proxy: None,
            handshake: None,
            max_message_bytes: None,
            http: HttpSlot::Idle,
            draining: Vec::new(),
            previous_responses: PreviousResponses::default(),
            outlived_turn: false,
            retired: false,
            check: ConnectionCheck::Trusted,
            disconnect_reported: false,
            delivers_unmatched: false,
            lane_names: Vec::new(),
            requests_sent: 0,
            opened_at: now,
        })
    }

    /// Returns the limit of the server that a message exceeds.
    pub(in crate::client) fn exceeded_limit(&self, message: &str) -> Option<usize> {
        self.max_message_bytes.filter(|limit| message.len() > *limit)
    }

    /// Begins the closing handshake, unless it has begun. What is to be written is written before it.
    pub(in crate::client) fn close(&mut self, now: Instant) {
        if self.phase == ConnectionPhase::Open {
            self.connection.begin_close(now, NORMAL_CLOSURE);
            self.phase = ConnectionPhase::Closing;
        }
    }

    /// Records that the connection has ended. Returns the phase before.
    pub(in crate::client) fn record_closed(&mut self) -> ConnectionPhase {
        self.previous_responses = PreviousResponses::default();
        core::mem::replace(&mut self.phase, ConnectionPhase::Closed)
    }

    /// Records that a request is sent. Returns whether it is not the first.
    pub(in crate::client) const fn record_request(&mut self) -> bool {
        let reused = self.requests_sent > 0;
        self.requests_sent += 1;
        reused
    }

    /// Records that the response on the HTTP connection has ended, although its body may go on.
    pub(in crate::client) const fn record_response_end(&mut self, now: Instant) {
        if matches!(self.http, HttpSlot::Receiving) {
            self.http = HttpSlot::BodyTail { since: now };
        }
    }

    /// Returns whether the connection must be checked before the next request: it was doubted, or the server has been silent for
    /// longer than `after`.
    pub(in crate::client) fn must_check(&self, now: Instant, after: Option<Duration>) -> bool {
        let heard = self.connection.last_seen().bytes.map_or(self.opened_at, |bytes| bytes.max(self.opened_at));
        let silent = after.is_some_and(|after| has_passed(heard + after, now));
        self.check == ConnectionCheck::Doubted || (silent && self.check == ConnectionCheck::Trusted)
    }

    /// Returns until when bytes must arrive, if the connection is being checked.
    pub(in crate::client) const fn check_deadline(&self) -> Option<Instant> {
        match self.check {
            ConnectionCheck::Pinged { deadline } => Some(deadline),
            ConnectionCheck::Trusted | ConnectionCheck::Doubted => None,
        }
    }

    /// Asks the server for a sign that it still has the WebSocket.
    pub(in crate::client) fn begin_check(&mut self, now: Instant, timeout: Duration) {
        self.connection.ping(now);
        self.check = ConnectionCheck::Pinged { deadline: now + timeout };
    }

    /// Returns whether the socket can be dropped: the connection is over, or is closing and the next request waits for a new one.
    pub(in crate::client) fn can_drop_socket(&self, next_request_waits: bool) -> bool {
        matches!(self.phase, ConnectionPhase::Closing | ConnectionPhase::Closed)
            && (self.connection.is_finished() || (next_request_waits && self.connection.poll_transmit().is_empty()))
    }

    /// Returns whether the connection was kept only for the requests beside one that was abandoned.
    pub(in crate::client) fn must_close_when_idle(&self) -> bool {
        self.phase == ConnectionPhase::Open && self.draining.iter().any(|lane| lane.end == DrainEnd::WhenIdle)
    }

    /// Returns when a WebSocket becomes too old for another request.
    pub(in crate::client) fn expires_at(&self, max_age: Option<Duration>) -> Option<Instant> {
        max_age.filter(|_| self.transport == Transport::WebSocket).map(|age| self.opened_at + age)
    }

    /// Returns whether the connection takes no further request at this time.
    pub(in crate::client) fn is_expired(&self, now: Instant, max_age: Option<Duration>) -> bool {
        self.retired || self.expires_at(max_age).is_some_and(|expiry| has_passed(expiry, now))
    }

    /// Until when a waiting request leaves the rest of a body its time.
    pub(in crate::client) fn body_tail_deadline(&self) -> Option<Instant> {
        match self.http {
            HttpSlot::BodyTail { since } => Some(since + BODY_TAIL_TIMEOUT),
            HttpSlot::Idle | HttpSlot::Receiving => None,
        }
    }

    /// Returns the first time at which a drain ends.
    pub(in crate::client) fn drain_deadline(&self) -> Option<Instant> {
        let at = |lane: &DrainingLane| match lane.end {
            DrainEnd::At(deadline) => Some(deadline),
            DrainEnd::WhenIdle => None,
        };
        self.draining.iter().filter_map(at).min()
    }

    /// Returns whether an abandoned response goes on on this lane.
    pub(in crate::client) fn is_draining(&self, lane: Option<&str>) -> bool {
        self.draining.iter().any(|draining| draining.lane.is(lane))
    }

    /// Abandons the response on this lane, which may go on.
    pub(in crate::client) fn abandon(&mut self, now: Instant, lane: LaneId, end: DrainEnd) {
        self.connection.abandon(now, lane.name());
        self.draining.push(DrainingLane { lane, end });
    }

    /// Records that the response on this lane has ended.
    pub(in crate::client) fn record_lane_end(&mut self, lane: &LaneId) {
        self.draining.retain(|draining| draining.lane != *lane);
    }

    /// Returns whether a lane of this name can be used: it was used before, or another name can be added.
    pub(in crate::client) fn has_room_for(&self, lane: Option<&str>, max_names: usize) -> bool {
        lane.is_none_or(|lane| self.knows_lane(lane)) || self.lane_names.len() < max_names
    }

    /// Records that a lane of this name is used.
    pub(in crate::client) fn record_lane(&mut self, lane: Option<&str>) {
        if let Some(lane) = lane
            && !self.knows_lane(lane)
        {
            self.lane_names.push(lane.into());
        }
    }

    fn knows_lane(&self, lane: &str) -> bool {
        self.lane_names.iter().any(|known| known == lane)
    }
}

//! Which deadline of a client is next, and which has passed.

use core::time::Duration;

use super::request::RequestId;
use super::requests::RequestTable;
use super::transport::{ConnectionPhase, ConnectionSlot, ManagedConnection};
use crate::connection::Transport;
use crate::time::Instant;

/// What has taken too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// Opening a connection of this transport, the handshake included.
    Connecting(Transport),
    /// The response to this request.
    Response(RequestId),
    /// The end of an abandoned response.
    Drain,
    /// New credentials for this request.
    Credentials(RequestId),
}

/// The state that the deadlines follow from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines<'a> {
    pub(super) requests: &'a RequestTable,
    pub(super) slot: &'a ConnectionSlot,
    /// How long a request that shares its WebSocket may stay silent. The connection itself watches a request that is alone.
    pub(super) lane_idle: Option<Duration>,
    pub(super) max_connection_age: Option<Duration>,
    /// The loop reads from the socket. The deadlines of responses do not run while it does not.
    pub(super) reading: bool,
}

impl Deadlines<'_> {
    /// The next deadline, those of the connection included.
    pub(super) fn next(&self) -> Option<Instant> {
        let of_slot = match self.slot {
            ConnectionSlot::Disconnected => None,
            ConnectionSlot::Connecting { deadline, .. } => Some(*deadline),
            ConnectionSlot::Connected(managed) => self.of_connection(managed),
        };
        of_slot.into_iter().chain(self.requests.next_deadline(self.lane_idle, self.reading)).min()
    }

    fn of_connection(&self, managed: &ManagedConnection) -> Option<Instant> {
        let handshake = match managed.phase {
            ConnectionPhase::Handshaking { deadline } => Some(deadline),
            ConnectionPhase::Open | ConnectionPhase::Closing | ConnectionPhase::Closed => None,
        };
        let open = managed.phase == ConnectionPhase::Open;
        let idle = open && self.requests.in_flight_count() == 0;
        let expiry = managed.expires_at(self.max_connection_age).filter(|_| idle);
        let drain = managed.drain_deadline().filter(|_| idle);
        let body_tail = managed.body_tail_deadline().filter(|_| open && self.requests.next_ready().is_some());
        let own = managed.connection.poll_timeout_if(self.reading);
        own.into_iter().chain(handshake).chain(expiry).chain(body_tail).chain(drain).min()
    }

    /// The first deadline that has passed and that the client itself handles.
    pub(super) fn expired(&self, now: Instant) -> Option<Expired> {
        let passed = |deadline: Instant| deadline <= now;
        match self.slot {
            ConnectionSlot::Connecting { transport, deadline } if passed(*deadline) => {
                return Some(Expired::Connecting(*transport));
            }
            ConnectionSlot::Connected(managed) => {
                if let ConnectionPhase::Handshaking { deadline } = managed.phase
                    && passed(deadline)
                {
                    return Some(Expired::Connecting(managed.transport));
                }
            }
            ConnectionSlot::Disconnected | ConnectionSlot::Connecting { .. } => {}
        }
        if self.reading
            && let Some(id) = self.requests.first_overdue(now, self.lane_idle)
        {
            return Some(Expired::Response(id));
        }
        let drains = |managed: &ManagedConnection| {
            managed.phase == ConnectionPhase::Open && managed.drain_deadline().is_some_and(passed)
        };
        if self.requests.in_flight_count() == 0 && self.slot.connected().is_some_and(drains) {
            return Some(Expired::Drain);
        }
        self.requests.first_unanswered(now).map(Expired::Credentials)
    }
}

//! The deadlines of a client: the next one, and those that have passed.

use core::time::Duration;

use super::passed::{NEVER, has_passed};
use super::request::RequestId;
use super::requests::RequestTable;
use super::transport::{ConnectAttempts, ConnectionPhase, ConnectionSlot, ManagedConnection};
use crate::connection::Transport;
use crate::time::Instant;

/// A deadline that has passed, by its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// Opening a connection of this transport, the handshake included.
    Connecting(Transport),
    /// A sign that the server still has the connection.
    Check,
    /// The response to this request.
    Response(RequestId),
    /// The end of an abandoned response.
    Drain,
    /// New credentials for this request.
    Credentials(RequestId),
    /// This request, with all its attempts and delays.
    Total(RequestId),
}

/// The state from which the deadlines are computed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines<'a> {
    pub(super) requests: &'a RequestTable,
    pub(super) slot: &'a ConnectionSlot,
    pub(super) connect_attempts: &'a ConnectAttempts,
    /// How long a request that shares its WebSocket may stay silent. The connection itself watches a request that is alone.
    pub(super) lane_idle: Option<Duration>,
    pub(super) max_connection_age: Option<Duration>,
    /// Whether the loop reads from the socket. Otherwise the deadlines of responses do not run.
    pub(super) reading: bool,
}

impl Deadlines<'_> {
    /// Returns the next deadline, including those of the connection.
    pub(super) fn next(&self) -> Option<Instant> {
        let of_slot = match self.slot {
            ConnectionSlot::Disconnected => self.connect_attempts.retry_at().filter(|_| self.can_send()),
            ConnectionSlot::Connecting { deadline, .. } => Some(*deadline),
            ConnectionSlot::Connected(managed) => self.of_connection(managed),
        };
        let next = of_slot.into_iter().chain(self.requests.next_deadline(self.lane_idle, self.reading)).min();
        next.filter(|deadline| *deadline != NEVER)
    }

    /// Returns whether a request waits for the connection alone.
    fn can_send(&self) -> bool {
        self.requests.next_ready().is_some() && !self.requests.awaits_credentials()
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
        let body_tail = managed.body_tail_deadline().filter(|_| open && self.can_send());
        let check = managed.check_deadline().filter(|_| open && self.reading);
        let own = managed.connection.poll_timeout_if(self.reading);
        own.into_iter().chain(check).chain(handshake).chain(expiry).chain(body_tail).chain(drain).min()
    }

    /// Returns the first deadline that has passed and that the client itself handles.
    pub(super) fn expired(&self, now: Instant) -> Option<Expired> {
        let passed = |deadline: Instant| has_passed(deadline, now);
        if let Some(id) = self.requests.first_over_total(now) {
            return Some(Expired::Total(id));
        }
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
                let checked = managed.phase == ConnectionPhase::Open && self.reading;
                if checked && managed.check_deadline().is_some_and(passed) {
                    return Some(Expired::Check);
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

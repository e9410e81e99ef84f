//! Opens, closes and drops the connection.

use super::Conversation;
use crate::client::config::AbandonMode;
use crate::client::connect::{ConnectTarget, ForwardProxy, SocketCommand};
use crate::client::event::Disconnected;
use crate::client::policy::{self, FailurePoint};
use crate::client::queued_event::QueuedEvent;
use crate::client::requests::LaneId;
use crate::client::transport::{ConnectionCheck, ConnectionPhase, ConnectionSlot, DrainEnd, ManagedConnection};
use crate::connection::{ClientConnection, CloseReason, Transport};
use crate::responses::Failure;
use crate::time::Instant;

impl Conversation {
    pub(in crate::client) fn start_connecting(&mut self, now: Instant, transport: Transport) {
        let endpoint = &self.builder.shared.endpoint;
        let mut target = ConnectTarget::new(&endpoint.host, endpoint.port, endpoint.tls);
        target.websocket = transport == Transport::WebSocket;
        self.socket_command = Some(SocketCommand::Connect(target));
        let deadline = now + self.builder.shared.provider.connect_timeout;
        self.slot = ConnectionSlot::Connecting { transport, deadline };
    }

    /// The requested socket is open, or one to a proxy that forwards requests: begins the handshake, if there is one.
    pub(in crate::client) fn begin_connection(&mut self, now: Instant, proxy: Option<ForwardProxy>) {
        let ConnectionSlot::Connecting { transport, deadline } = self.slot else { return };
        let config = self.builder.shared.connection(transport);
        let mut connection = ClientConnection::new(config, transport, self.entropy.fork());
        let phase = match transport {
            Transport::Http => {
                self.connect_attempts.reset();
                self.push(QueuedEvent::Connected(transport, None));
                ConnectionPhase::Open
            }
            Transport::WebSocket => {
                let requests = || self.requests.iter().filter_map(|request| request.submission.request());
                let request = requests().find(|request| request.turn.is_some()).or_else(|| requests().next());
                let begun = self.builder.build_handshake(request).and_then(|(target, headers)| {
                    let rejected = |_| Failure::build("the handshake cannot be built");
                    connection.upgrade(now, &target, &headers).map_err(rejected)
                });
                if let Err(failure) = begun {
                    self.drop_connection(now);
                    return self.fail_connect_attempt(now, transport, FailurePoint::Unsent, failure);
                }
                ConnectionPhase::Handshaking { deadline }
            }
        };
        let mut managed = ManagedConnection::new(connection, transport, phase, now);
        managed.forward_proxy = proxy;
        self.slot = ConnectionSlot::Connected(managed);
    }

    /// Asks the server whether it still has the connection.
    pub(in crate::client) fn check_connection(&mut self, now: Instant) {
        let timeout = self.builder.shared.provider.capabilities.check_timeout;
        if let Some(managed) = self.slot.connected_mut() {
            managed.begin_check(now, timeout);
        }
    }

    /// Doubts the connection, and checks it at once if requests wait for their responses on it.
    pub(in crate::client) fn doubt_connection(&mut self, now: Instant) {
        let in_flight = self.requests.in_flight_count() > 0;
        let Some(managed) = self.slot.connected_mut().filter(|managed| managed.phase == ConnectionPhase::Open) else {
            return;
        };
        if managed.check_deadline().is_none() {
            managed.check = ConnectionCheck::Doubted;
            if in_flight && managed.transport == Transport::WebSocket {
                self.check_connection(now);
            }
        }
    }

    /// Drops the socket, or withdraws the request for one.
    pub(in crate::client) fn drop_connection(&mut self, now: Instant) {
        self.drop_connection_because(now, CloseReason::Local);
    }

    /// Drops the socket for a reason, which the application and the requests in flight are told.
    pub(super) fn drop_connection_because(&mut self, now: Instant, reason: CloseReason) {
        self.socket_command = Some(SocketCommand::Disconnect);
        let before = core::mem::replace(&mut self.slot, ConnectionSlot::Disconnected);
        if let ConnectionSlot::Connected(managed) = before {
            let failure = policy::connection_lost(managed.transport, &reason);
            self.fail_in_flight(now, FailurePoint::ConnectionLost, &failure);
            self.give_up_waiting();
            let open = matches!(managed.phase, ConnectionPhase::Open | ConnectionPhase::Closing);
            if open && !managed.disconnect_reported {
                self.report_disconnected(Disconnected::Closed(reason));
            }
        }
    }

    pub(super) fn close_connection(&mut self, now: Instant) {
        if let Some(managed) = self.slot.connected_mut() {
            managed.close(now);
        }
    }

    pub(super) const fn retire_connection(&mut self) {
        if let ConnectionSlot::Connected(managed) = &mut self.slot {
            managed.retired = true;
        }
    }

    /// Leaves a request in flight without its response.
    pub(super) fn abandon_on_connection(&mut self, now: Instant, lane: LaneId, mode: AbandonMode) {
        let end = match mode {
            AbandonMode::Close => DrainEnd::WhenIdle,
            AbandonMode::Drain { limit } => DrainEnd::At(now + limit),
        };
        let in_flight = self.requests.in_flight_count();
        let Some(managed) = self.slot.connected_mut() else { return };
        match (managed.transport, end) {
            (Transport::Http, _) => self.drop_connection(now),
            (Transport::WebSocket, DrainEnd::WhenIdle) if in_flight == 0 => managed.close(now),
            (Transport::WebSocket, _) => managed.abandon(now, lane, end),
        }
    }
}

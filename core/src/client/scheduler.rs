//! `next_action`: decides the client's next action with its requests and its connection.

use super::config::Capabilities;
use super::request::RequestId;
use super::requests::RequestTable;
use super::transport::TransportSelector;
use super::transport::{ConnectAttempts, ConnectionPhase, ConnectionSlot, HttpSlot, ManagedConnection};
use crate::connection::Transport;
use crate::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextAction {
    /// Nothing can be done before something happens.
    Wait,
    /// Connect with this transport, in place of whatever connection there is.
    Connect(Transport),
    /// Drop the socket.
    DropConnection,
    /// Close the connection in the way of its protocol.
    CloseConnection,
    /// Ask the server whether it still has the connection.
    CheckConnection,
    /// Send no further request on the connection.
    RetireConnection,
    /// Send this request over HTTP.
    SendOverHttp(RequestId),
    /// Send this request on the WebSocket.
    SendMessage(RequestId),
    /// End this prewarm: the client takes HTTP.
    SkipPrewarm(RequestId),
}

/// The state that the next action follows from.
#[derive(Clone, Copy, Debug)]
pub(super) struct SchedulerState<'a> {
    /// The application takes no more events of requests, so that the connection ends.
    pub(super) is_ending: bool,
    pub(super) requests: &'a RequestTable,
    pub(super) slot: &'a ConnectionSlot,
    pub(super) connect_attempts: &'a ConnectAttempts,
    pub(super) selector: &'a TransportSelector,
    pub(super) capabilities: &'a Capabilities,
    /// The server ignores lanes, so that one request at a time can be in flight.
    pub(super) lanes_ignored: bool,
}

/// Decides the next action. Every action but `Wait` changes the state that it was decided from, so that a loop ends.
pub(super) fn next_action(now: Instant, state: &SchedulerState<'_>) -> NextAction {
    let SchedulerState { is_ending, requests, slot, connect_attempts, selector, capabilities, lanes_ignored } = *state;
    let next = requests.next_ready();
    if slot.connected().is_some_and(|managed| managed.can_drop_socket(next.is_some())) {
        return NextAction::DropConnection;
    }
    if is_ending {
        return end_connection(slot);
    }
    let in_flight = requests.in_flight_count();
    if in_flight == 0 && slot.connected().is_some_and(ManagedConnection::must_close_when_idle) {
        return NextAction::CloseConnection;
    }
    let Some(request) = next else { return rotate(now, in_flight, slot, capabilities) };
    let transport = selector.transport_for(request);
    if transport == Transport::Http && request.is_prewarm() {
        return NextAction::SkipPrewarm(request.id);
    }
    // The server refused the credentials, and the application was asked for others: nothing shows them again.
    if requests.awaits_credentials() {
        return rotate(now, in_flight, slot, capabilities);
    }
    match slot {
        ConnectionSlot::Disconnected if connect_attempts.must_wait(now, transport) => NextAction::Wait,
        ConnectionSlot::Disconnected => NextAction::Connect(transport),
        ConnectionSlot::Connecting { transport: current, .. } if *current == transport => NextAction::Wait,
        // The request that the connection was for has ended.
        ConnectionSlot::Connecting { .. } => NextAction::Connect(transport),
        ConnectionSlot::Connected(managed) => match managed.phase {
            ConnectionPhase::Closing | ConnectionPhase::Closed => NextAction::Wait,
            ConnectionPhase::Handshaking { .. } if managed.transport == transport => NextAction::Wait,
            ConnectionPhase::Handshaking { .. } => NextAction::DropConnection,
            ConnectionPhase::Open
                if managed.transport != transport || managed.is_expired(now, capabilities.max_connection_age) =>
            {
                match (in_flight, managed.transport) {
                    (1.., _) => NextAction::Wait,
                    (0, Transport::WebSocket) => NextAction::CloseConnection,
                    (0, Transport::Http) => NextAction::DropConnection,
                }
            }
            ConnectionPhase::Open if managed.check_deadline().is_some() => NextAction::Wait,
            ConnectionPhase::Open => match transport {
                Transport::Http if in_flight == 0 && managed.must_check(now, capabilities.check_after) => {
                    NextAction::DropConnection
                }
                Transport::Http => send_over_http(now, request.id, managed),
                Transport::WebSocket if managed.must_check(now, capabilities.check_after) => {
                    NextAction::CheckConnection
                }
                Transport::WebSocket => {
                    let limit = if lanes_ignored { 1 } else { capabilities.max_concurrent_requests.max(1) };
                    send_message(in_flight, limit, requests, managed, selector, capabilities)
                }
            },
        },
    }
}

/// Returns the connection of a client that is being closed.
fn end_connection(slot: &ConnectionSlot) -> NextAction {
    match slot {
        ConnectionSlot::Disconnected => NextAction::Wait,
        ConnectionSlot::Connecting { .. } => NextAction::DropConnection,
        ConnectionSlot::Connected(managed) => match (managed.phase, managed.transport) {
            (ConnectionPhase::Closing | ConnectionPhase::Closed, _) => NextAction::Wait,
            (ConnectionPhase::Open, Transport::WebSocket) => NextAction::CloseConnection,
            (ConnectionPhase::Open, Transport::Http) | (ConnectionPhase::Handshaking { .. }, _) => {
                NextAction::DropConnection
            }
        },
    }
}

/// Without a request, a connection that is too old is closed, so that the next request does not wait for its end.
fn rotate(now: Instant, in_flight: usize, slot: &ConnectionSlot, capabilities: &Capabilities) -> NextAction {
    let expired = |managed: &ManagedConnection| {
        managed.phase == ConnectionPhase::Open && managed.is_expired(now, capabilities.max_connection_age)
    };
    if in_flight == 0 && slot.connected().is_some_and(expired) { NextAction::CloseConnection } else { NextAction::Wait }
}

fn send_over_http(now: Instant, id: RequestId, managed: &ManagedConnection) -> NextAction {
    match managed.http {
        HttpSlot::Idle => NextAction::SendOverHttp(id),
        HttpSlot::Receiving => NextAction::Wait,
        HttpSlot::BodyTail { .. } if managed.body_tail_deadline().is_some_and(|deadline| deadline <= now) => {
            NextAction::DropConnection
        }
        HttpSlot::BodyTail { .. } => NextAction::Wait,
    }
}

/// Returns the first request whose lane is free is sent, as long as the server takes another one.
fn send_message(
    in_flight: usize,
    max_concurrent: usize,
    requests: &RequestTable,
    managed: &ManagedConnection,
    selector: &TransportSelector,
    capabilities: &Capabilities,
) -> NextAction {
    // A response that was abandoned counts, too: the server still works on it.
    if in_flight + managed.draining.len() >= max_concurrent {
        return NextAction::Wait;
    }
    let sendable = requests.ready().find(|request| {
        selector.transport_for(request) == Transport::WebSocket && !managed.is_draining(request.lane())
    });
    match sendable {
        None => NextAction::Wait,
        Some(request) if managed.has_room_for(request.lane(), capabilities.max_lane_names.max(1)) => {
            NextAction::SendMessage(request.id)
        }
        Some(_) => NextAction::RetireConnection,
    }
}

//! Takes the steps of the connection, and applies what they mean beyond their request.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Conversation, SocketInput};
use crate::client::encode::RESPONSES;
use crate::client::event::Disconnected;
use crate::client::policy::{self, FailurePoint};
use crate::client::queued_event::{Deliver, QueuedEvent, QueuedOutcome};
use crate::client::receive::{ConnectionEffect, Received, Receiver};
use crate::client::request::RequestId;
use crate::client::requests::{ActiveRequest, AttemptKind, Submission};
use crate::client::transport::{ConnectionPhase, HttpSlot, ManagedConnection};
use crate::connection::{CloseReason, Transport};
use crate::http::Response;
use crate::responses::operations::path_of_response;
use crate::responses::{
    CompletedResponse, DeliveredOutput, Envelope, Failure, FailureKind, HANDSHAKE_HEADERS, TURN_STATE,
};
use crate::responses::{WholeResponse, is_unended_response};
use crate::time::Instant;

impl Conversation {
    /// Takes one step of the connection and applies it. Returns whether the scheduler must run at once, and `None` when there is
    /// no further step. `deliver` may get an event at once, if none waits.
    pub(in crate::client) fn take_step(
        &mut self,
        now: Instant,
        input: SocketInput<'_, '_>,
        deliver: Option<&mut Deliver<'_>>,
    ) -> Option<bool> {
        let keeps_turn_token = self.builder.shared.provider.capabilities.turn_token;
        let max_item_bytes = self.builder.shared.settings.connection.max_body;
        let managed = self.slot.connected_mut()?;
        let ManagedConnection { connection, transport, handshake, .. } = managed;
        let mut receiver = Receiver {
            requests: &mut self.requests,
            turn: &mut self.turn,
            events: &mut self.events,
            collectors: &mut self.collectors,
            deliver,
            unmatched_events: &mut self.unmatched_events,
            waiting: &mut self.waiting,
            delivers_unmatched: managed.delivers_unmatched,
            outlived_turn: managed.outlived_turn,
            keeps_turn_token,
            max_item_bytes,
            whole: None,
        };
        let step = match input {
            SocketInput::Bytes(bytes) => {
                receiver.take_repeats(now, *transport, handshake.as_ref(), connection, bytes);
                connection.step(now, bytes)
            }
            SocketInput::End(lost) => connection.step_end(now, lost),
            SocketInput::Timeout => connection.step_timeout(now),
        }?;
        let Received { effect, ended_lane } = receiver.apply_step(now, *transport, handshake.as_ref(), step);
        self.lanes_ignored |= managed.connection.ignores_lanes();
        let matters = ended_lane.is_some() || !matches!(effect, ConnectionEffect::None);
        if let Some(lane) = ended_lane {
            managed.record_lane_end(&lane);
        }
        self.apply_effect(now, effect);
        Some(matters)
    }

    pub(super) fn receiver(&mut self) -> Receiver<'_, '_> {
        Receiver {
            requests: &mut self.requests,
            turn: &mut self.turn,
            events: &mut self.events,
            collectors: &mut self.collectors,
            deliver: None,
            unmatched_events: &mut self.unmatched_events,
            waiting: &mut self.waiting,
            delivers_unmatched: false,
            outlived_turn: false,
            keeps_turn_token: self.builder.shared.provider.capabilities.turn_token,
            max_item_bytes: self.builder.shared.settings.connection.max_body,
            whole: None,
        }
    }

    pub(super) fn apply_effect(&mut self, now: Instant, effect: ConnectionEffect) {
        match effect {
            ConnectionEffect::None => {}
            ConnectionEffect::Upgraded { mut head } => {
                self.connect_attempts.reset();
                if let Some(managed) = self.slot.connected_mut() {
                    managed.max_message_bytes = max_message_bytes(&head);
                    head.headers.keep_only(&HANDSHAKE_HEADERS);
                    managed.handshake = Some(head.headers);
                    managed.phase = ConnectionPhase::Open;
                }
            }
            ConnectionEffect::HandshakeRejected { head, body } => {
                self.fail_handshake(now, &head, &body);
                self.drop_connection(now);
            }
            ConnectionEffect::WholeResponse { head, body } => {
                self.handle_whole_response(now, head, body);
                self.record_response_end(now);
            }
            ConnectionEffect::ResponseEnded { id, outcome } => {
                self.end_response(now, id, outcome);
                self.record_response_end(now);
            }
            ConnectionEffect::InterruptibleResponse { id } => self.send_interruption(now, id),
            ConnectionEffect::InterruptionFailed { id } => self.fail_interruption(now, id),
            ConnectionEffect::SubmissionChanged { id } => self.release_if_settled(now, id),
            ConnectionEffect::RequestFailed { id, failure } => {
                let kind = failure.kind;
                let mut outcome = QueuedOutcome::Failed(*failure);
                if kind != FailureKind::ConnectionLimit && self.hold(now, id, &mut outcome, Some(kind)) {
                    return;
                }
                let QueuedOutcome::Failed(failure) = outcome else { return };
                self.fail(now, id, FailurePoint::Event, failure);
                self.apply_failed_response(now, kind);
            }
            ConnectionEffect::HttpIdle { last_words } => {
                let Some(managed) = self.slot.connected_mut() else { return };
                managed.http = HttpSlot::Idle;
                let lost = policy::connection_lost(managed.transport, &CloseReason::Eof);
                match last_words {
                    Some(failure) => self.fail_in_flight(now, FailurePoint::Event, &failure),
                    None => self.fail_in_flight(now, FailurePoint::ConnectionLost, &lost),
                }
            }
            ConnectionEffect::PeerFailed(failure) => {
                self.fail_in_flight(now, FailurePoint::Event, &failure);
                self.report_disconnected(Disconnected::Failed(*failure));
                let Some(managed) = self.slot.connected_mut() else { return };
                managed.disconnect_reported = true;
                managed.close(now);
            }
            ConnectionEffect::Closed(reason) => self.apply_closed(now, reason),
        }
    }

    pub(super) fn apply_closed(&mut self, now: Instant, reason: CloseReason) {
        let Some(managed) = self.slot.connected_mut() else { return };
        let failure = policy::connection_lost(managed.transport, &reason);
        let (before, reported) = (managed.record_closed(), managed.disconnect_reported);
        self.fail_in_flight(now, FailurePoint::ConnectionLost, &failure);
        self.give_up_waiting();
        if matches!(before, ConnectionPhase::Handshaking { .. }) {
            // No request was on it, so that the request that it was opened for fails.
            self.fail_connect_attempt(now, Transport::WebSocket, FailurePoint::NoConnection, failure);
        } else if !reported {
            self.report_disconnected(Disconnected::Closed(reason));
        }
    }

    /// A response failed by an event: the connection may serve other requests, and is closed where it may not.
    pub(super) fn apply_failed_response(&mut self, now: Instant, kind: FailureKind) {
        let reusable =
            self.builder.shared.provider.capabilities.reuse_after_failure && kind != FailureKind::ConnectionLimit;
        let in_flight = self.requests.in_flight_count();
        let Some(managed) = self.slot.connected_mut() else { return };
        match managed.transport {
            Transport::Http => managed.record_response_end(now),
            Transport::WebSocket if reusable || in_flight > 0 => managed.retired |= !reusable,
            Transport::WebSocket => managed.close(now),
        }
    }

    pub(super) fn record_response_end(&mut self, now: Instant) {
        if let Some(managed) = self.slot.connected_mut() {
            managed.record_response_end(now);
        }
    }

    pub(super) fn handle_whole_response(&mut self, now: Instant, head: Response, body: Vec<u8>) {
        let Some(request) = self.requests.in_flight_mut().next() else { return };
        request.record_received(now, body.len());
        request.report.status = Some(head.status());
        request.report.request_id = head.headers.get_str("x-request-id").map(Into::into);
        let id = request.id;
        if !request.is_operation() && !request.is_being_cancelled() {
            self.events.push(QueuedEvent::Head(id, Box::new(head.clone())), "");
        }
        if head.is_success() && request.is_operation() {
            if request.carries_turn_token()
                && self.builder.shared.provider.capabilities.turn_token
                && let Some(token) = head.headers.get_str(TURN_STATE)
            {
                self.turn.set_once(token);
            }
            return self.finish_with_body(now, id, QueuedOutcome::OperationCompleted(head), body);
        }
        if head.is_success() && request.is_being_cancelled() {
            return self.handle_cancelled_response(now, id, &body);
        }
        if head.is_success() {
            return self.handle_unstreamed_response(now, id, &head, body);
        }
        let url = self.builder.shared.endpoint.url(false, &self.builder.shared.endpoint.target(&path_of(request), &[]));
        let failure = policy::http_failure(&head, &body, &url, self.builder.unix_seconds(now));
        self.fail(now, id, FailurePoint::HttpResponse, failure);
    }

    /// The server answered with a whole body in place of an event stream (docs/differences.md row 43): a response or an error as
    /// JSON are what they say, and everything else is a final failure.
    pub(super) fn handle_unstreamed_response(&mut self, now: Instant, id: RequestId, head: &Response, body: Vec<u8>) {
        let text = String::from_utf8_lossy(&body);
        if let Some(whole) = WholeResponse::read(&text)
            && let Ok(end) = Envelope::scan(whole.end())
        {
            drop(text);
            // The terminal event contains it.
            drop(body);
            let output = whole.output(self.delivered_output(id));
            let effect = self.receiver().apply_whole(now, id, output, whole.end(), &end);
            return self.apply_effect(now, effect);
        }
        let is_resumed = self.requests.get(id).is_some_and(|request| request.attempt == AttemptKind::Resume);
        if is_resumed && is_unended_response(&text) {
            let failure = Failure::stream("the response has not ended, and the server sends no stream of it");
            return self.fail(now, id, FailurePoint::ConnectionLost, failure);
        }
        let path = self.requests.get(id).map(path_of).unwrap_or_default();
        let url = self.builder.shared.endpoint.url(false, &self.builder.shared.endpoint.target(&path, &[]));
        let failure = policy::unstreamed_failure(head, &body, &url, self.builder.unix_seconds(now));
        self.fail(now, id, FailurePoint::HttpResponse, failure);
    }

    /// Returns what was delivered of a resumed response before the whole response.
    fn delivered_output(&mut self, id: RequestId) -> Option<&DeliveredOutput> {
        let request = self.requests.get_mut(id)?;
        let resumption = request.resumption.as_mut().filter(|_| request.attempt == AttemptKind::Resume)?;
        resumption.expect_rest_only();
        Some(resumption.output())
    }

    /// The server has answered that a background response is cancelled, or had ended before.
    fn handle_cancelled_response(&mut self, now: Instant, id: RequestId, body: &[u8]) {
        if let Some(request) = self.requests.get_mut(id) {
            request.record_end(&CompletedResponse::parse(&String::from_utf8_lossy(body)));
        }
        self.finish(now, id, QueuedOutcome::Cancelled);
    }
}

/// Returns the length of the largest message that the server accepts on a WebSocket, as the response to the handshake says
/// ([docs/protocol.md §15.4](crate::docs::protocol#154-heads)).
fn max_message_bytes(head: &Response) -> Option<usize> {
    let limit = head.headers.get_str("x-codex-websocket-max-message-bytes")?.trim().parse().ok()?;
    (limit > 0).then_some(limit)
}

/// Returns the path of the attempt in flight, below the base URL.
fn path_of(request: &ActiveRequest) -> String {
    let response_id = request.report.response_id.as_deref().unwrap_or_default();
    match (request.attempt, &request.submission) {
        (AttemptKind::Create, Submission::Response { .. }) => RESPONSES.into(),
        (AttemptKind::Create, Submission::Operation(operation)) => operation.path.clone(),
        (AttemptKind::Resume, _) | (AttemptKind::Create, Submission::Resume) => {
            path_of_response(response_id, "").into_owned()
        }
        (AttemptKind::Cancel, _) => path_of_response(response_id, "/cancel").into_owned(),
    }
}

//! Ends what has taken too long, and what waits for credentials.

use alloc::vec::Vec;

use super::Conversation;
use crate::client::config::Credentials;
use crate::client::deadlines::{Deadlines, Expired};
use crate::client::policy::{self, FailurePoint};
use crate::client::queued_event::QueuedOutcome;
use crate::client::request::RequestId;
use crate::client::requests::{LaneId, RequestPhase};
use crate::client::transport::{ConnectionPhase, DrainEnd};
use crate::connection::{CloseReason, Deadline, IdleActivity, Transport};
use crate::http::Response;
use crate::responses::{Failure, FailureKind};
use crate::time::Instant;

impl Conversation {
    pub(in crate::client) fn deadlines(&self) -> Deadlines<'_> {
        let provider = &self.builder.shared.provider;
        let shared = provider.capabilities.max_concurrent_requests > 1
            && self.builder.shared.settings.connection.timeouts.activity == IdleActivity::Events;
        Deadlines {
            requests: &self.requests,
            slot: &self.slot,
            lane_idle: shared.then_some(provider.idle_timeout),
            max_connection_age: provider.capabilities.max_connection_age,
            reading: self.slot.connected().is_none() || self.wants_input(),
            connect_attempts: &self.connect_attempts,
        }
    }

    /// Ends what has taken too long.
    pub(in crate::client) fn expire_deadlines(&mut self, now: Instant) {
        while let Some(expired) = self.deadlines().expired(now) {
            match expired {
                Expired::Connecting(transport) => {
                    let partial = self.take_partial_error_body();
                    self.drop_connection(now);
                    match partial {
                        Some((head, body)) => self.fail_handshake(now, &head, &body),
                        None => {
                            let point = FailurePoint::NoConnection;
                            self.fail_connect_attempt(now, transport, point, Failure::timeout());
                        }
                    }
                }
                Expired::Check => self.drop_connection_because(now, CloseReason::Timeout(Deadline::Control)),
                Expired::Response(id) => self.time_out(now, id),
                Expired::Drain => self.close_connection(now),
                Expired::Credentials(id) => self.refuse_credentials(now, id),
                Expired::Total(id) => self.exceed_deadline(now, id),
            }
        }
    }

    /// No event of the response to this request arrived for too long.
    pub(super) fn time_out(&mut self, now: Instant, id: RequestId) {
        if self.expire_interruption(now, id) {
            return;
        }
        if let Some((head, body)) = self.take_partial_error_body() {
            self.handle_whole_response(now, head, body);
            return self.drop_connection(now);
        }
        let Some(request) = self.requests.get(id) else { return };
        let (lane, websocket) = (LaneId::new(request.lane()), request.was_on_websocket());
        let failure = if websocket {
            policy::connection_lost(Transport::WebSocket, &CloseReason::Timeout(Deadline::Idle))
        } else {
            Failure::timeout()
        };
        self.fail(now, id, FailurePoint::ConnectionLost, failure);
        let others = self.requests.in_flight_count() > 0;
        match self.slot.connected_mut() {
            Some(managed) if websocket && others => managed.abandon(now, lane, DrainEnd::WhenIdle),
            Some(managed) if websocket => managed.close(now),
            Some(_) | None => self.drop_connection(now),
        }
    }

    /// The total time of this request has passed.
    pub(super) fn exceed_deadline(&mut self, now: Instant, id: RequestId) {
        let Some(request) = self.requests.get(id) else { return };
        let (in_flight, lane) = (request.is_in_flight(), LaneId::new(request.lane()));
        let passed = now.saturating_duration_since(request.submitted_at);
        let text = alloc::format!("the request has not ended within its deadline; {passed:?} have passed");
        let failure = Failure::new(FailureKind::DeadlineExceeded, &text);
        let is_cancelled = request.is_being_cancelled();
        let outcome = if is_cancelled { QueuedOutcome::Cancelled } else { QueuedOutcome::Failed(failure) };
        self.finish(now, id, outcome);
        if in_flight {
            let mode = self.builder.shared.settings.cancel.abandon_mode();
            self.abandon_on_connection(now, lane, mode);
        }
    }

    /// The application has no new credentials: the request ends with the failure for which it was asked.
    pub(in crate::client) fn refuse_credentials(&mut self, now: Instant, id: RequestId) {
        let refusal = self.requests.get_mut(id).and_then(|request| request.refusal.take());
        let failure = refusal.map_or_else(
            || Failure::new(FailureKind::Unauthorized, "no new credentials were given"),
            |refusal| *refusal,
        );
        self.finish(now, id, QueuedOutcome::Failed(failure));
    }

    /// Sets the credentials of all further requests. A connection that was opened with others takes no more of them.
    pub(in crate::client) fn set_credentials(&mut self, now: Instant, credentials: Credentials) {
        let Self { builder, selector, requests, slot, .. } = self;
        builder.credentials = credentials;
        selector.set_credentials(&builder.shared.provider, &builder.credentials);
        for id in requests.ids(|request| matches!(request.phase, RequestPhase::AwaitingCredentials { .. })) {
            if let Some(request) = requests.get_mut(id) {
                request.phase = RequestPhase::Ready;
                request.refusal = None;
            }
        }
        let Some(managed) = slot.connected_mut().filter(|managed| managed.transport == Transport::WebSocket) else {
            // Each request over HTTP has its own.
            return;
        };
        managed.retired = true;
        if matches!(managed.phase, ConnectionPhase::Handshaking { .. }) {
            self.drop_connection(now);
        }
    }

    /// Takes the head and the incomplete body of an error response: a partial error body is more useful than a timeout.
    pub(super) fn take_partial_error_body(&mut self) -> Option<(Response, Vec<u8>)> {
        self.slot.connected_mut()?.connection.take_partial_error_body()
    }
}

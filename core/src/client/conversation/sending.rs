//! Sends requests on the connection.

use alloc::boxed::Box;
use alloc::string::String;

use super::Conversation;
use crate::client::event::{FallbackReason, Sent};
use crate::client::policy::FailurePoint;
use crate::client::queued_event::QueuedEvent;
use crate::client::request::RequestId;
use crate::client::requests::{AttemptKind, SendRecord, Submission};
use crate::client::transport::HttpSlot;
use crate::connection::{CommandError, Transport};
use crate::responses::{Failure, TURN_STATE};
use crate::time::Instant;

impl Conversation {
    pub(super) fn send_over_http(&mut self, now: Instant, id: RequestId) {
        let Some(request) = self.requests.get(id) else { return };
        let token = self.turn.token().filter(|_| request.carries_turn_token()).map(String::from);
        let own_request = request.submission.request();
        let own_previous_response = own_request.and_then(|request| request.body.previous_response_id.clone());
        let response_id = request.report.response_id.as_deref().unwrap_or_default();
        let head_timeout = match &request.submission {
            Submission::Operation(operation) => self.builder.head_timeout(Some(operation)),
            Submission::Response { .. } | Submission::Resume => self.builder.head_timeout(None),
        };
        let built = match (request.attempt, &request.submission) {
            (AttemptKind::Create, Submission::Response { request, .. }) => {
                self.builder.build_request(request, token.as_deref())
            }
            (AttemptKind::Create, Submission::Operation(operation)) => {
                self.builder.build_operation(operation, token.as_deref())
            }
            (AttemptKind::Resume, _) | (AttemptKind::Create, Submission::Resume) => {
                let after = request.resumption.as_ref().and_then(|resumption| resumption.last());
                self.builder.build_resumption(own_request, response_id, after, token.as_deref())
            }
            (AttemptKind::Cancel, _) => self.builder.build_cancellation(own_request, response_id, token.as_deref()),
        };
        let checked = built.and_then(|built| self.builder.check_size(built.body.len()).map(|()| built));
        let proxy = self.slot.connected().and_then(|managed| managed.forward_proxy.as_ref());
        let outgoing = match checked.and_then(|outgoing| self.builder.address_to(proxy, outgoing)) {
            Ok(outgoing) => outgoing,
            Err(failure) => return self.fail(now, id, FailurePoint::Unsent, failure),
        };
        let bytes = outgoing.body.len();
        let token = token.filter(|_| outgoing.headers.contains(TURN_STATE));
        let Some(managed) = self.slot.connected_mut() else { return };
        match managed.connection.send_request(now, outgoing) {
            Ok(()) => {
                managed.http = HttpSlot::Receiving;
                let record = SendRecord {
                    transport: Transport::Http,
                    reused: managed.record_request(),
                    incremental: false,
                    turn_token: token.is_some(),
                    bytes,
                    head_deadline: Some(now + head_timeout),
                    previous_response_id: own_previous_response,
                };
                self.record_sent(now, id, record, token.as_deref());
            }
            // The connection has ended, and the step that says so has not been taken.
            Err(CommandError::Closed | CommandError::InFlight | CommandError::Transport) => self.drop_connection(now),
            Err(_) => self.fail(now, id, FailurePoint::Unsent, Failure::build("the request cannot be built")),
        }
    }

    pub(super) fn send_message(&mut self, now: Instant, id: RequestId) {
        let token = self.turn.token().map(String::from);
        let Some(active) = self.requests.get(id) else { return };
        let Submission::Response { request, prewarm } = &active.submission else { return };
        let Some(managed) = self.slot.connected_mut() else { return };
        let lane = request.lane.clone();
        let message = self.builder.build_message(now, request, *prewarm, token.as_deref(), &managed.previous_responses);
        let text = message.text();
        if let Err(failure) = self.builder.check_size(text.len()) {
            return self.fail(now, id, FailurePoint::Unsent, failure);
        }
        if let Some(limit) = managed.exceeded_limit(text) {
            return self.send_too_large_elsewhere(now, id, text.len(), limit);
        }
        managed.record_lane(lane.as_deref());
        if managed.connection.send_request_message(now, lane.as_deref(), text).is_err() {
            // The connection is closing, or has another state of the lane. A new connection can take the request.
            managed.retired = true;
            return;
        }
        managed.previous_responses.remove(lane.as_deref());
        let record = SendRecord {
            transport: Transport::WebSocket,
            reused: managed.record_request(),
            incremental: message.incremental,
            turn_token: token.is_some(),
            bytes: text.len(),
            head_deadline: None,
            previous_response_id: message.previous_response_id.clone(),
        };
        self.record_sent(now, id, record, token.as_deref());
        if let Some(previous) = &message.previous_response_id
            && let Some(request) = self.requests.get_mut(id)
        {
            self.waiting.move_to(lane.as_deref(), previous, &mut request.submissions);
        }
    }

    /// The request is larger than the server accepts on this WebSocket: it takes HTTP, if it can.
    fn send_too_large_elsewhere(&mut self, now: Instant, id: RequestId, bytes: usize, limit: usize) {
        if !self.selector.can_fall_back() {
            return self.fail(now, id, FailurePoint::Unsent, Failure::too_large(bytes, limit));
        }
        if let Some(request) = self.requests.get_mut(id) {
            request.retry_state.forced_http = true;
            self.push(QueuedEvent::HttpFallback(Box::new(FallbackReason::TooLarge(id))));
        }
    }

    pub(super) fn record_sent(&mut self, now: Instant, id: RequestId, record: SendRecord, token: Option<&str>) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let SendRecord { transport, reused, incremental, turn_token, bytes, .. } = record;
        request.record_sent(now, record);
        let resumed = request.attempt == AttemptKind::Resume;
        let sent = Sent { attempt: request.report.attempts, transport, reused, incremental, resumed, bytes };
        self.events.push(QueuedEvent::Sent { id, sent, turn_token }, token.unwrap_or_default());
    }
}

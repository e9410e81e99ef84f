//! `Conversation`: the state of a client, and everything that changes it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::config::{CancelMode, Credentials};
use super::connect::{ConnectTarget, SocketCommand};
use super::deadlines::{Deadlines, Expired};
use super::encode::{RESPONSES, RequestBuilder};
use super::event::{Disconnected, FallbackReason, FinishedEvent, QueuedEvent, QueuedOutcome, Sent};
use super::policy::{self, FailedAttempt, FailurePoint, HandshakeRejection, Recovery, RecoveryRules};
use super::receive::{ConnectionEffect, Received, Receiver};
use super::request::RequestId;
use super::requests::{ActiveRequest, LaneId, RequestPhase, RequestTable, SendRecord, Submission};
use super::scheduler::{NextAction, SchedulerState, next_action};
use super::transport::TransportSelector;
use super::transport::{ConnectAttempts, ConnectionPhase, ConnectionSlot, DrainEnd, HttpSlot, ManagedConnection};
use crate::connection::{
    ClientConnection, CloseReason, CommandError, Deadline, EventQueue, IdleActivity, LossReason, Transport,
};
use crate::entropy::Entropy;
use crate::http::Response;
use crate::responses::{Envelope, Failure, FailureKind, RequestProgress, TURN_STATE, events_of_response};
use crate::time::{Duration, Instant};
use crate::turn::Turn;

/// Whether the client takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientPhase {
    Open,
    /// The client takes no more requests, and closes when those that it has have ended.
    ShuttingDown,
    Closed,
}

/// An input of the connection.
#[derive(Debug)]
pub(super) enum SocketInput<'a, 'i> {
    /// Bytes from the socket. Each step takes some of them.
    Bytes(&'a mut &'i [u8]),
    /// The socket delivers no more bytes, for this reason if the end is not orderly.
    End(Option<&'a LossReason>),
    /// The time, which may have reached a deadline of the connection.
    Timeout,
}

#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) builder: RequestBuilder,
    pub(super) selector: TransportSelector,
    pub(super) requests: RequestTable,
    pub(super) slot: ConnectionSlot,
    pub(super) connect_attempts: ConnectAttempts,
    pub(super) events: EventQueue<QueuedEvent>,
    pub(super) turn: Turn,
    pub(super) socket_command: Option<SocketCommand>,
    pub(super) phase: ClientPhase,
    pub(super) entropy: Entropy,
    pub(super) unmatched_events: u64,
    /// Whether the server sends events without the lane of their request, so that only one request may be in flight.
    pub(super) lanes_ignored: bool,
    /// The time since which no input is wanted.
    pub(super) paused_at: Option<Instant>,
}

impl Conversation {
    /// Returns whether the loop should read from the socket.
    pub(super) fn wants_input(&self) -> bool {
        let limit = self.builder.settings.connection.max_backlog;
        let wanted = self.slot.connected().is_some_and(|managed| managed.connection.wants_input());
        wanted && self.events.backlog() < limit
    }

    /// Suspends the deadlines of responses while no input is wanted, because then the application is late and not the
    /// server.
    pub(super) fn update_reading(&mut self, now: Instant) {
        let wanted = self.wants_input();
        let Some(managed) = self.slot.connected_mut() else {
            self.paused_at = None;
            return;
        };
        managed.connection.set_reading(now, wanted);
        match (wanted, self.paused_at) {
            (false, None) => self.paused_at = Some(now),
            (true, Some(since)) => {
                self.paused_at = None;
                self.requests.postpone_responses(now.saturating_duration_since(since));
            }
            (false, Some(_)) | (true, None) => {}
        }
    }

    /// Does everything that can be done now.
    pub(super) fn run_scheduler(&mut self, now: Instant) {
        loop {
            if self.phase == ClientPhase::ShuttingDown && self.requests.is_empty() {
                self.phase = ClientPhase::Closed;
            }
            let state = SchedulerState {
                is_ending: self.phase == ClientPhase::Closed,
                requests: &self.requests,
                slot: &self.slot,
                connect_attempts: &self.connect_attempts,
                selector: &self.selector,
                capabilities: &self.builder.provider.capabilities,
                lanes_ignored: self.lanes_ignored,
            };
            match next_action(now, &state) {
                NextAction::Wait => return,
                NextAction::Connect(transport) => self.start_connecting(now, transport),
                NextAction::DropConnection => self.drop_connection(now),
                NextAction::CloseConnection => self.close_connection(now),
                NextAction::RetireConnection => self.retire_connection(),
                NextAction::SendOverHttp(id) => self.send_over_http(now, id),
                NextAction::SendMessage(id) => self.send_message(now, id),
                NextAction::SkipPrewarm(id) => self.finish(now, id, QueuedOutcome::PrewarmSkipped, &[]),
            }
        }
    }

    // Sending.

    fn send_over_http(&mut self, now: Instant, id: RequestId) {
        let Some(request) = self.requests.get(id) else { return };
        let token = self.turn.token().filter(|_| request.carries_turn_token()).map(String::from);
        let own_previous_response = match &request.submission {
            Submission::Response { request, .. } => request.body.previous_response_id.clone(),
            Submission::Operation(_) => None,
        };
        let (built, head_timeout) = match &request.submission {
            Submission::Response { request, .. } => {
                (self.builder.build_request(request, token.as_deref()), self.builder.head_timeout(None))
            }
            Submission::Operation(operation) => {
                let head_timeout = self.builder.head_timeout(Some(operation));
                (self.builder.build_operation(operation, token.as_deref()), head_timeout)
            }
        };
        let checked = built.and_then(|built| self.builder.check_size(built.body.len()).map(|()| built));
        let outgoing = match checked {
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

    fn send_message(&mut self, now: Instant, id: RequestId) {
        let token = self.turn.token().map(String::from);
        let Some(active) = self.requests.get(id) else { return };
        let Submission::Response { request, prewarm } = &active.submission else { return };
        let Some(managed) = self.slot.connected_mut() else { return };
        let lane = request.lane.clone();
        let message = self.builder.build_message(now, request, *prewarm, token.as_deref(), &managed.previous_responses);
        if let Err(failure) = self.builder.check_size(message.text.len()) {
            return self.fail(now, id, FailurePoint::Unsent, failure);
        }
        managed.record_lane(lane.as_deref());
        if managed.connection.send_request_message(now, lane.as_deref(), &message.text).is_err() {
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
            bytes: message.text.len(),
            head_deadline: None,
            previous_response_id: message.previous_response_id,
        };
        self.record_sent(now, id, record, token.as_deref());
    }

    fn record_sent(&mut self, now: Instant, id: RequestId, record: SendRecord, token: Option<&str>) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let SendRecord { transport, reused, incremental, turn_token, bytes, .. } = record;
        request.record_sent(now, record);
        let sent = Sent { attempt: request.report.attempts, transport, reused, incremental, bytes };
        self.events.push(QueuedEvent::Sent { id, sent, turn_token }, token.unwrap_or_default().as_bytes());
    }

    // The connection.

    pub(super) fn start_connecting(&mut self, now: Instant, transport: Transport) {
        let endpoint = &self.builder.endpoint;
        let target = ConnectTarget::new(&endpoint.host, endpoint.port, endpoint.tls);
        self.socket_command = Some(SocketCommand::Connect(target));
        let deadline = now + self.builder.provider.connect_timeout;
        self.slot = ConnectionSlot::Connecting { transport, deadline };
    }

    /// The requested socket is open: begins the handshake, if there is one.
    pub(super) fn begin_connection(&mut self, now: Instant) {
        let ConnectionSlot::Connecting { transport, deadline } = self.slot else { return };
        let config = self.builder.connection_config(transport);
        let mut connection = ClientConnection::new(config, transport, self.entropy.fork());
        let phase = match transport {
            Transport::Http => {
                self.connect_attempts.reset();
                self.push(QueuedEvent::Connected(transport, None));
                ConnectionPhase::Open
            }
            Transport::WebSocket => {
                let turn = self.requests.iter().find_map(|request| match &request.submission {
                    Submission::Response { request, .. } => request.turn.as_ref(),
                    Submission::Operation(_) => None,
                });
                let begun = self.builder.build_handshake(turn).and_then(|(target, headers)| {
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
        self.slot = ConnectionSlot::Connected(ManagedConnection::new(connection, transport, phase, now));
    }

    /// Drops the socket, or withdraws the request for one.
    pub(super) fn drop_connection(&mut self, now: Instant) {
        self.socket_command = Some(SocketCommand::Disconnect);
        let before = core::mem::replace(&mut self.slot, ConnectionSlot::Disconnected);
        if let ConnectionSlot::Connected(managed) = before {
            let failure = policy::connection_lost(managed.transport, &CloseReason::Local);
            self.fail_in_flight(now, FailurePoint::ConnectionLost, &failure);
            let open = matches!(managed.phase, ConnectionPhase::Open | ConnectionPhase::Closing);
            if open && !managed.disconnect_reported {
                self.report_disconnected(Disconnected::Closed(CloseReason::Local));
            }
        }
    }

    fn close_connection(&mut self, now: Instant) {
        if let Some(managed) = self.slot.connected_mut() {
            managed.close(now);
        }
    }

    const fn retire_connection(&mut self) {
        if let ConnectionSlot::Connected(managed) = &mut self.slot {
            managed.retired = true;
        }
    }

    /// Leaves a request in flight without its response.
    pub(super) fn abandon_on_connection(&mut self, now: Instant, lane: LaneId) {
        let end = match self.builder.settings.cancel {
            CancelMode::Close => DrainEnd::WhenIdle,
            CancelMode::Drain { limit } => DrainEnd::At(now + limit),
        };
        let in_flight = self.requests.in_flight_count();
        let Some(managed) = self.slot.connected_mut() else { return };
        match (managed.transport, end) {
            (Transport::Http, _) => self.drop_connection(now),
            (Transport::WebSocket, DrainEnd::WhenIdle) if in_flight == 0 => managed.close(now),
            (Transport::WebSocket, _) => managed.abandon(now, lane, end),
        }
    }

    // Receiving.

    /// Takes one step of the connection and applies it. Returns whether the scheduler must run at once, and `None` when there is
    /// no further step.
    pub(super) fn take_step(&mut self, now: Instant, input: SocketInput<'_, '_>) -> Option<bool> {
        let keeps_turn_token = self.builder.provider.capabilities.turn_token;
        let max_item_bytes = self.builder.settings.connection.max_body;
        let managed = self.slot.connected_mut()?;
        let ManagedConnection { connection, transport, handshake, .. } = managed;
        let step = match input {
            SocketInput::Bytes(bytes) => connection.step(now, bytes),
            SocketInput::End(lost) => connection.step_end(now, lost),
            SocketInput::Timeout => connection.step_timeout(now),
        }?;
        let mut receiver = Receiver {
            requests: &mut self.requests,
            turn: &mut self.turn,
            events: &mut self.events,
            unmatched_events: &mut self.unmatched_events,
            keeps_turn_token,
            max_item_bytes,
        };
        let Received { effect, ended_lane } = receiver.apply_step(now, *transport, handshake.as_ref(), step);
        self.lanes_ignored |= managed.connection.ignores_lanes();
        let matters = ended_lane.is_some() || !matches!(effect, ConnectionEffect::None);
        if let Some(lane) = ended_lane {
            managed.record_lane_end(&lane);
        }
        self.apply_effect(now, effect);
        Some(matters)
    }

    fn receiver(&mut self) -> Receiver<'_> {
        Receiver {
            requests: &mut self.requests,
            turn: &mut self.turn,
            events: &mut self.events,
            unmatched_events: &mut self.unmatched_events,
            keeps_turn_token: self.builder.provider.capabilities.turn_token,
            max_item_bytes: self.builder.settings.connection.max_body,
        }
    }

    fn apply_effect(&mut self, now: Instant, effect: ConnectionEffect) {
        match effect {
            ConnectionEffect::None => {}
            ConnectionEffect::Upgraded { head } => {
                self.connect_attempts.reset();
                if let Some(managed) = self.slot.connected_mut() {
                    managed.handshake = Some(head);
                    managed.phase = ConnectionPhase::Open;
                }
            }
            ConnectionEffect::HandshakeRejected { head, body } => {
                self.fail_handshake(now, &head, &body);
                self.drop_connection(now);
            }
            ConnectionEffect::WholeResponse { head, body } => {
                self.handle_whole_response(now, head, &body);
                self.record_response_end(now);
            }
            ConnectionEffect::ResponseEnded { id, outcome } => {
                self.finish(now, id, outcome, &[]);
                self.record_response_end(now);
            }
            ConnectionEffect::RequestFailed { id, failure } => {
                let kind = failure.kind;
                self.fail(now, id, FailurePoint::Event, *failure);
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

    fn apply_closed(&mut self, now: Instant, reason: CloseReason) {
        let Some(managed) = self.slot.connected_mut() else { return };
        let failure = policy::connection_lost(managed.transport, &reason);
        let (before, reported) = (managed.record_closed(), managed.disconnect_reported);
        self.fail_in_flight(now, FailurePoint::ConnectionLost, &failure);
        if matches!(before, ConnectionPhase::Handshaking { .. }) {
            // No request was on it, so that the request that it was opened for fails.
            self.fail_connect_attempt(now, Transport::WebSocket, FailurePoint::NoConnection, failure);
        } else if !reported {
            self.report_disconnected(Disconnected::Closed(reason));
        }
    }

    /// A response failed by an event: the connection may serve other requests, and is closed where it may not.
    fn apply_failed_response(&mut self, now: Instant, kind: FailureKind) {
        let reusable = self.builder.provider.capabilities.reuse_after_failure && kind != FailureKind::ConnectionLimit;
        let in_flight = self.requests.in_flight_count();
        let Some(managed) = self.slot.connected_mut() else { return };
        match managed.transport {
            Transport::Http => managed.record_response_end(now),
            Transport::WebSocket if reusable || in_flight > 0 => managed.retired |= !reusable,
            Transport::WebSocket => managed.close(now),
        }
    }

    fn record_response_end(&mut self, now: Instant) {
        if let Some(managed) = self.slot.connected_mut() {
            managed.record_response_end(now);
        }
    }

    fn handle_whole_response(&mut self, now: Instant, head: Response, body: &[u8]) {
        let Some(request) = self.requests.in_flight_mut().next() else { return };
        request.record_received(now, body.len());
        request.report.status = Some(head.status());
        request.report.request_id = head.headers.get_str("x-request-id").map(Into::into);
        let id = request.id;
        if head.is_success() && request.is_operation() {
            if request.carries_turn_token()
                && self.builder.provider.capabilities.turn_token
                && let Some(token) = head.headers.get_str(TURN_STATE)
            {
                self.turn.set_once(token);
            }
            return self.finish(now, id, QueuedOutcome::OperationCompleted(head), body);
        }
        if head.is_success() {
            return self.handle_unstreamed_response(now, id, &head, body);
        }
        let path = match &request.submission {
            Submission::Response { .. } => RESPONSES,
            Submission::Operation(operation) => operation.path.as_str(),
        };
        let url = self.builder.endpoint.url(false, &self.builder.endpoint.target(path, &[]));
        let failure = policy::http_failure(&head, body, &url, self.builder.unix_seconds(now));
        self.fail(now, id, FailurePoint::HttpResponse, failure);
    }

    /// The server answered with a whole body in place of an event stream (docs/differences.md row 43): a response or an error as
    /// JSON are what they say, and everything else is a final failure.
    fn handle_unstreamed_response(&mut self, now: Instant, id: RequestId, head: &Response, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        if let Some(events) = events_of_response(&text) {
            for event in events {
                let Ok(envelope) = Envelope::scan(&event) else { continue };
                let Received { effect, .. } = self.receiver().apply_whole(now, &envelope);
                self.apply_effect(now, effect);
            }
            return;
        }
        let url = self.builder.endpoint.url(false, &self.builder.endpoint.target(RESPONSES, &[]));
        let failure = policy::unstreamed_failure(head, body, &url, self.builder.unix_seconds(now));
        self.fail(now, id, FailurePoint::HttpResponse, failure);
    }

    // Failing and ending.

    /// An attempt of a request failed: applies what follows from it.
    pub(super) fn fail(&mut self, now: Instant, id: RequestId, point: FailurePoint, failure: Failure) {
        let random = self.entropy.unit();
        let Some(request) = self.requests.get(id) else { return };
        let next_transport = self.selector.transport_for(request);
        let backoff_step = request.retry_state.retries.saturating_add(1);
        let failure = with_progress(failure, point, request.progress());
        let recovery = self.decide(now, request, point, &failure, next_transport, backoff_step, random);
        self.recover(now, id, recovery, failure);
    }

    #[expect(clippy::too_many_arguments, reason = "the facts of one decision, which have no name of their own")]
    fn decide(
        &self,
        now: Instant,
        request: &ActiveRequest,
        point: FailurePoint,
        failure: &Failure,
        next_transport: Transport,
        backoff_step: u32,
        random: f64,
    ) -> Recovery {
        let (settings, retry) = (&self.builder.settings, &self.builder.provider.retry);
        let rules = RecoveryRules {
            retry,
            max_retries: request.own_max_retries().unwrap_or(retry.max_retries),
            can_fall_back: self.selector.can_fall_back(),
            resend_after_output: settings.resend_after_output,
            max_credential_requests: settings.max_credential_requests,
        };
        let attempt = FailedAttempt {
            point,
            failure,
            sent_on: request.report.transport,
            next_transport,
            incremental: request.report.incremental,
            prewarm: request.is_prewarm(),
            steered: request.is_steered(),
            backoff_step,
            retry_state: &request.retry_state,
            elapsed: now.saturating_duration_since(request.submitted_at),
        };
        policy::decide(&attempt, &rules, random)
    }

    fn recover(&mut self, now: Instant, id: RequestId, recovery: Recovery, failure: Failure) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let failure = Box::new(failure);
        match recovery {
            Recovery::Fail => self.finish(now, id, QueuedOutcome::Failed(*failure), &[]),
            Recovery::ResendInFull => {
                request.phase = RequestPhase::Ready;
                request.retry_state.resent_in_full = true;
                let retries = request.retry_state.retries;
                if let Some(managed) = self.slot.connected_mut() {
                    managed.previous_responses.remove(request.lane());
                }
                self.push(QueuedEvent::Retry { id, failure, retries, delay: Duration::ZERO });
            }
            Recovery::ForceHttp => {
                request.phase = RequestPhase::Ready;
                request.retry_state.forced_http = true;
                self.push(QueuedEvent::HttpFallback(Box::new(FallbackReason::TooLarge(id))));
            }
            Recovery::FallBackRejected { status } => {
                request.phase = RequestPhase::Ready;
                self.fall_back(FallbackReason::Refused(status));
            }
            Recovery::FallBackExhausted => {
                request.phase = RequestPhase::Ready;
                request.retry_state.retries = 0;
                self.fall_back(FallbackReason::Exhausted { id, failure });
            }
            Recovery::TryHttp => {
                request.phase = RequestPhase::Ready;
                request.retry_state.forced_http = true;
                request.retry_state.http_trial = failure.status;
                request.report.handshake_failure = Some(failure.clone());
                self.push(QueuedEvent::HttpFallback(Box::new(FallbackReason::Unclear { id, failure })));
            }
            Recovery::RequestCredentials => {
                self.await_credentials(now, id, failure.clone());
                self.push(QueuedEvent::CredentialsNeeded(id, failure));
            }
            Recovery::Retry { delay } => {
                request.phase = RequestPhase::Backoff { until: now + delay };
                request.retry_state.retries += 1;
                let retries = request.retry_state.retries;
                self.push(QueuedEvent::Retry { id, failure, retries, delay });
            }
        }
    }

    /// The request waits until the application gives new credentials.
    fn await_credentials(&mut self, now: Instant, id: RequestId, refusal: Box<Failure>) {
        let until = now + self.builder.settings.credential_timeout;
        let Some(request) = self.requests.get_mut(id) else { return };
        request.phase = RequestPhase::AwaitingCredentials { until };
        request.retry_state.credential_requests += 1;
        request.refusal = Some(refusal);
    }

    fn fall_back(&mut self, reason: FallbackReason) {
        if self.selector.fall_back() {
            self.push(QueuedEvent::HttpFallback(Box::new(reason)));
        }
    }

    /// All requests in flight fail.
    fn fail_in_flight(&mut self, now: Instant, point: FailurePoint, failure: &Failure) {
        for id in self.requests.ids(ActiveRequest::is_in_flight) {
            self.fail(now, id, point, failure.clone());
        }
    }

    /// The server answered the WebSocket handshake with something else than 101.
    fn fail_handshake(&mut self, now: Instant, head: &Response, body: &[u8]) {
        let url = self.builder.endpoint.url(true, &self.builder.endpoint.target(RESPONSES, &[]));
        let failure = policy::http_failure(head, body, &url, self.builder.unix_seconds(now));
        let point = FailurePoint::HandshakeRejected { status: head.status() };
        self.fail_connect_attempt(now, Transport::WebSocket, point, failure);
    }

    /// A connection could not be opened: the failure counts once for each request that waits for it.
    pub(super) fn fail_connect_attempt(
        &mut self,
        now: Instant,
        transport: Transport,
        point: FailurePoint,
        failure: Failure,
    ) {
        self.report_disconnected(Disconnected::Failed(failure.clone()));
        let random = self.entropy.unit();
        let backoff_step = self.connect_attempts.next_retry();
        // All decisions first: one of them can change the transport of the requests behind it.
        let of_transport = |request: &&ActiveRequest| self.selector.transport_for(request) == transport;
        let decide = |request: &ActiveRequest| {
            let failure = with_progress(failure.clone(), point, request.progress());
            let recovery = self.decide(now, request, point, &failure, transport, backoff_step, random);
            (request.id, recovery, failure)
        };
        let decided: Vec<_> = self.requests.ready().filter(of_transport).map(decide).collect();
        if decided.is_empty() {
            return self.apply_unclaimed_failure(point);
        }
        match decided.iter().filter_map(|(_, recovery, _)| recovery.delay()).max() {
            Some(delay) => self.connect_attempts.record_failure(transport, now + delay),
            None => self.connect_attempts.reset(),
        }
        let mut asked = false;
        for (id, recovery, failure) in decided {
            if let Some(request) = self.requests.get_mut(id) {
                request.report.status = failure.status.or(request.report.status);
            }
            let asks = recovery == Recovery::RequestCredentials;
            if asks && asked {
                // The application is asked only once.
                self.await_credentials(now, id, Box::new(failure));
            } else {
                asked |= asks;
                self.recover(now, id, recovery, failure);
            }
        }
    }

    /// A connection that no request waits for could not be opened. What the attempt showed holds for all requests.
    fn apply_unclaimed_failure(&mut self, point: FailurePoint) {
        if let FailurePoint::HandshakeRejected { status } = point
            && policy::rejection(status) == HandshakeRejection::NoWebSocket
            && self.selector.can_fall_back()
        {
            self.fall_back(FallbackReason::Refused(status));
        }
    }

    /// The request ends. `body`: that of an operation.
    pub(super) fn finish(&mut self, now: Instant, id: RequestId, mut outcome: QueuedOutcome, body: &[u8]) {
        let Some(request) = self.requests.remove(id) else { return };
        if let QueuedOutcome::Failed(failure) = &mut outcome {
            failure.progress = request.progress();
        }
        let was_on_websocket = request.was_on_websocket();
        if let Some(status) = request.retry_state.http_trial
            && matches!(outcome, QueuedOutcome::Completed(_) | QueuedOutcome::Incomplete(_))
        {
            // HTTP works where the handshake was rejected.
            self.fall_back(FallbackReason::Refused(status));
        }
        let finished = request.into_finished(now);
        if let (QueuedOutcome::Completed(response), Submission::Response { request, .. }, Some(items)) =
            (&outcome, finished.submission, finished.items)
            && was_on_websocket
            && let Some(response_id) = &response.id
            && let Some(managed) = self.slot.connected_mut()
        {
            let lane = LaneId::new(request.lane.as_deref());
            managed.previous_responses.store(lane, Box::new(request.body), response_id, items);
        }
        let finished = FinishedEvent { outcome, report: finished.report };
        self.events.push(QueuedEvent::Finished(id, Box::new(finished)), body);
    }

    // Deadlines.

    pub(super) fn deadlines(&self) -> Deadlines<'_> {
        let provider = &self.builder.provider;
        let shared = provider.capabilities.max_concurrent_requests > 1
            && self.builder.settings.connection.timeouts.activity == IdleActivity::Events;
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
    pub(super) fn expire_deadlines(&mut self, now: Instant) {
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
                Expired::Response(id) => self.time_out(now, id),
                Expired::Drain => self.close_connection(now),
                Expired::Credentials(id) => self.refuse_credentials(now, id),
                Expired::Total(id) => self.exceed_deadline(now, id),
            }
        }
    }

    /// No event of the response to this request arrived for too long.
    fn time_out(&mut self, now: Instant, id: RequestId) {
        if let Some((head, body)) = self.take_partial_error_body() {
            self.handle_whole_response(now, head, &body);
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
    fn exceed_deadline(&mut self, now: Instant, id: RequestId) {
        let Some(request) = self.requests.get(id) else { return };
        let (in_flight, lane) = (request.is_in_flight(), LaneId::new(request.lane()));
        let passed = now.saturating_duration_since(request.submitted_at);
        let text = alloc::format!("the request has not ended within its deadline; {passed:?} have passed");
        let failure = Failure::new(FailureKind::DeadlineExceeded, &text);
        self.finish(now, id, QueuedOutcome::Failed(failure), &[]);
        if in_flight {
            self.abandon_on_connection(now, lane);
        }
    }

    /// The application has no new credentials: the request ends with the failure for which it was asked.
    pub(super) fn refuse_credentials(&mut self, now: Instant, id: RequestId) {
        let refusal = self.requests.get_mut(id).and_then(|request| request.refusal.take());
        let failure = refusal.map_or_else(
            || Failure::new(FailureKind::Unauthorized, "no new credentials were given"),
            |refusal| *refusal,
        );
        self.finish(now, id, QueuedOutcome::Failed(failure), &[]);
    }

    /// Sets the credentials of all further requests. A connection that was opened with others takes no more of them.
    pub(super) fn set_credentials(&mut self, now: Instant, credentials: Credentials) {
        let Self { builder, selector, requests, slot, .. } = self;
        builder.credentials = credentials;
        selector.set_credentials(&builder.provider, &builder.credentials);
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
    fn take_partial_error_body(&mut self) -> Option<(Response, Vec<u8>)> {
        self.slot.connected_mut()?.connection.take_partial_error_body()
    }

    fn report_disconnected(&mut self, reason: Disconnected) {
        self.push(QueuedEvent::Disconnected(Box::new(reason)));
    }

    fn push(&mut self, event: QueuedEvent) {
        self.events.push(event, &[]);
    }
}

/// Sets the fields of the failure that depend on the request's progress.
fn with_progress(mut failure: Failure, point: FailurePoint, progress: RequestProgress) -> Failure {
    if point == FailurePoint::ConnectionLost
        && failure.kind == FailureKind::TooLarge
        && progress != RequestProgress::Sent
    {
        // The server answered this request, so that another message of the connection was too large.
        failure = Failure::stream("websocket closed by server before response.completed");
    }
    failure.progress = progress;
    failure
}

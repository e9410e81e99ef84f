//! Ends requests, and applies what follows from a failed attempt.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Conversation;
use crate::client::encode::RESPONSES;
use crate::client::event::{Disconnected, FallbackReason};
use crate::client::policy::{self, FailedAttempt, FailurePoint, HandshakeRejection, Recovery, RecoveryRules};
use crate::client::queued_event::{FinishedEvent, QueuedEvent, QueuedOutcome};
use crate::client::request::RequestId;
use crate::client::requests::{ActiveRequest, AttemptKind, LaneId, RequestPhase, Submission};
use crate::connection::Transport;
use crate::http::Response;
use crate::responses::{Failure, FailureKind, RequestProgress};
use crate::time::{Duration, Instant};

impl Conversation {
    /// An attempt of a request failed: applies what follows from it.
    pub(in crate::client) fn fail(&mut self, now: Instant, id: RequestId, point: FailurePoint, failure: Failure) {
        let random = self.entropy.unit();
        let Some(request) = self.requests.get(id) else { return };
        if request.held.is_some() {
            // Its response has ended, and was kept back.
            return self.release(now, id);
        }
        if request.interruption.as_ref().is_some_and(|interruption| interruption.otherwise.is_some()) {
            // The application has cancelled it. A background response goes on without its stream.
            if point == FailurePoint::Event || !self.begin_cancellation(now, id) {
                self.finish(now, id, QueuedOutcome::Cancelled);
            }
            return;
        }
        let next_transport = self.selector.transport_for(request);
        let backoff_step = request.retry_state.retries.saturating_add(1);
        let failure = with_progress(failure, point, request.progress());
        let recovery = self.decide(now, request, point, &failure, next_transport, backoff_step, random);
        if request.interruption.is_some() && recovery != Recovery::Fail {
            // The application has asked to interrupt it: it is not made again.
            return self.finish(now, id, QueuedOutcome::Cancelled);
        }
        self.recover(now, id, recovery, failure);
    }

    #[expect(clippy::too_many_arguments, reason = "the facts of one decision, which have no name of their own")]
    pub(super) fn decide(
        &self,
        now: Instant,
        request: &ActiveRequest,
        point: FailurePoint,
        failure: &Failure,
        next_transport: Transport,
        backoff_step: u32,
        random: f64,
    ) -> Recovery {
        let (settings, retry) = (&self.builder.shared.settings, &self.builder.shared.provider.retry);
        let rules = RecoveryRules {
            retry,
            max_retries: request.submission.max_retries().unwrap_or(retry.max_retries),
            can_fall_back: self.selector.can_fall_back(),
            plain: !self.builder.shared.endpoint.tls,
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
            kind: request.attempt,
            background: request.is_background(),
            resumable: request.background_response().is_some(),
            repeatable: !matches!(request.submission, Submission::Resume),
            steered: request.submissions.is_steered(),
            backoff_step,
            retry_state: &request.retry_state,
            elapsed: now.saturating_duration_since(request.submitted_at),
        };
        policy::decide(&attempt, &rules, random)
    }

    pub(super) fn recover(&mut self, now: Instant, id: RequestId, recovery: Recovery, failure: Failure) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let failure = Box::new(failure);
        match recovery {
            Recovery::Fail if request.is_being_cancelled() => self.finish(now, id, QueuedOutcome::Cancelled),
            Recovery::Fail => self.finish(now, id, QueuedOutcome::Failed(*failure)),
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
                let is_too_large = failure.kind == FailureKind::TooLarge;
                let reason = if is_too_large { FallbackReason::TooLarge } else { FallbackReason::Background };
                self.push(QueuedEvent::HttpFallback(Box::new(reason(id))));
            }
            Recovery::FallBackRejected { status } => {
                request.phase = RequestPhase::Ready;
                self.fall_back(FallbackReason::Refused(status));
            }
            Recovery::FallBackExhausted => {
                request.phase = RequestPhase::Ready;
                request.retry_state.retries = 0;
                let is_running = request.background_response().is_some();
                request.set_next_attempt(if is_running { AttemptKind::Resume } else { AttemptKind::Create });
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
                request.set_next_attempt(AttemptKind::Create);
                let retries = request.retry_state.retries;
                self.push(QueuedEvent::Retry { id, failure, retries, delay });
            }
            Recovery::Resume { delay } => {
                request.phase = RequestPhase::Backoff { until: now + delay };
                request.retry_state.retries += 1;
                request.set_next_attempt(AttemptKind::Resume);
                let retries = request.retry_state.retries;
                self.push(QueuedEvent::Resuming { id, failure, retries, delay });
            }
        }
    }

    /// The request waits until the application gives new credentials.
    pub(super) fn await_credentials(&mut self, now: Instant, id: RequestId, refusal: Box<Failure>) {
        let until = now + self.builder.shared.settings.credential_timeout;
        let Some(request) = self.requests.get_mut(id) else { return };
        request.phase = RequestPhase::AwaitingCredentials { until };
        request.retry_state.credential_requests += 1;
        request.refusal = Some(refusal);
    }

    pub(super) fn fall_back(&mut self, reason: FallbackReason) {
        if self.selector.fall_back() {
            self.push(QueuedEvent::HttpFallback(Box::new(reason)));
        }
    }

    /// All requests in flight fail.
    pub(super) fn fail_in_flight(&mut self, now: Instant, point: FailurePoint, failure: &Failure) {
        for id in self.requests.ids(ActiveRequest::is_in_flight) {
            self.fail(now, id, point, failure.clone());
        }
    }

    /// The server answered the WebSocket handshake with something else than 101.
    pub(super) fn fail_handshake(&mut self, now: Instant, head: &Response, body: &[u8]) {
        let url = self.builder.shared.endpoint.url(true, &self.builder.shared.endpoint.target(RESPONSES, &[]));
        let failure = policy::http_failure(head, body, &url, self.builder.unix_seconds(now));
        let point = FailurePoint::HandshakeRejected { status: head.status() };
        self.fail_connect_attempt(now, Transport::WebSocket, point, failure);
    }

    /// A connection could not be opened: the failure counts once for each request that waits for it.
    pub(in crate::client) fn fail_connect_attempt(
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
    pub(super) fn apply_unclaimed_failure(&mut self, point: FailurePoint) {
        if let FailurePoint::HandshakeRejected { status } = point
            && policy::rejection(status) == HandshakeRejection::NoWebSocket
            && self.selector.can_fall_back()
        {
            self.fall_back(FallbackReason::Refused(status));
        }
    }

    /// The request ends. `body`: that of an operation.
    pub(in crate::client) fn finish(&mut self, now: Instant, id: RequestId, outcome: QueuedOutcome) {
        self.finish_with_body(now, id, outcome, Vec::new());
    }

    /// Does the same; `body` is that of an operation's response.
    pub(super) fn finish_with_body(&mut self, now: Instant, id: RequestId, mut outcome: QueuedOutcome, body: Vec<u8>) {
        let Some(mut request) = self.requests.remove(id) else { return };
        if let Some(held) = request.held.take() {
            outcome = held.outcome;
        }
        self.settle_submissions(&mut request);
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
        let interrupted = request.interrupted;
        let finished = request.into_finished(now);
        // The next request can continue a response that was interrupted, too (docs/protocol.md §15.2).
        let continuable = match &outcome {
            QueuedOutcome::Completed(response) => response.id.as_ref(),
            QueuedOutcome::Cancelled if interrupted => finished.report.response_id.as_ref(),
            QueuedOutcome::Cancelled
            | QueuedOutcome::Incomplete(_)
            | QueuedOutcome::Failed(_)
            | QueuedOutcome::PrewarmSkipped
            | QueuedOutcome::OperationCompleted(_) => None,
        };
        if let (Some(response_id), Submission::Response { request, .. }, Some(items)) =
            (continuable, finished.submission, finished.items)
            && was_on_websocket
            && let Some(managed) = self.slot.connected_mut()
        {
            let lane = LaneId::new(request.lane.as_deref());
            managed.previous_responses.store(lane, request.body, response_id, items);
        }
        let finished = FinishedEvent { outcome, report: finished.report };
        let event = QueuedEvent::Finished(id, Box::new(finished));
        if body.is_empty() {
            self.events.push(event, "");
        } else {
            self.events.push_owned(event, body);
        }
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

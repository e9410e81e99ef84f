//! Steers and interrupts responses, and waits for the successors of those that were steered.

use super::{ClientPhase, Conversation};
use crate::client::config::{AbandonMode, CancelMode};
use crate::client::queued_event::{QueuedEvent, QueuedOutcome};
use crate::client::request::{CommandError, RequestId};
use crate::client::requests::{ActiveRequest, AttemptKind, HeldEnd, LaneId, RequestPhase};
use crate::client::steering::{Interruption, SteeringUpdate, Submission, SubmissionId};
use crate::client::transport::ConnectionPhase;
use crate::connection::Transport;
use crate::responses::{Envelope, FailureKind, Item};
use crate::responses::{inject_message, interrupt_message, is_steer_input, steer_input, steer_message};
use crate::time::{Duration, Instant};
use crate::turn::SubmissionInput;

/// The `reason` of a response that was interrupted.
const INTERRUPTED: &str = "interrupted";

/// Commands.
impl Conversation {
    pub(in crate::client) fn steer(
        &mut self,
        now: Instant,
        id: RequestId,
        items: &[Item],
    ) -> Result<SubmissionId, CommandError> {
        if !is_steer_input(items) {
            return Err(CommandError::SteerInput);
        }
        let limit = self.builder.shared.settings.max_submissions;
        let (managed, request) = running(&mut self.slot, &mut self.requests, id)?;
        let Some(response_id) = request.report.response_id.as_deref() else { return Err(CommandError::NoRequest) };
        if request.submissions.open() >= limit {
            return Err(CommandError::TooManySubmissions(limit));
        }
        let input = steer_input(items);
        let text = steer_message(response_id, &input);
        check_length(managed, &text)?;
        managed.connection.send_message(now, &text).map_err(|_| CommandError::NoRequest)?;
        self.last_submission_id += 1;
        let submission_id = SubmissionId(self.last_submission_id);
        let submission = Submission::new(submission_id, response_id, input);
        request.record_steered(text.len(), submission);
        Ok(submission_id)
    }

    pub(in crate::client) fn inject(
        &mut self,
        now: Instant,
        id: RequestId,
        items: &[Item],
    ) -> Result<(), CommandError> {
        let (managed, request) = running(&mut self.slot, &mut self.requests, id)?;
        let Some(response_id) = request.report.response_id.as_deref() else { return Err(CommandError::NoRequest) };
        let text = inject_message(response_id, items);
        check_length(managed, &text)?;
        managed.connection.send_about_response(now, &text).map_err(|_| CommandError::NoRequest)?;
        request.report.sent_bytes += text.len();
        Ok(())
    }

    /// Sends a message that the client does not know.
    pub(in crate::client) fn send_text(
        &mut self,
        now: Instant,
        lane: Option<&str>,
        text: &str,
    ) -> Result<(), CommandError> {
        if self.phase == ClientPhase::Closed {
            return Err(CommandError::Closed);
        }
        self.builder.validate(&[], lane)?;
        let envelope = Envelope::scan(text).map_err(|_| CommandError::Message)?;
        if envelope.is_request() {
            return Err(CommandError::Message);
        }
        if envelope.stream_id().as_deref() != lane {
            return Err(CommandError::Lane);
        }
        let managed = self.slot.connected_mut().filter(|managed| managed.transport == Transport::WebSocket);
        let managed =
            managed.filter(|managed| managed.phase == ConnectionPhase::Open).ok_or(CommandError::NotConnected)?;
        check_length(managed, text)?;
        managed.connection.send_message(now, text).map_err(|_| CommandError::NotConnected)?;
        managed.delivers_unmatched = true;
        Ok(())
    }

    /// Cancels a request, in the way that the settings say.
    pub(in crate::client) fn cancel(&mut self, now: Instant, id: RequestId) {
        let settings = &self.builder.shared.settings;
        let interruption = match settings.cancel {
            CancelMode::Interrupt { limit, otherwise } => Some((limit, otherwise)),
            CancelMode::Auto if self.builder.shared.provider.capabilities.interrupt => {
                Some((settings.interrupt_timeout, AbandonMode::Close))
            }
            CancelMode::Auto | CancelMode::Close | CancelMode::Drain { .. } => None,
        };
        match interruption {
            Some((limit, otherwise)) if self.can_interrupt(id) => {
                self.begin_interruption(now, id, limit, Some(otherwise));
            }
            Some(_) | None => self.cancel_at_once(now, id, self.builder.shared.settings.cancel.abandon_mode()),
        }
    }

    pub(in crate::client) fn interrupt(&mut self, now: Instant, id: RequestId) -> Result<(), CommandError> {
        let request = self.requests.get(id).ok_or(CommandError::NoRequest)?;
        if self.can_interrupt(id) {
            let limit = self.builder.shared.settings.interrupt_timeout;
            self.begin_interruption(now, id, limit, None);
        } else if request.interruption.is_none() {
            // It has no response that could be interrupted.
            self.cancel_at_once(now, id, self.builder.shared.settings.cancel.abandon_mode());
        }
        Ok(())
    }

    /// Whether the server can be asked to interrupt the response to this request, now or when it exists.
    fn can_interrupt(&self, id: RequestId) -> bool {
        self.requests.get(id).is_some_and(|request| {
            let is_running = request.is_in_flight() && request.was_on_websocket() && !request.is_prewarm();
            is_running && request.held.is_none() && request.interruption.is_none()
        })
    }

    fn cancel_at_once(&mut self, now: Instant, id: RequestId, mode: AbandonMode) {
        let Some(request) = self.requests.get(id) else { return };
        let (in_flight, lane) = (request.is_in_flight(), LaneId::new(request.lane()));
        if !self.begin_cancellation(now, id) {
            self.finish(now, id, QueuedOutcome::Cancelled);
        }
        if in_flight {
            self.abandon_on_connection(now, lane, mode);
        }
    }

    /// Asks the server to cancel the response to this request, which runs in the background and would go on. The request ends when
    /// the server has answered, or when the time of an interruption has passed. Returns whether it is asked: once for each request.
    pub(super) fn begin_cancellation(&mut self, now: Instant, id: RequestId) -> bool {
        let until = now + self.builder.shared.settings.interrupt_timeout;
        let Some(request) = self.requests.get_mut(id) else { return false };
        if request.background_response().is_none() || request.is_being_cancelled() {
            return false;
        }
        request.attempt = AttemptKind::Cancel;
        request.phase = RequestPhase::Ready;
        request.interruption = None;
        request.refusal = None;
        request.total_deadline = Some(request.total_deadline.map_or(until, |deadline| deadline.min(until)));
        true
    }
}

/// Interruption.
impl Conversation {
    fn begin_interruption(&mut self, now: Instant, id: RequestId, limit: Duration, otherwise: Option<AbandonMode>) {
        if let Some(request) = self.requests.get_mut(id) {
            request.interruption = Some(Interruption { until: now + limit, otherwise, asked: None });
        }
        self.send_interruption(now, id);
    }

    /// Asks the server to interrupt the response to this request, once the response exists.
    pub(super) fn send_interruption(&mut self, now: Instant, id: RequestId) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let Some(response_id) = request.response_to_interrupt() else { return };
        let Some(managed) = self.slot.connected_mut() else { return };
        let (text, response_id) = (interrupt_message(response_id), response_id.into());
        // It fails only on a connection that is closing, which ends the request.
        if managed.connection.send_about_response(now, &text).is_ok()
            && let Some(interruption) = &mut request.interruption
        {
            interruption.asked = Some(response_id);
            request.report.sent_bytes += text.len();
        }
    }

    /// The server does not interrupt the response: it goes on, unless the request was cancelled.
    pub(super) fn fail_interruption(&mut self, now: Instant, id: RequestId) {
        let interruption = self.requests.get_mut(id).and_then(|request| request.interruption.take());
        if let Some(mode) = interruption.and_then(|interruption| interruption.otherwise) {
            self.cancel_at_once(now, id, mode);
        }
    }

    /// Ends the request if its response was not interrupted in time. Returns whether it did.
    pub(super) fn expire_interruption(&mut self, now: Instant, id: RequestId) -> bool {
        let expired = self
            .requests
            .get(id)
            .is_some_and(|request| request.interruption.as_ref().is_some_and(|interruption| interruption.until <= now));
        if expired {
            self.cancel_at_once(now, id, AbandonMode::Close);
        }
        expired
    }
}

/// Successors.
impl Conversation {
    /// The response to a request has ended. The request ends too, unless a successor may follow.
    pub(super) fn end_response(&mut self, now: Instant, id: RequestId, outcome: QueuedOutcome) {
        let Some(request) = self.requests.get_mut(id) else { return };
        let mut outcome = outcome;
        if matches!(&outcome, QueuedOutcome::Incomplete(response) if response.reason.as_deref() == Some(INTERRUPTED)) {
            let updates = request.submissions.end(SubmissionInput::Failed);
            if request.interruption.is_some() {
                request.interrupted = true;
                outcome = QueuedOutcome::Cancelled;
            }
            self.push_updates(Some(id), updates);
        }
        if !self.hold(now, id, &mut outcome, None) {
            self.finish(now, id, outcome);
        }
    }

    /// Keeps the end of a response back while a successor may follow. Returns whether it does, and takes the outcome then.
    pub(super) fn hold(
        &mut self,
        now: Instant,
        id: RequestId,
        outcome: &mut QueuedOutcome,
        failed: Option<FailureKind>,
    ) -> bool {
        let until = now + self.builder.shared.settings.steering_timeout;
        let (Some(request), Some(managed)) = (self.requests.get_mut(id), self.slot.connected_mut()) else {
            return false;
        };
        if !request.was_on_websocket() || !request.submissions.hold_lane() {
            return false;
        }
        let outcome = core::mem::replace(outcome, QueuedOutcome::Cancelled);
        request.interruption = None;
        request.held = Some(HeldEnd { outcome, until, failed });
        managed.connection.hold(request.lane(), true);
        true
    }

    /// Ends a request whose end was kept back, once nothing can follow.
    pub(super) fn release_if_settled(&mut self, now: Instant, id: RequestId) {
        let Some(request) = self.requests.get(id) else { return };
        if let Some(held) = &request.held
            && !request.submissions.hold_lane()
        {
            let failed = held.failed;
            self.release(now, id);
            if let Some(kind) = failed {
                self.apply_failed_response(now, kind);
            }
        }
    }

    /// Ends a request whose end was kept back.
    pub(super) fn release(&mut self, now: Instant, id: RequestId) {
        if let (Some(request), Some(managed)) = (self.requests.get(id), self.slot.connected_mut()) {
            managed.connection.hold(request.lane(), false);
        }
        // The end that was kept back takes the place of this one.
        self.finish(now, id, QueuedOutcome::Cancelled);
    }

    /// What became of the submissions of a request that ends. Those whose input waits at the server stay there while the connection
    /// lasts. A connection on which a successor may follow takes no more requests.
    pub(super) fn settle_submissions(&mut self, request: &mut ActiveRequest) {
        let lane = LaneId::new(request.lane());
        let lost = request.submissions.end(SubmissionInput::Lost);
        let pending = request.submissions.take_pending();
        let open = self.slot.connected_mut().filter(|managed| managed.phase == ConnectionPhase::Open);
        let is_open = open.is_some();
        if let Some(managed) = open {
            managed.retired |= !lost.is_empty();
        }
        self.push_updates(Some(request.id), lost);
        let given_up = self.waiting.add(&lane, pending);
        self.push_updates(None, given_up);
        if !is_open {
            self.give_up_waiting();
        }
    }

    /// The connection has ended, and with it the inputs that waited at the server.
    pub(super) fn give_up_waiting(&mut self) {
        let given_up = self.waiting.give_up();
        self.push_updates(None, given_up);
    }

    fn push_updates(&mut self, id: Option<RequestId>, updates: impl IntoIterator<Item = SteeringUpdate>) {
        for update in updates {
            self.push(QueuedEvent::Steering(id, alloc::boxed::Box::new(update)));
        }
    }
}

/// Checks a message against the limit that the server has stated.
fn check_length(managed: &crate::client::transport::ManagedConnection, text: &str) -> Result<(), CommandError> {
    managed.exceeded_limit(text).map_or(Ok(()), |limit| Err(CommandError::MessageTooLong(limit)))
}

/// The connection, and a request whose response is running on it.
fn running<'c>(
    slot: &'c mut crate::client::transport::ConnectionSlot,
    requests: &'c mut crate::client::requests::RequestTable,
    id: RequestId,
) -> Result<(&'c mut crate::client::transport::ManagedConnection, &'c mut ActiveRequest), CommandError> {
    let request = requests.get_mut(id).filter(|request| request.is_in_flight() && request.held.is_none());
    let request = request.ok_or(CommandError::NoRequest)?;
    let managed = slot.connected_mut().filter(|managed| managed.transport == Transport::WebSocket);
    Ok((managed.ok_or(CommandError::NoRequest)?, request))
}

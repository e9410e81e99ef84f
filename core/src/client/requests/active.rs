//! One request that has not ended: its submission, its phase, its retries, and the received part of its response.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::received::Received;
use super::resumption::{AttemptKind, Resumption};
use super::submission::Submission;
use crate::client::event::RequestReport;
use crate::client::queued_event::QueuedOutcome;
use crate::client::request::RequestId;
use crate::client::steering::{Interruption, SteeringUpdate, Submission as Steering, Submissions};
use crate::client::violation::ServerViolation;
use crate::connection::Transport;
use crate::responses::{
    CompletedResponse, Envelope, Failure, FailureKind, HeaderSource, RequestProgress, ResponseInfo,
};
use crate::time::Instant;

/// The phase of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum RequestPhase {
    /// A connection that can take it.
    Ready,
    /// The time of its next attempt.
    Backoff { until: Instant },
    /// New credentials, at most until this time.
    AwaitingCredentials { until: Instant },
    /// Its response. Over HTTP, the head must have arrived by the deadline.
    InFlight { head_deadline: Option<Instant> },
}

/// The recovery so far.
#[derive(Debug, Default)]
pub(in crate::client) struct RetryState {
    /// Retries on the current transport.
    pub(in crate::client) retries: u32,
    /// Requests for new credentials.
    pub(in crate::client) credential_requests: u32,
    /// The request was sent again in full, because the server had forgotten the previous response.
    pub(in crate::client) resent_in_full: bool,
    /// The request takes HTTP, whatever transport other requests take.
    pub(in crate::client) forced_http: bool,
    /// The request tries HTTP because the server answered the handshake with this status. If it succeeds, all requests take HTTP.
    pub(in crate::client) http_trial: Option<u16>,
}

/// The end of a response that a successor may follow: the request ends when none does.
#[derive(Debug)]
pub(in crate::client) struct HeldEnd {
    pub(in crate::client) outcome: QueuedOutcome,
    /// How long the client waits for the successor.
    pub(in crate::client) until: Instant,
    /// The kind of the failure, if the response failed.
    pub(in crate::client) failed: Option<FailureKind>,
}

/// How a request was handed to a connection.
#[derive(Clone, Debug)]
pub(in crate::client) struct SendRecord {
    pub(in crate::client) transport: Transport,
    /// The connection had carried a request before.
    pub(in crate::client) reused: bool,
    /// The request contained only what the server did not know.
    pub(in crate::client) incremental: bool,
    /// The turn token went with it.
    pub(in crate::client) turn_token: bool,
    /// The length of the body or the message.
    pub(in crate::client) bytes: usize,
    pub(in crate::client) head_deadline: Option<Instant>,
    /// The previous response that the request names.
    pub(in crate::client) previous_response_id: Option<String>,
}

#[derive(Debug)]
pub(in crate::client) struct ActiveRequest {
    pub(in crate::client) id: RequestId,
    pub(in crate::client) submission: Submission,
    pub(in crate::client) phase: RequestPhase,
    pub(in crate::client) retry_state: RetryState,
    pub(in crate::client) report: RequestReport,
    pub(in crate::client) submitted_at: Instant,
    /// When the request must have ended, with all its attempts.
    pub(in crate::client) total_deadline: Option<Instant>,
    /// The failure that the application was asked for new credentials for.
    pub(in crate::client) refusal: Option<Box<Failure>>,
    /// What the next attempt asks for, or the one in flight.
    pub(in crate::client) attempt: AttemptKind,
    /// What was delivered, if the response runs in the background.
    pub(in crate::client) resumption: Option<Box<Resumption>>,
    pub(in crate::client) submissions: Submissions,
    /// The response has ended, and a successor may follow.
    pub(in crate::client) held: Option<HeldEnd>,
    pub(in crate::client) interruption: Option<Interruption>,
    /// The server interrupted the response, as the client had asked.
    pub(in crate::client) interrupted: bool,
    received: Received,
    sent_at: Instant,
}

impl ActiveRequest {
    pub(in crate::client) fn new(id: RequestId, submission: Submission, now: Instant) -> Self {
        let is_background = matches!(&submission,
            Submission::Response { request, prewarm: false } if request.body.background == Some(true));
        Self {
            id,
            submission,
            attempt: AttemptKind::Create,
            resumption: is_background.then(Box::default),
            phase: RequestPhase::Ready,
            retry_state: RetryState::default(),
            report: RequestReport::default(),
            submitted_at: now,
            total_deadline: None,
            refusal: None,
            submissions: Submissions::default(),
            held: None,
            interruption: None,
            interrupted: false,
            received: Received::default(),
            sent_at: now,
        }
    }

    /// Creates the request for the events of a background response behind this number.
    pub(in crate::client) fn resume(id: RequestId, response_id: &str, after: Option<i64>, now: Instant) -> Self {
        let mut request = Self::new(id, Submission::Resume, now);
        request.attempt = AttemptKind::Resume;
        request.resumption = Some(Box::new(Resumption::after(after)));
        request.report.response_id = Some(response_id.into());
        request
    }

    /// Returns the name of its lane. An operation counts as a request of the default lane.
    pub(in crate::client) fn lane(&self) -> Option<&str> {
        match &self.submission {
            Submission::Response { request, .. } => request.lane.as_deref(),
            Submission::Operation(_) | Submission::Resume => None,
        }
    }

    pub(in crate::client) const fn is_in_flight(&self) -> bool {
        matches!(self.phase, RequestPhase::InFlight { .. })
    }

    pub(in crate::client) const fn is_prewarm(&self) -> bool {
        matches!(self.submission, Submission::Response { prewarm: true, .. })
    }

    pub(in crate::client) const fn is_operation(&self) -> bool {
        matches!(self.submission, Submission::Operation(_))
    }

    pub(in crate::client) const fn carries_turn_token(&self) -> bool {
        match &self.submission {
            Submission::Response { .. } | Submission::Resume => true,
            Submission::Operation(operation) => operation.send_turn_token,
        }
    }

    /// Returns whether only HTTP can carry the next attempt.
    pub(in crate::client) const fn needs_http(&self) -> bool {
        match self.attempt {
            AttemptKind::Create => self.is_operation() || self.retry_state.forced_http,
            AttemptKind::Resume | AttemptKind::Cancel => true,
        }
    }

    /// Returns whether the server is asked to cancel its response.
    pub(in crate::client) const fn is_being_cancelled(&self) -> bool {
        matches!(self.attempt, AttemptKind::Cancel)
    }

    /// Returns the id of its response, if the response runs in the background and has not ended.
    pub(in crate::client) fn background_response(&self) -> Option<&str> {
        let is_running = self.resumption.is_some() && self.held.is_none();
        self.report.response_id.as_deref().filter(|_| is_running)
    }

    /// Returns whether the rest of its response can be requested.
    pub(in crate::client) const fn is_background(&self) -> bool {
        self.resumption.is_some()
    }

    /// Returns whether an event of its response is to be delivered. One of a resumed response may have been delivered before.
    pub(in crate::client) fn admit(&mut self, envelope: &Envelope<'_>) -> bool {
        self.resumption.as_mut().is_none_or(|resumption| resumption.admit(envelope))
    }

    /// Returns whether the application has asked for the whole response.
    pub(in crate::client) fn collects(&self) -> bool {
        matches!(&self.submission, Submission::Response { request, prewarm: false } if request.collect)
    }

    /// The failed attempt is followed by another one: for the rest of the response, or for a new one.
    pub(in crate::client) const fn set_next_attempt(&mut self, attempt: AttemptKind) {
        match self.attempt {
            AttemptKind::Create | AttemptKind::Resume => self.attempt = attempt,
            AttemptKind::Cancel => {}
        }
    }

    /// Returns whether the latest attempt was sent on a WebSocket.
    pub(in crate::client) fn was_on_websocket(&self) -> bool {
        self.report.transport == Some(Transport::WebSocket)
    }

    /// Returns how far the request got, for `Failure::progress`.
    pub(in crate::client) const fn progress(&self) -> RequestProgress {
        self.received.progress
    }

    /// Returns the next time at which something is due for it. `lane_idle`: how long it may stay silent on a WebSocket that
    /// it shares with other requests; the connection watches one that is alone.
    pub(in crate::client) fn deadline(&self, lane_idle: Option<Duration>) -> Option<Instant> {
        match self.phase {
            RequestPhase::Ready => None,
            RequestPhase::Backoff { until } | RequestPhase::AwaitingCredentials { until } => Some(until),
            RequestPhase::InFlight { head_deadline } => {
                let watched = self.was_on_websocket() && self.held.is_none();
                let silence = lane_idle.filter(|_| watched).map(|idle| self.received.last_event + idle);
                let held = self.held.as_ref().map(|held| held.until);
                let interruption = self.interruption.as_ref().map(|interruption| interruption.until);
                head_deadline.into_iter().chain(silence).chain(held).chain(interruption).min()
            }
        }
    }

    /// Postpones the deadline of its response.
    pub(in crate::client) fn postpone_response(&mut self, pause: Duration) {
        self.received.last_event = self.received.last_event + pause;
        if let RequestPhase::InFlight { head_deadline: Some(deadline) } = &mut self.phase {
            *deadline = *deadline + pause;
        }
        if let Some(held) = &mut self.held {
            held.until = held.until + pause;
        }
        if let Some(interruption) = &mut self.interruption {
            interruption.until = interruption.until + pause;
        }
    }

    /// Returns whether no event of its response has arrived.
    pub(in crate::client) const fn awaits_first_event(&self) -> bool {
        self.report.first_event.is_none()
    }

    /// Records that the request was handed to a connection.
    pub(in crate::client) fn record_sent(&mut self, now: Instant, record: SendRecord) {
        self.phase = RequestPhase::InFlight { head_deadline: record.head_deadline };
        self.sent_at = now;
        match self.attempt {
            AttemptKind::Create => self.begin_attempt(now, record.previous_response_id),
            AttemptKind::Resume | AttemptKind::Cancel => {
                self.received.last_event = now;
                self.received.progress = self.received.progress.max(RequestProgress::Sent);
                if let Some(resumption) = &mut self.resumption {
                    resumption.begin_rest();
                }
            }
        }
        self.report.attempts += 1;
        self.report.resumed += u32::from(self.attempt == AttemptKind::Resume);
        self.report.transport = Some(record.transport);
        self.report.reused = record.reused;
        self.report.incremental = record.incremental;
        self.report.turn_token = record.turn_token;
        self.report.sent_bytes += record.bytes;
    }

    /// Nothing of a response has been received.
    fn begin_attempt(&mut self, now: Instant, previous_response_id: Option<String>) {
        self.received.begin(now, previous_response_id);
        self.report.first_event = None;
        self.report.response_id = None;
        self.restart_resumption();
    }

    /// Another response begins: nothing of it was delivered.
    fn restart_resumption(&mut self) {
        if let Some(resumption) = &mut self.resumption {
            **resumption = Resumption::default();
        }
    }

    /// Records that a steering message for its response was sent.
    pub(in crate::client) fn record_steered(&mut self, bytes: usize, submission: Steering) {
        self.report.sent_bytes += bytes;
        self.submissions.push(submission);
    }

    /// Records that its response ended because it was steered.
    pub(in crate::client) const fn record_steered_end(&mut self) {
        self.received.steered_end = true;
    }

    /// The id of the successor of its response, if the event is the `response.created` of one.
    pub(in crate::client) fn successor(&self, envelope: &Envelope<'_>) -> Option<String> {
        let current = self.report.response_id.as_deref()?;
        let id = envelope.id_of_response()?;
        let is_expected = self.held.is_some() || self.received.steered_end;
        let follows = is_expected || envelope.echoed_previous_response().as_deref() == Some(current);
        (id != current && follows).then(|| id.into_owned())
    }

    /// A successor of its response has begun. Returns the submissions that it takes into account.
    pub(in crate::client) fn begin_successor(&mut self) -> Vec<SteeringUpdate> {
        self.held = None;
        self.received.steered_end = false;
        // It names its predecessor.
        self.received.previous_response_checked = true;
        // The client does not know which items the server made of the two inputs.
        self.received.items = None;
        self.restart_resumption();
        let ended = self.report.response_id.take().unwrap_or_default();
        self.submissions.commit(&ended)
    }

    /// The first response has begun. Returns the submissions that waited for it.
    pub(in crate::client) fn begin_response(&mut self) -> Vec<SteeringUpdate> {
        let Some(previous) = self.received.previous_response_id.as_deref() else { return Vec::new() };
        let updates = self.submissions.commit(previous);
        if !updates.is_empty() {
            // The server puts their input before that of the request.
            self.received.items = None;
        }
        updates
    }

    /// The id of the response to be interrupted, unless the server was asked to.
    pub(in crate::client) fn response_to_interrupt(&self) -> Option<&str> {
        let interruption = self.interruption.as_ref()?;
        let id = self.report.response_id.as_deref()?;
        (interruption.asked.as_deref() != Some(id)).then_some(id)
    }

    /// Records the head of its response. From here on, the connection watches for silence.
    pub(in crate::client) fn record_head(&mut self, now: Instant, status: u16, request_id: Option<&str>) {
        self.received.last_event = now;
        self.phase = RequestPhase::InFlight { head_deadline: None };
        self.report.status = Some(status);
        self.report.request_id = request_id.map(Into::into);
    }

    /// Records that `bytes` bytes of its response arrived.
    pub(in crate::client) fn record_received(&mut self, now: Instant, bytes: usize) {
        self.received.last_event = now;
        self.report.received_bytes += bytes;
        if self.report.first_event.is_none() {
            self.report.first_event = Some(now.saturating_duration_since(self.sent_at));
        }
    }

    /// Raises the progress to what this event shows.
    pub(in crate::client) fn record_progress(&mut self, envelope: &Envelope<'_>) {
        self.received.record_progress(envelope);
    }

    /// Records an item that is done. No item is kept once they take more than `limit` bytes.
    pub(in crate::client) fn record_item(&mut self, text: Option<&str>, limit: usize) {
        self.received.record_item(text, limit);
    }

    /// Compares the previous response that its response names, at most once, with the one that it named itself
    /// (docs/differences.md row 58).
    pub(in crate::client) fn check_previous_response(&mut self, envelope: &Envelope<'_>) -> Option<ServerViolation> {
        self.received.check_previous_response(envelope)
    }

    /// Reads the id of the response from the `response` member of an event.
    pub(in crate::client) fn set_response_id(&mut self, envelope: &Envelope<'_>) {
        if let Some(id) = envelope.id_of_response() {
            self.report.response_id = Some(id.into_owned());
        }
    }

    /// Records the contents of the terminal event.
    pub(in crate::client) fn record_end(&mut self, end: &CompletedResponse) {
        if end.id.is_some() {
            self.report.response_id.clone_from(&end.id);
        }
        if end.raw_usage.is_some() {
            self.report.usage = end.usage;
            self.report.raw_usage.clone_from(&end.raw_usage);
        }
    }

    /// Returns the information in the headers of a response or handshake.
    pub(in crate::client) fn info_of_headers<'a>(
        &mut self,
        source: HeaderSource,
        pairs: &'a [(&'a str, &'a str)],
    ) -> Vec<ResponseInfo<'a>> {
        self.received.info.prelude(source, pairs)
    }

    /// Returns the information in a payload besides its event.
    pub(in crate::client) fn info_of_event<'a>(
        &mut self,
        source: HeaderSource,
        envelope: &'a Envelope<'a>,
    ) -> Vec<ResponseInfo<'a>> {
        self.received.info.observe(source, envelope)
    }

    /// Takes apart a request that has ended.
    pub(in crate::client) fn into_finished(mut self, now: Instant) -> FinishedRequest {
        self.report.total = now.saturating_duration_since(self.submitted_at);
        self.report.sequence_number = self.resumption.as_ref().and_then(|resumption| resumption.last());
        FinishedRequest { submission: self.submission, items: self.received.items, report: self.report }
    }
}

/// What is left of a request that has ended.
#[derive(Debug)]
pub(in crate::client) struct FinishedRequest {
    pub(in crate::client) submission: Submission,
    /// The items of its response as JSON, if they are known.
    pub(in crate::client) items: Option<Vec<Box<str>>>,
    pub(in crate::client) report: RequestReport,
}

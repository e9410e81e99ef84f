//! One request that has not ended: what was submitted, its phase, its retries, and what was received of its response.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::client::event::RequestReport;
use crate::client::request::{RawOperation, Request, RequestId};
use crate::client::violation::ServerViolation;
use crate::connection::Transport;
use crate::responses::{
    CompletedResponse, Envelope, EventClass, Failure, HeaderSource, Item, RequestProgress, ResponseInfo,
    ResponseInfoTracker,
};
use crate::time::Instant;

/// The maximum length of the previous response's id that is kept of a response, in bytes.
const MAX_ECHO: usize = 256;

/// What the application submitted.
#[derive(Debug)]
pub(in crate::client) enum Submission {
    /// A request for a response. A prewarm asks for none of its output.
    Response {
        request: Box<Request>,
        prewarm: bool,
    },
    Operation(Box<RawOperation>),
}

/// What a request waits for.
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

/// What was already done to recover from failures.
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

/// What was received of the response to the latest attempt.
#[derive(Debug, Default)]
struct Received {
    /// How far the request got. Terminal events do not lower it. A new attempt sets it back to `Sent`, unless an earlier attempt
    /// delivered output.
    progress: RequestProgress,
    /// The items that are done. `None` when one of them could not be kept, so that no later request can be incremental.
    items: Option<Vec<Item>>,
    /// The length of the texts of these items, in bytes.
    item_bytes: usize,
    info: ResponseInfoTracker,
    last_event: Instant,
    /// The previous response that the request named, until the response has named one.
    previous_response: PreviousResponseEcho,
}

/// What the response may name as its previous response.
#[derive(Debug, Default)]
enum PreviousResponseEcho {
    /// It was compared, or need not be.
    #[default]
    Checked,
    /// What the request named.
    Expected(Option<String>),
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
    /// Steering messages that were sent for its response, without those that the server gave back.
    steers: u32,
    received: Received,
    sent_at: Instant,
}

impl ActiveRequest {
    pub(in crate::client) fn new(id: RequestId, submission: Submission, now: Instant) -> Self {
        Self {
            id,
            submission,
            phase: RequestPhase::Ready,
            retry_state: RetryState::default(),
            report: RequestReport::default(),
            submitted_at: now,
            total_deadline: None,
            refusal: None,
            steers: 0,
            received: Received::default(),
            sent_at: now,
        }
    }

    /// Returns the name of its lane. An operation counts as a request of the default lane.
    pub(in crate::client) fn lane(&self) -> Option<&str> {
        match &self.submission {
            Submission::Response { request, .. } => request.lane.as_deref(),
            Submission::Operation(_) => None,
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
            Submission::Response { .. } => true,
            Submission::Operation(operation) => operation.send_turn_token,
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
                let silence = lane_idle.filter(|_| self.was_on_websocket()).map(|idle| self.received.last_event + idle);
                head_deadline.into_iter().chain(silence).min()
            }
        }
    }

    /// Postpones the deadline of its response.
    pub(in crate::client) fn postpone_response(&mut self, pause: Duration) {
        self.received.last_event = self.received.last_event + pause;
        if let RequestPhase::InFlight { head_deadline: Some(deadline) } = &mut self.phase {
            *deadline = *deadline + pause;
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
        self.received = Received {
            progress: match self.received.progress {
                RequestProgress::OutputSeen => RequestProgress::OutputSeen,
                RequestProgress::NotSent | RequestProgress::Sent | RequestProgress::Created => RequestProgress::Sent,
            },
            items: Some(Vec::new()),
            item_bytes: 0,
            info: ResponseInfoTracker::default(),
            last_event: now,
            previous_response: PreviousResponseEcho::Expected(record.previous_response_id),
        };
        self.report.attempts += 1;
        self.report.transport = Some(record.transport);
        self.report.first_event = None;
        self.report.response_id = None;
        self.report.reused = record.reused;
        self.report.incremental = record.incremental;
        self.report.turn_token = record.turn_token;
        self.report.sent_bytes += record.bytes;
    }

    /// Records that a steering message for its response was sent.
    pub(in crate::client) fn record_steered(&mut self, bytes: usize) {
        self.report.sent_bytes += bytes;
        self.steers = self.steers.saturating_add(1);
        // The client does not know which items the server makes of the two inputs.
        self.received.items = None;
    }

    /// Records that the server gave the input of a steering message back.
    pub(in crate::client) const fn record_steer_failed(&mut self) {
        self.steers = self.steers.saturating_sub(1);
    }

    /// Returns whether the server has, or may have, taken further input for the response.
    pub(in crate::client) const fn is_steered(&self) -> bool {
        self.steers > 0
    }

    /// Returns the number of its retries on one transport, if it has one of its own.
    pub(in crate::client) const fn own_max_retries(&self) -> Option<u32> {
        match &self.submission {
            Submission::Response { request, .. } => request.retries,
            Submission::Operation(operation) => operation.retries,
        }
    }

    /// Its total time, if it has one of its own.
    pub(in crate::client) const fn own_deadline(&self) -> Option<Duration> {
        match &self.submission {
            Submission::Response { request, .. } => request.deadline,
            Submission::Operation(operation) => operation.deadline,
        }
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
        if self.received.progress == RequestProgress::OutputSeen {
            return;
        }
        let reached = match envelope.class() {
            EventClass::Created => RequestProgress::Created,
            EventClass::Output if envelope.has_output() => RequestProgress::OutputSeen,
            // What has only begun can be forgotten (docs/differences.md row 42).
            EventClass::Output => RequestProgress::Created,
            EventClass::Informational
            | EventClass::Completed
            | EventClass::Failed
            | EventClass::Incomplete
            | EventClass::Cancelled
            | EventClass::Error => return,
        };
        self.received.progress = self.received.progress.max(reached);
    }

    /// Records an item that is done. No item is kept once their texts are longer than `limit` bytes.
    pub(in crate::client) fn record_item(&mut self, text: Option<&str>, limit: usize) {
        self.received.item_bytes += text.map_or(0, str::len);
        let kept = text.filter(|_| self.received.item_bytes <= limit);
        match (&mut self.received.items, kept.map(Item::parse_or_other)) {
            (Some(items), Some(item)) => items.push(item),
            (_, None) => self.received.items = None,
            (None, Some(_)) => {}
        }
    }

    /// Reads the id of the response from the `response` member of an event.
    pub(in crate::client) fn set_response_id(&mut self, response: Option<&str>) {
        #[derive(serde::Deserialize)]
        struct Identified {
            id: String,
        }
        if let Some(response) = response.and_then(|text| serde_json::from_str::<Identified>(text).ok()) {
            self.report.response_id = Some(response.id);
        }
    }

    /// Compares the previous response that its response names, at most once, with the one that it named itself
    /// (docs/differences.md row 58).
    pub(in crate::client) fn check_previous_response(&mut self, envelope: &Envelope<'_>) -> Option<ServerViolation> {
        let PreviousResponseEcho::Expected(sent) = &self.received.previous_response else { return None };
        let mut echoed = envelope.echoed_previous_response().filter(|echoed| !echoed.is_empty())?;
        let differs = sent.as_deref() != Some(&*echoed);
        let end = (0..=MAX_ECHO.min(echoed.len())).rev().find(|at| echoed.is_char_boundary(*at)).unwrap_or(0);
        echoed.truncate(end);
        let violation = differs.then(|| ServerViolation::PreviousResponse { sent: sent.clone(), echoed });
        self.received.previous_response = PreviousResponseEcho::Checked;
        violation
    }

    /// Records what the end of its response contains.
    pub(in crate::client) fn record_end(&mut self, end: &CompletedResponse) {
        if end.id.is_some() {
            self.report.response_id.clone_from(&end.id);
        }
        if end.raw_usage.is_some() {
            self.report.usage = end.usage;
            self.report.raw_usage.clone_from(&end.raw_usage);
        }
    }

    /// What the header pairs of a response or handshake say.
    pub(in crate::client) fn info_of_headers<'a>(
        &mut self,
        source: HeaderSource,
        pairs: &'a [(&'a str, &'a str)],
    ) -> Vec<ResponseInfo<'a>> {
        self.received.info.prelude(source, pairs)
    }

    /// What an event says beside itself.
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
        FinishedRequest { submission: self.submission, items: self.received.items, report: self.report }
    }
}

/// What is left of a request that has ended.
#[derive(Debug)]
pub(in crate::client) struct FinishedRequest {
    pub(in crate::client) submission: Submission,
    /// The items of its response, as far as they are known.
    pub(in crate::client) items: Option<Vec<Item>>,
    pub(in crate::client) report: RequestReport,
}

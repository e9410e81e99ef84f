//! Applies the steps of a connection to their requests.

mod repeats;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::collectors::Collectors;
use super::queued_event::{Deliver, QueuedEvent, QueuedOutcome};
use super::request::RequestId;
use super::requests::{ActiveRequest, LaneId, RequestTable};
use super::steering::{SteeringUpdate, WaitingSubmissions};
use crate::connection::{CloseReason, EventQueue, Step, Transport};
use crate::http::{Headers, Response};
use crate::responses::{EndMembers, Envelope, EventClass, Failure, FailureKind, Found, HeaderSource, InterruptReply};
use crate::responses::{OutputEvents, RateLimits, ResponseInfo, SteerReply, TURN_STATE, truncate_message};
use crate::time::Instant;
use crate::turn::{Turn, Violation};

/// The effect of a step on the connection, besides that on its request.
#[derive(Debug)]
pub(super) enum ConnectionEffect {
    None,
    /// The server accepted the WebSocket handshake.
    Upgraded {
        head: Response,
    },
    /// The server answered the WebSocket handshake otherwise.
    HandshakeRejected {
        head: Response,
        body: Vec<u8>,
    },
    /// The request over HTTP was answered with a whole body.
    WholeResponse {
        head: Response,
        body: Vec<u8>,
    },
    /// The response to this request has ended, complete or not.
    ResponseEnded {
        id: RequestId,
        outcome: QueuedOutcome,
    },
    /// The response to this request exists, and the client wants to interrupt it.
    InterruptibleResponse {
        id: RequestId,
    },
    /// The server does not interrupt the response to this request.
    InterruptionFailed {
        id: RequestId,
    },
    /// The server said what became of a steering submission of this request.
    SubmissionChanged {
        id: RequestId,
    },
    /// The response to this request failed, by an event.
    RequestFailed {
        id: RequestId,
        failure: Box<Failure>,
    },
    /// The body of the response over HTTP has ended. `last_words`: the error in its last line, which is not an event.
    HttpIdle {
        last_words: Option<Box<Failure>>,
    },
    /// An error of the connection: the server cannot serve further requests on it.
    PeerFailed(Box<Failure>),
    /// The connection has ended.
    Closed(CloseReason),
}

/// The result of one step.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) effect: ConnectionEffect,
    /// The lane on which a response has ended.
    pub(super) ended_lane: Option<LaneId>,
}

impl From<ConnectionEffect> for Received {
    fn from(effect: ConnectionEffect) -> Self {
        Self { effect, ended_lane: None }
    }
}

/// The state that a step changes.
pub(super) struct Receiver<'a, 'd> {
    pub(super) requests: &'a mut RequestTable,
    pub(super) turn: &'a mut Turn,
    pub(super) events: &'a mut EventQueue<QueuedEvent>,
    pub(super) collectors: &'a mut Collectors,
    /// Takes events at once.
    pub(super) deliver: Option<&'a mut Deliver<'d>>,
    pub(super) unmatched_events: &'a mut u64,
    pub(super) waiting: &'a mut WaitingSubmissions,
    /// The application has sent a message of its own, so that events without a request are delivered.
    pub(super) delivers_unmatched: bool,
    /// The connection was open when a turn ended.
    pub(super) outlived_turn: bool,
    /// The provider uses turn tokens.
    pub(super) keeps_turn_token: bool,
    /// The maximum length of the items that are kept of a response.
    pub(super) max_item_bytes: usize,
    /// The text of the next event, if it is the end of a whole response. It is queued without a copy.
    pub(super) whole: Option<Arc<String>>,
}

impl Receiver<'_, '_> {
    /// Applies one step. `handshake`: the headers of the WebSocket handshake that apply to each request.
    pub(super) fn apply_step(
        &mut self,
        now: Instant,
        transport: Transport,
        handshake: Option<&Headers>,
        step: Step<'_>,
    ) -> Received {
        match step {
            Step::Consumed => ConnectionEffect::None.into(),
            Step::Upgraded { head } => {
                self.push(QueuedEvent::Connected(transport, Some(Box::new(head.clone()))));
                ConnectionEffect::Upgraded { head }.into()
            }
            Step::Refused { head, body } => ConnectionEffect::HandshakeRejected { head, body }.into(),
            Step::Head { head } => {
                self.apply_head(now, head);
                ConnectionEffect::None.into()
            }
            Step::Body { head, body } => ConnectionEffect::WholeResponse { head, body }.into(),
            Step::Payload { late: true, .. } => {
                *self.unmatched_events += 1;
                ConnectionEffect::None.into()
            }
            Step::Payload { envelope, lane, violation, late: false, .. } => Received {
                ended_lane: envelope.class().is_terminal().then(|| LaneId::new(lane.as_deref())),
                effect: self.apply_payload(now, transport, handshake, &envelope, lane.as_deref(), violation),
            },
            Step::Repeat { text, found, lane } => {
                self.apply_repeat(now, transport, handshake, (text, &found), lane).into()
            }
            Step::Malformed { text } => {
                self.apply_malformed(now, text);
                ConnectionEffect::None.into()
            }
            Step::End { tail, .. } => ConnectionEffect::HttpIdle { last_words: last_words(&tail) }.into(),
            Step::Closed(reason) => ConnectionEffect::Closed(reason).into(),
        }
    }

    /// Applies the events of a whole response over HTTP, and queues the whole response in place of them. `output`: the events of its
    /// output that are to be delivered; `end`: the terminal event.
    pub(super) fn apply_whole(
        &mut self,
        now: Instant,
        id: RequestId,
        output: OutputEvents,
        text: &Arc<String>,
        end: &Envelope<'_>,
    ) -> ConnectionEffect {
        let Some(request) = self.requests.get_mut(id) else { return ConnectionEffect::None };
        let (mut events, mut count) = (output.clone(), 0);
        while let Some(event) = events.next() {
            count += 1;
            request.record_received(now, event.len());
            if let Ok(envelope) = Envelope::scan(event) {
                request.admit(&envelope);
                request.record_progress(&envelope);
            }
        }
        drop(events);
        if count > 0 {
            self.push(QueuedEvent::Output(id, Box::new(output), count));
        }
        self.whole = Some(Arc::clone(text));
        self.apply_payload(now, Transport::Http, None, end, None, None)
    }

    /// Applies the head of an event stream: first the turn token, then what else it says (docs/protocol.md §5.2).
    fn apply_head(&mut self, now: Instant, head: Box<Response>) {
        let Some(request) = self.requests.in_flight_mut().next() else { return };
        if let Some(token) = head.headers.get_str(TURN_STATE).filter(|_| self.keeps_turn_token) {
            self.turn.set_once(token);
        }
        request.record_head(now, head.status(), head.headers.get_str("x-request-id"));
        let (id, pairs) = (request.id, head.headers.ascii_pairs());
        let info = request.info_of_headers(HeaderSource::Response, &pairs);
        push_info(self.events, id, info);
        drop(pairs);
        self.push(QueuedEvent::Head(id, head));
    }

    /// Delivers a payload that is no event to the only request in flight, if there is one.
    fn apply_malformed(&mut self, now: Instant, text: &str) {
        let mut in_flight = self.requests.in_flight_mut();
        match (in_flight.next(), in_flight.next()) {
            (Some(request), None) => {
                request.record_received(now, text.len());
                self.events.push(QueuedEvent::Payload(request.id), text);
            }
            _ => *self.unmatched_events += 1,
        }
    }

    fn apply_payload(
        &mut self,
        now: Instant,
        transport: Transport,
        handshake: Option<&Headers>,
        envelope: &Envelope<'_>,
        lane: Option<&str>,
        violation: Option<Violation>,
    ) -> ConnectionEffect {
        let reply = SteerReply::read(envelope);
        if let Some(reply) = &reply
            && self.requests.steered_by(reply).is_none()
            && let Some(update) = self.waiting.apply_reply(reply)
        {
            push_updates(self.events, None, update);
            return ConnectionEffect::None;
        }
        let Some(request) = request_for(self.requests, transport, lane, reply.as_ref()) else {
            return self.apply_unmatched(envelope);
        };
        let id = request.id;
        if !request.admit(envelope) {
            request.record_received(now, envelope.text().len());
            return ConnectionEffect::None;
        }
        let source = match transport {
            Transport::Http => HeaderSource::Response,
            Transport::WebSocket => HeaderSource::Handshake,
        };
        if let Some(headers) = handshake.filter(|_| request.awaits_first_event()) {
            // They apply to each request of the connection (docs/protocol.md §5.2).
            let pairs = headers.ascii_pairs();
            push_info(self.events, id, request.info_of_headers(source, &pairs));
        }
        request.record_received(now, envelope.text().len());
        if transport == Transport::WebSocket
            && let Some(token) = envelope.turn_state().filter(|_| self.keeps_turn_token)
            // An event that names another lane than that of its request may be a late one of the turn before.
            && (!self.outlived_turn || envelope.names_lane(request.lane()))
        {
            self.turn.set_once(&token);
        }
        let info = request.info_of_event(source, envelope);
        push_info(self.events, id, info);
        let successor = (envelope.class() == EventClass::Created).then(|| request.successor(envelope)).flatten();
        if let Some(successor) = &successor {
            self.events.push(QueuedEvent::Continued(id), successor);
        }
        match self.whole.take() {
            Some(whole) => {
                let length = whole.len();
                self.events.push_holding(QueuedEvent::End(id, whole), length);
            }
            None => self.events.push(queued_payload(id, envelope), envelope.text()),
        }
        if let Some(violation) = violation {
            self.events.push(QueuedEvent::Violation(id, Box::new(violation.into())), "");
        }
        if let Some(reply) = &reply {
            push_updates(self.events, Some(id), request.submissions.apply_reply(reply));
            return ConnectionEffect::SubmissionChanged { id };
        }
        if successor.is_some() {
            push_updates(self.events, Some(id), request.begin_successor());
        }
        apply_event(request, self.events, transport, envelope, self.max_item_bytes)
    }

    /// Applies an event that belongs to no request. Only rate limits and errors of the connection are delivered
    /// (docs/differences.md row 9).
    fn apply_unmatched(&mut self, envelope: &Envelope<'_>) -> ConnectionEffect {
        if let Some(limits) = RateLimits::from_event(envelope) {
            self.push(QueuedEvent::Info(None, Box::new(ResponseInfo::RateLimits(limits))));
            return ConnectionEffect::None;
        }
        *self.unmatched_events += 1;
        if self.delivers_unmatched {
            self.events.push(QueuedEvent::Unmatched, envelope.text());
        }
        if envelope.class() != EventClass::Error || envelope.stream_id().is_some() {
            return ConnectionEffect::None;
        }
        // No request is in flight on the default lane, so that an error without a lane is one of the connection.
        let failure = Failure::from_event(envelope);
        if self.requests.in_flight_count() == 0 && failure.kind != FailureKind::ConnectionLimit {
            return ConnectionEffect::None;
        }
        ConnectionEffect::PeerFailed(Box::new(failure))
    }

    fn push(&mut self, event: QueuedEvent) {
        self.events.push(event, "");
    }
}

/// The request that an event belongs to: over HTTP the only one, over WebSocket that of its lane. A reply to a steering message
/// belongs to the request whose response was steered.
fn request_for<'r>(
    requests: &'r mut RequestTable,
    transport: Transport,
    lane: Option<&str>,
    reply: Option<&SteerReply>,
) -> Option<&'r mut ActiveRequest> {
    if let Some(reply) = reply {
        if let Some(id) = requests.steered_by(reply) {
            return requests.get_mut(id);
        }
        let request = requests.in_flight_mut().find(|request| request.lane() == lane)?;
        let is_own = reply.response_id.is_none() || reply.response_id == request.report.response_id;
        return is_own.then_some(request);
    }
    requests.in_flight_mut().find(|request| transport == Transport::Http || request.lane() == lane)
}

fn push_updates(
    events: &mut EventQueue<QueuedEvent>,
    id: Option<RequestId>,
    updates: impl IntoIterator<Item = SteeringUpdate>,
) {
    for update in updates {
        events.push(QueuedEvent::Steering(id, Box::new(update)), "");
    }
}

/// Applies an event to its request.
fn apply_event(
    request: &mut ActiveRequest,
    events: &mut EventQueue<QueuedEvent>,
    transport: Transport,
    envelope: &Envelope<'_>,
    max_item_bytes: usize,
) -> ConnectionEffect {
    let (id, class) = (request.id, envelope.class());
    request.record_progress(envelope);
    if (class == EventClass::Created || class.is_terminal())
        && let Some(violation) = request.check_previous_response(envelope)
    {
        events.push(QueuedEvent::Violation(id, Box::new(violation)), "");
    }
    match class {
        EventClass::Informational => {
            if envelope.is_steered_end() {
                request.record_steered_end();
            }
            if envelope.interrupt_reply() == Some(InterruptReply::Failed) && request.interruption.is_some() {
                return ConnectionEffect::InterruptionFailed { id };
            }
            ConnectionEffect::None
        }
        EventClass::Created => {
            if request.report.response_id.is_none() {
                push_updates(events, Some(id), request.begin_response());
            }
            request.set_response_id(envelope);
            if request.response_to_interrupt().is_some() {
                return ConnectionEffect::InterruptibleResponse { id };
            }
            ConnectionEffect::None
        }
        EventClass::Output => {
            if transport == Transport::WebSocket && envelope.is_done_item() {
                request.record_item(envelope.item(), max_item_bytes);
            }
            ConnectionEffect::None
        }
        EventClass::Completed | EventClass::Incomplete => {
            let end = EndMembers::of(envelope);
            for malformed in &end.malformed {
                let text = truncate_message(envelope.text());
                events.push(QueuedEvent::Malformed(id, malformed.clone(), text.into()), "");
            }
            request.record_end(&end.completed);
            let outcome = if class == EventClass::Completed {
                QueuedOutcome::Completed(end.completed)
            } else {
                QueuedOutcome::Incomplete(end.into_incomplete(envelope))
            };
            ConnectionEffect::ResponseEnded { id, outcome }
        }
        EventClass::Failed | EventClass::Cancelled | EventClass::Error => {
            let failure = Failure::from_event(envelope);
            request.record_end(&EndMembers::of(envelope).completed);
            request.report.status = failure.status.or(request.report.status);
            ConnectionEffect::RequestFailed { id, failure: Box::new(failure) }
        }
    }
}

/// Returns the record of a payload. Unless its members were found, it is scanned again when it is polled.
fn queued_payload(id: RequestId, envelope: &Envelope<'_>) -> QueuedEvent {
    match (Found::of(envelope), envelope.external_kind()) {
        (Some(found), _) => QueuedEvent::Found(id, found),
        (None, Some(kind)) => QueuedEvent::NamedPayload(id, kind.into()),
        (None, None) => QueuedEvent::Payload(id),
    }
}

fn push_info(events: &mut EventQueue<QueuedEvent>, id: RequestId, info: Vec<ResponseInfo<'_>>) {
    for info in info {
        events.push(QueuedEvent::Info(Some(id), Box::new(info.into_owned())), "");
    }
}

/// Returns the error that the last line of an event stream contains, when that line is JSON in place of an event.
fn last_words(tail: &[u8]) -> Option<Box<Failure>> {
    let text = String::from_utf8_lossy(tail);
    let line = text.trim_end().rsplit(['\n', '\r']).next()?.trim();
    let envelope = Envelope::scan(line).ok()?;
    (envelope.class() == EventClass::Error).then(|| Box::new(Failure::from_event(&envelope)))
}

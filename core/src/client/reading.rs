//! What a connection found, taken to the requests it belongs to.

use alloc::boxed::Box;

use super::desk::{Cause, Desk};
use super::event::{End, Record};
use super::failures;
use super::flight::Flight;
use super::station::TURN_STATE;
use crate::connection::{CloseReason, Step, Transport};
use crate::http::Response;
use crate::responses::{CompletedResponse, Envelope, EventClass, Failure, FailureKind, HeaderSource};
use crate::time::Instant;
use crate::turn::{RequestInput, Violation};

/// What a step means for the connection it came from.
#[derive(Debug)]
pub(super) enum Verdict {
    Nothing,
    /// The handshake was accepted.
    Upgraded(Response),
    /// The handshake was answered with something else.
    Refused,
    /// The HTTP response is complete, though its body may go on.
    Ended,
    /// The HTTP exchange is over.
    Free,
    /// A request failed on it, and it may be known for it.
    Failed(FailureKind),
    /// The peer has said that it is of no more use.
    Spoiled(Box<Failure>),
    /// It is over.
    Over(CloseReason),
}

impl Desk {
    /// Takes one step. `head`: what accepted the WebSocket handshake.
    pub(super) fn take(
        &mut self,
        now: Instant,
        transport: Transport,
        head: Option<&Response>,
        step: Step<'_>,
    ) -> Verdict {
        match step {
            Step::Consumed => Verdict::Nothing,
            Step::Upgraded { head } => {
                self.say(Record::Connected(transport, Some(Box::new(head.clone()))));
                Verdict::Upgraded(head)
            }
            Step::Refused { head, body } => {
                self.refused(now, &head, &body);
                Verdict::Refused
            }
            Step::Head { head } => {
                self.stream_head(now, &head);
                Verdict::Nothing
            }
            Step::Body { head, body } => {
                self.answered(now, head, &body);
                Verdict::Ended
            }
            Step::Payload { late: true, .. } => {
                self.strays += 1;
                Verdict::Nothing
            }
            Step::Payload { text, envelope, violation, late: false } => {
                self.payload(now, transport, head, text, &envelope, violation)
            }
            Step::Malformed { text } => {
                self.malformed(now, text);
                Verdict::Nothing
            }
            Step::End { .. } => {
                self.fail_sent(now, Cause::Lost, &failures::lost(transport, &CloseReason::Eof));
                Verdict::Free
            }
            Step::Closed(closed) => {
                self.chains.clear();
                self.fail_sent(now, Cause::Lost, &failures::lost(transport, &closed));
                Verdict::Over(closed)
            }
        }
    }

    /// The handshake was answered with something else than its acceptance.
    pub(super) fn refused(&mut self, now: Instant, head: &Response, body: &[u8]) {
        let target = self.station.endpoint.target(super::station::RESPONSES, &[]);
        let url = self.station.endpoint.url(true, &target);
        let failure = failures::answered(head, body, &url, self.station.unix(now));
        self.blame(now, Transport::WebSocket, Cause::Refused(head.status()), failure);
    }

    /// The head of an event stream: the token first, then what else it says (§5.2).
    fn stream_head(&mut self, now: Instant, head: &Response) {
        let Some(at) = self.flights.iter().position(Flight::is_sent) else { return };
        if let Some(token) = head.headers.get_str(TURN_STATE) {
            self.learn_token(token);
        }
        let flight = &mut self.flights[at];
        flight.seen.last_event = now;
        flight.stage = super::flight::Stage::Sent { deadline: None };
        flight.report.status = Some(head.status());
        flight.report.request_id = head.headers.get_str("x-request-id").map(Into::into);
        let id = flight.id;
        let fields = head.headers.ascii_pairs();
        let derived = flight.seen.derivation.prelude(HeaderSource::Response, &fields);
        self.derived(Some(id), derived);
    }

    /// A payload that is no event: of the one request there is, or of nobody.
    fn malformed(&mut self, now: Instant, text: &str) {
        let mut sent = self.flights.iter_mut().filter(|flight| flight.is_sent());
        match (sent.next(), sent.next()) {
            (Some(flight), None) => {
                flight.heard(now, text.len());
                let id = flight.id;
                self.queue.push(Record::Payload(id), text.as_bytes());
            }
            _ => self.strays += 1,
        }
    }

    /// The request that an event belongs to: that of its lane, or over HTTP the only one there is.
    fn addressee(&self, transport: Transport, envelope: &Envelope<'_>) -> Option<usize> {
        let lane = envelope.stream_id();
        self.flights
            .iter()
            .position(|flight| flight.is_sent() && (transport == Transport::Http || flight.lane() == lane.as_deref()))
    }

    fn payload(
        &mut self,
        now: Instant,
        transport: Transport,
        head: Option<&Response>,
        text: &str,
        envelope: &Envelope<'_>,
        violation: Option<Violation>,
    ) -> Verdict {
        let Some(at) = self.addressee(transport, envelope) else {
            return self.stray(now, envelope);
        };
        let origin = match transport {
            Transport::Http => HeaderSource::Response,
            Transport::WebSocket => HeaderSource::Handshake,
        };
        let flight = &mut self.flights[at];
        let id = flight.id;
        if let (None, Some(head)) = (flight.report.first_event, head) {
            // What the handshake said holds for each request of the connection (§5.2).
            let fields = head.headers.ascii_pairs();
            let derived = flight.seen.derivation.prelude(origin, &fields);
            self.derived(Some(id), derived);
        }
        let flight = &mut self.flights[at];
        flight.heard(now, text.len());
        if transport == Transport::WebSocket
            && let Some(token) = envelope.turn_state()
        {
            self.learn_token(&token);
        }
        let derived = self.flights[at].seen.derivation.observe(origin, envelope);
        if !derived.is_empty() {
            self.derived(Some(id), derived);
        }
        self.queue.push(Record::Payload(id), text.as_bytes());
        if let Some(violation) = violation {
            self.say(Record::Violation(id, violation));
        }
        self.advance(now, transport, at, envelope)
    }

    /// What the event does to its request.
    fn advance(&mut self, now: Instant, transport: Transport, at: usize, envelope: &Envelope<'_>) -> Verdict {
        let class = envelope.class();
        let flight = &mut self.flights[at];
        flight.step(RequestInput::from(class));
        match class {
            EventClass::Informational => Verdict::Nothing,
            EventClass::Created => {
                flight.learn_id(envelope.response());
                Verdict::Nothing
            }
            EventClass::Output => {
                if transport == Transport::WebSocket && envelope.kind() == "response.output_item.done" {
                    flight.item(envelope.item(), self.station.settings.connection.max_body);
                }
                Verdict::Nothing
            }
            EventClass::Completed => match CompletedResponse::parse(envelope.response().unwrap_or("null")) {
                Ok(completed) => {
                    self.complete(now, at, completed);
                    Verdict::Ended
                }
                Err(detail) => {
                    let text = alloc::format!("failed to parse ResponseCompleted: {detail}");
                    self.fail(now, at, Cause::Event, Failure::stream(&text));
                    Verdict::Failed(FailureKind::Stream)
                }
            },
            EventClass::Failed | EventClass::Incomplete | EventClass::Error => {
                let failure = Failure::from_event(envelope);
                let class = failure.kind;
                self.flights[at].report.status = failure.status.or(self.flights[at].report.status);
                self.fail(now, at, Cause::Event, failure);
                Verdict::Failed(class)
            }
        }
    }

    /// An event of nobody: only what concerns the connection is told (ruling 9).
    fn stray(&mut self, now: Instant, envelope: &Envelope<'_>) -> Verdict {
        use crate::responses::{RateLimits, ResponseInfo};

        if let Some(limits) = RateLimits::from_event(envelope) {
            self.say(Record::Derived(None, Box::new(ResponseInfo::RateLimits(limits))));
            return Verdict::Nothing;
        }
        self.strays += 1;
        if envelope.class() != EventClass::Error || envelope.stream_id().is_some() {
            return Verdict::Nothing;
        }
        // An error of no lane, while nothing is in flight on the default one, is the connection's.
        let failure = Failure::from_event(envelope);
        if self.sent() == 0 && failure.kind != FailureKind::ConnectionLimit {
            return Verdict::Nothing;
        }
        self.fail_sent(now, Cause::Event, &failure);
        Verdict::Spoiled(Box::new(failure))
    }

    /// The connection is up, and nothing was asked of it.
    pub(super) fn connected(&mut self, transport: Transport) {
        self.say(Record::Connected(transport, None));
    }

    /// Every request is given up.
    pub(super) fn cancel_all(&mut self, now: Instant) {
        while !self.flights.is_empty() {
            self.finish(now, 0, End::Cancelled);
        }
    }
}

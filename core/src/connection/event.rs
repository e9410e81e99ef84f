//! What a client's connection has to say, as steps that are lent and as events that wait.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::closed::CloseReason;
use super::queue::Queue;
use crate::http::{Headers, Response};
use crate::responses::{Envelope, EventClass, Malformed, ServerEvent};
use crate::turn::Violation;

/// What an HTTP request wants back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpectedBody {
    /// An event stream; a failing answer's body is collected.
    EventStream,
    /// A whole body.
    Whole,
}

/// An HTTP request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutgoingRequest {
    /// The method; `POST` unless set.
    pub method: String,
    /// The request target: a path, and a query.
    pub target: String,
    /// The headers, without those that frame the message.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// What is wanted back.
    pub expected_body: ExpectedBody,
}

impl OutgoingRequest {
    /// A `POST`.
    #[must_use]
    pub fn new(target: &str, headers: Headers, body: Vec<u8>, expect: ExpectedBody) -> Self {
        Self { method: "POST".into(), target: target.into(), headers, body, expected_body: expect }
    }
}

/// What a client's connection has to say.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The WebSocket handshake was accepted.
    Upgraded {
        /// The head that said so.
        head: &'a Response,
    },
    /// The handshake was answered with something else than 101.
    Rejected {
        /// The answer's head.
        head: &'a Response,
        /// Its body, cut at its limit.
        body: &'a [u8],
    },
    /// The head of an HTTP response whose body comes as events.
    Head {
        /// The head.
        head: &'a Response,
    },
    /// A whole response: to a request that wanted one, or one that failed.
    Body {
        /// Its head.
        head: &'a Response,
        /// Its body; cut at its limit when it failed.
        body: &'a [u8],
    },
    /// An event.
    Server(ServerEvent<'a>),
    /// A payload that cannot be read.
    Malformed {
        /// Why.
        malformed: Malformed,
        /// The payload.
        text: &'a str,
    },
    /// What came before this was out of turn.
    Violation(Violation),
    /// The HTTP response has ended.
    End {
        /// Whether the connection can carry another request.
        reusable: bool,
    },
    /// The connection is over. Comes once, last.
    Closed(&'a CloseReason),
}

/// One thing that the engine found. It borrows from the input or from the engine.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a step lives on the stack, one at a time; a box would cost an allocation an event"
)]
pub(crate) enum Step<'s> {
    /// Bytes were taken, and there is nothing to say.
    Consumed,
    Upgraded {
        head: Response,
    },
    Refused {
        head: Response,
        body: Vec<u8>,
    },
    Head {
        head: Box<Response>,
    },
    Body {
        head: Response,
        body: Vec<u8>,
    },
    /// A payload, its members found.
    Payload {
        text: &'s str,
        envelope: Envelope<'s>,
        violation: Option<Violation>,
        /// It belongs to the response before the one that is awaited.
        late: bool,
    },
    /// A payload that is no event.
    Malformed {
        text: &'s str,
    },
    End {
        reusable: bool,
    },
    Closed(CloseReason),
}

/// What waits in the queue.
#[derive(Debug)]
pub enum Record {
    Upgraded(Box<Response>),
    Refused(Box<Response>),
    Head(Box<Response>),
    Body(Box<Response>),
    Payload,
    Violation(Violation),
    End(bool),
    Closed(CloseReason),
}

/// Puts a step into the queue of a connection that is used by itself.
pub(super) fn queue(queue: &mut Queue<Record>, step: Step<'_>) {
    match step {
        Step::Consumed => {}
        Step::Upgraded { head } => queue.push(Record::Upgraded(Box::new(head)), &[]),
        Step::Refused { head, body } => queue.push(Record::Refused(Box::new(head)), &body),
        Step::Head { head } => queue.push(Record::Head(head), &[]),
        Step::Body { head, body } => queue.push(Record::Body(Box::new(head)), &body),
        Step::Payload { late: true, .. } => {}
        Step::Payload { text, envelope, violation, late: false } => {
            // What belongs to no request is delivered only when it concerns the connection.
            let concerns_all = envelope.kind() == "codex.rate_limits" || envelope.class() == EventClass::Error;
            let stray = violation.is_some_and(|violation| !violation.state.is_in_flight());
            if !stray || concerns_all {
                queue.push(Record::Payload, text.as_bytes());
            }
            if let Some(violation) = violation.filter(|_| !concerns_all) {
                queue.push(Record::Violation(violation), &[]);
            }
        }
        Step::Malformed { text } => queue.push(Record::Payload, text.as_bytes()),
        Step::End { reusable } => queue.push(Record::End(reusable), &[]),
        Step::Closed(closed) => queue.push(Record::Closed(closed), &[]),
    }
}

/// Lends what waits in the queue.
pub(super) fn lend(queue: &mut Queue<Record>) -> Option<Event<'_>> {
    let (record, bytes) = queue.pop()?;
    Some(match record {
        Record::Upgraded(head) => Event::Upgraded { head },
        Record::Refused(head) => Event::Rejected { head, body: bytes },
        Record::Head(head) => Event::Head { head },
        Record::Body(head) => Event::Body { head, body: bytes },
        Record::Payload => {
            // It was text when it was pushed.
            let text = simdutf8::basic::from_utf8(bytes).unwrap_or_default();
            match ServerEvent::parse(text) {
                Ok(event) => Event::Server(event),
                Err(malformed) => Event::Malformed { malformed, text },
            }
        }
        Record::Violation(violation) => Event::Violation(*violation),
        Record::End(reusable) => Event::End { reusable: *reusable },
        Record::Closed(closed) => Event::Closed(closed),
    })
}

//! Events of a client's connection: borrowed from a step, or queued until they are polled.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::super::error::CloseReason;
use super::super::event_queue::{EventQueue, Polled};
use crate::hidden::Hidden;
use crate::http::Response;
use crate::responses::{Envelope, Found, Malformed, ServerEvent, ShortFound};
use crate::turn::Violation;

/// An event that a [`ClientConnection`](super::ClientConnection) emits. It is borrowed until the connection is used
/// again.
///
/// `Debug` shows the lengths of bodies and payloads.
#[non_exhaustive]
pub enum Event<'a> {
    /// The WebSocket handshake was accepted.
    Upgraded {
        /// The head of the 101 response.
        head: &'a Response,
    },
    /// The server responded to the WebSocket handshake with another status than 101.
    Rejected {
        /// The head of the response.
        head: &'a Response,
        /// The body, truncated at [`max_error_body`](crate::connection::client::Config::max_error_body).
        body: &'a [u8],
    },
    /// The head of an HTTP response whose body is an event stream.
    Head {
        /// The head of the response.
        head: &'a Response,
    },
    /// A whole HTTP response: the expected one, or an error response.
    Body {
        /// The head of the response.
        head: &'a Response,
        /// The body; that of an error response is truncated at
        /// [`max_error_body`](crate::connection::client::Config::max_error_body).
        body: &'a [u8],
    },
    /// An event of a response, or of the connection.
    Server(ServerEvent<'a>),
    /// A payload that is not a valid event.
    Malformed {
        /// The reason why it cannot be read.
        malformed: Malformed,
        /// The payload.
        text: &'a str,
    },
    /// The preceding event was not allowed in the state of its request.
    Violation(Violation),
    /// The HTTP response has ended.
    End {
        /// Whether the connection accepts another request.
        reusable: bool,
    },
    /// The connection is closed. Emitted once, as the last event.
    Closed(&'a CloseReason),
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upgraded { head } => f.debug_struct("Upgraded").field("head", head).finish(),
            Self::Rejected { head, body } => {
                f.debug_struct("Rejected").field("head", head).field("body", &Hidden(body.len())).finish()
            }
            Self::Head { head } => f.debug_struct("Head").field("head", head).finish(),
            Self::Body { head, body } => {
                f.debug_struct("Body").field("head", head).field("body", &Hidden(body.len())).finish()
            }
            Self::Server(event) => f.debug_tuple("Server").field(event).finish(),
            Self::Malformed { malformed, text } => {
                let mut shown = f.debug_struct("Malformed");
                shown.field("malformed", malformed).field("text", &Hidden(text.len())).finish()
            }
            Self::Violation(violation) => f.debug_tuple("Violation").field(violation).finish(),
            Self::End { reusable } => f.debug_struct("End").field("reusable", reusable).finish(),
            Self::Closed(reason) => f.debug_tuple("Closed").field(reason).finish(),
        }
    }
}

/// One step of the engine. It borrows from the input or from the engine.
#[derive(Debug)]
pub(crate) enum Step<'s> {
    /// Bytes were consumed, or time was; there is nothing to report.
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
    /// A payload that is a JSON object with a `type`.
    Payload {
        text: &'s str,
        envelope: Envelope<'s>,
        /// The lane that it belongs to, whatever lane it names; `None` means the default lane.
        lane: Option<Cow<'s, str>>,
        violation: Option<Violation>,
        /// It belongs to an earlier response.
        late: bool,
    },
    /// A delta that repeats an earlier one except for its values, was expected, and says nothing beside its output.
    Repeat {
        text: &'s str,
        found: ShortFound,
        /// The lane that it belongs to.
        lane: Option<&'s str>,
    },
    /// A payload that is not a JSON object with a `type`.
    Malformed {
        text: &'s str,
    },
    /// `tail`: the last bytes of an event stream that had no terminal event.
    End {
        reusable: bool,
        tail: Vec<u8>,
    },
    Closed(CloseReason),
}

/// The queued form of an event; its bytes are in the queue's arena.
#[derive(Debug)]
pub(super) enum Record {
    Upgraded(Box<Response>),
    Refused(Box<Response>),
    Head(Box<Response>),
    Body(Box<Response>),
    /// A payload, and what was found in it.
    Found(Found),
    /// A payload that has to be scanned again.
    Payload,
    /// A payload without a `type`, which its event type takes the place of.
    NamedPayload(Box<str>),
    Violation(Violation),
    End(bool),
    Closed(Box<CloseReason>),
}

/// Queues the events that a step leads to, for a connection that is used without the client layer.
pub(super) fn queue(queue: &mut EventQueue<Record>, step: Step<'_>) {
    match step {
        Step::Consumed => {}
        Step::Upgraded { head } => queue.push(Record::Upgraded(Box::new(head)), ""),
        Step::Refused { head, body } => queue.push_owned(Record::Refused(Box::new(head)), body),
        Step::Head { head } => queue.push(Record::Head(head), ""),
        Step::Body { head, body } => queue.push_owned(Record::Body(Box::new(head)), body),
        Step::Payload { late: true, .. } => {}
        Step::Payload { text, envelope, violation, late: false, .. } => {
            // An event without a request is delivered only if it concerns the connection (docs/differences.md row 9).
            let concerns_connection = envelope.concerns_connection();
            let unmatched = violation.is_some_and(|violation| !violation.state.is_in_flight());
            if !unmatched || concerns_connection {
                let scanned_again =
                    || envelope.external_kind().map_or(Record::Payload, |kind| Record::NamedPayload(kind.into()));
                queue.push(Found::of(&envelope).map_or_else(scanned_again, Record::Found), text);
            }
            if let Some(violation) = violation.filter(|_| !concerns_connection) {
                queue.push(Record::Violation(violation), "");
            }
        }
        Step::Repeat { text, found, .. } => queue_repeat(queue, text, &found),
        Step::Malformed { text } => queue.push(Record::Payload, text),
        Step::End { reusable, .. } => queue.push(Record::End(reusable), ""),
        Step::Closed(reason) => queue.push(Record::Closed(Box::new(reason)), ""),
    }
}

/// Queues a delta that repeats an earlier one, and what was found in it.
#[inline]
pub(super) fn queue_repeat(queue: &mut EventQueue<Record>, text: &str, found: &ShortFound) {
    queue.push(Record::Found(Found::Short(*found)), text);
}

/// Takes the next event from the queue.
pub(super) fn poll(queue: &mut EventQueue<Record>) -> Option<Event<'_>> {
    let (record, Polled { text, body }) = queue.pop()?;
    Some(match record {
        Record::Upgraded(head) => Event::Upgraded { head },
        Record::Refused(head) => Event::Rejected { head, body },
        Record::Head(head) => Event::Head { head },
        Record::Body(head) => Event::Body { head, body },
        Record::Found(Found::Short(found)) => return Some(found_event(found, text)),
        Record::Found(found) => server_event(found.read(text), text),
        Record::Payload => server_event(ServerEvent::parse(text), text),
        Record::NamedPayload(kind) => server_event(ServerEvent::parse_named(text, kind), text),
        Record::Violation(violation) => Event::Violation(*violation),
        Record::End(reusable) => Event::End { reusable: *reusable },
        Record::Closed(reason) => Event::Closed(reason),
    })
}

/// Returns the event of a payload from what was found in it. A function of its own builds it where it is returned, where an inlined one
/// would move it: nearly all events are of this kind.
#[inline(never)]
fn found_event<'a>(found: &ShortFound, text: &'a str) -> Event<'a> {
    found.read(text, Event::Server, |malformed| Event::Malformed { malformed, text })
}

fn server_event<'a>(event: Result<ServerEvent<'a>, Malformed>, text: &'a str) -> Event<'a> {
    match event {
        Ok(event) => Event::Server(event),
        Err(malformed) => Event::Malformed { malformed, text },
    }
}

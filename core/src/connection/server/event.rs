//! Events of a server's connection: borrowed from a step, or queued until they are polled.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::super::error::CloseReason;
use super::super::event_queue::{EventQueue, Polled};
use super::super::lanes::is_lane_name;
use crate::hidden::Hidden;
use crate::http::Request;
use crate::responses::{Envelope, Malformed, ResponseCommand};

/// An event that a [`ServerConnection`](super::ServerConnection) emits. It is borrowed until the connection is used
/// again.
///
/// `Debug` shows the lengths of bodies and messages.
#[non_exhaustive]
pub enum Event<'a> {
    /// The head of an HTTP request whose body is not read yet, with [`Config::announce_heads`](super::Config). Read the body with
    /// `receive_body`, after which [`Request`](Self::Request) follows, or reject the request with `respond`.
    Head {
        /// The head of the request.
        head: &'a Request,
    },
    /// A whole HTTP request. Respond with `respond` or `begin_stream`.
    Request {
        /// The head of the request.
        head: &'a Request,
        /// The body of the request.
        body: &'a [u8],
    },
    /// A request to upgrade to WebSocket. Respond with `accept` or `respond`.
    Upgrade {
        /// The head of the request.
        head: &'a Request,
    },
    /// A WebSocket message: a JSON object with a `type`.
    Text {
        /// Its `stream_id`; `None` means the default lane. Of a command, the lane of the response that it is about.
        lane: Option<String>,
        /// What the message asks of a response, if it steers, interrupts or injects.
        command: Option<ResponseCommand>,
        /// The message.
        text: &'a str,
    },
    /// A WebSocket message that is not a JSON object with a `type`, or that names a lane which is not 1 to 256 letters,
    /// digits, `_`, `.` or `-`.
    Malformed {
        /// The reason why it cannot be read.
        malformed: Malformed,
        /// The message.
        text: &'a str,
    },
    /// The connection is closed. Emitted once, as the last event.
    Closed(&'a CloseReason),
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { head, body } => {
                f.debug_struct("Request").field("head", head).field("body", &Hidden(body.len())).finish()
            }
            Self::Head { head } => f.debug_struct("Head").field("head", head).finish(),
            Self::Upgrade { head } => f.debug_struct("Upgrade").field("head", head).finish(),
            Self::Text { lane, text, .. } => {
                f.debug_struct("Text").field("lane", lane).field("text", &Hidden(text.len())).finish()
            }
            Self::Malformed { malformed, text } => {
                let mut shown = f.debug_struct("Malformed");
                shown.field("malformed", malformed).field("text", &Hidden(text.len())).finish()
            }
            Self::Closed(reason) => f.debug_tuple("Closed").field(reason).finish(),
        }
    }
}

impl Event<'_> {
    /// Copies the event, so that it can be kept while the connection is used.
    #[must_use]
    pub fn into_owned(self) -> OwnedEvent {
        match self {
            Self::Request { head, body } => OwnedEvent::Request { head: head.clone(), body: body.to_vec() },
            Self::Head { head } => OwnedEvent::Head { head: head.clone() },
            Self::Upgrade { head } => OwnedEvent::Upgrade { head: head.clone() },
            Self::Text { lane, command, text } => OwnedEvent::Text { lane, command, text: text.into() },
            Self::Malformed { malformed, text } => OwnedEvent::Malformed { malformed, text: text.into() },
            Self::Closed(reason) => OwnedEvent::Closed(reason.clone()),
        }
    }
}

/// An [`Event`] that owns its data. `Debug` shows the lengths of bodies and messages.
#[derive(Clone)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant and member is that of `Event`")]
pub enum OwnedEvent {
    Head { head: Request },
    Request { head: Request, body: Vec<u8> },
    Upgrade { head: Request },
    Text { lane: Option<String>, command: Option<ResponseCommand>, text: String },
    Malformed { malformed: Malformed, text: String },
    Closed(CloseReason),
}

impl OwnedEvent {
    /// Borrows the event.
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        match self {
            Self::Request { head, body } => Event::Request { head, body },
            Self::Head { head } => Event::Head { head },
            Self::Upgrade { head } => Event::Upgrade { head },
            Self::Text { lane, command, text } => Event::Text { lane: lane.clone(), command: command.clone(), text },
            Self::Malformed { malformed, text } => Event::Malformed { malformed: malformed.clone(), text },
            Self::Closed(reason) => Event::Closed(reason),
        }
    }
}

impl fmt::Debug for OwnedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_event().fmt(f)
    }
}

/// One step of the engine. It borrows from the input or from the engine.
#[derive(Debug)]
pub(super) enum Step<'s> {
    /// Bytes were consumed, or time was; there is nothing to report.
    Consumed,
    Head {
        head: Request,
    },
    Request {
        head: Request,
        body: Vec<u8>,
    },
    Upgrade {
        head: Request,
    },
    Text {
        text: &'s str,
        /// The lane of the response that the message is about, if it names none itself.
        lane: Option<String>,
    },
    Closed(CloseReason),
}

/// The queued form of an event; its bytes are in the queue's arena.
#[derive(Debug)]
pub(super) enum Record {
    Head(Box<Request>),
    Request(Box<Request>),
    Upgrade(Box<Request>),
    /// The lane of the response that the message is about.
    Text(Option<String>),
    Closed(Box<CloseReason>),
}

/// Queues the event that a step leads to.
pub(super) fn queue(queue: &mut EventQueue<Record>, step: Step<'_>) {
    match step {
        Step::Consumed => {}
        Step::Head { head } => queue.push(Record::Head(Box::new(head)), ""),
        Step::Request { head, body } => queue.push_owned(Record::Request(Box::new(head)), body),
        Step::Upgrade { head } => queue.push(Record::Upgrade(Box::new(head)), ""),
        Step::Text { text, lane } => queue.push(Record::Text(lane), text),
        Step::Closed(reason) => queue.push(Record::Closed(Box::new(reason)), ""),
    }
}

/// Takes the next event from the queue.
pub(super) fn poll(queue: &mut EventQueue<Record>) -> Option<Event<'_>> {
    let (record, Polled { text, body }) = queue.pop()?;
    Some(match record {
        Record::Request(head) => Event::Request { head, body },
        Record::Head(head) => Event::Head { head },
        Record::Upgrade(head) => Event::Upgrade { head },
        Record::Text(of_response) => match Envelope::scan(text) {
            Ok(envelope) => match envelope.stream_id() {
                Some(lane) if !is_lane_name(&lane) => {
                    Event::Malformed { malformed: Malformed::wrong_type(envelope.kind(), "stream_id"), text }
                }
                lane => match ResponseCommand::parse(text) {
                    Ok(command) => {
                        let lane = lane.map(Into::into).or_else(|| of_response.take());
                        Event::Text { lane, command, text }
                    }
                    Err(malformed) => Event::Malformed { malformed, text },
                },
            },
            Err(malformed) => Event::Malformed { malformed, text },
        },
        Record::Closed(reason) => Event::Closed(reason),
    })
}

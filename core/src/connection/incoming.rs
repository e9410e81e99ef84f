//! What a server's connection has to say, as steps that are lent and as events that wait.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::closed::CloseReason;
use super::queue::Queue;
use crate::http::Request;
use crate::responses::{Envelope, Malformed};

/// What a server's connection has to say.
#[derive(Debug)]
#[non_exhaustive]
pub enum Incoming<'a> {
    /// A whole HTTP request. Answer it with `respond`, or with `begin_stream`.
    Request {
        /// Its head.
        head: &'a Request,
        /// Its body.
        body: &'a [u8],
    },
    /// A request to upgrade to WebSocket. Answer it with `accept`, or with `respond`.
    Upgrade {
        /// Its head.
        head: &'a Request,
    },
    /// A request in a WebSocket message.
    Text {
        /// The lane that it names.
        lane: Option<String>,
        /// The message.
        text: &'a str,
    },
    /// A message that is no request: not JSON, or without a `type`.
    Malformed {
        /// Why.
        malformed: Malformed,
        /// The message.
        text: &'a str,
    },
    /// The connection is over. Comes once, last.
    Closed(&'a CloseReason),
}

/// One thing that the engine found.
#[derive(Debug)]
pub(crate) enum Step<'s> {
    Moved,
    Request { head: Request, body: Vec<u8> },
    Upgrade { head: Request },
    Text { text: &'s str },
    Closed(CloseReason),
}

/// What waits in the queue.
#[derive(Debug)]
pub enum Record {
    Request(Box<Request>),
    Upgrade(Box<Request>),
    Text,
    Closed(CloseReason),
}

pub(super) fn queue(queue: &mut Queue<Record>, step: Step<'_>) {
    match step {
        Step::Moved => {}
        Step::Request { head, body } => queue.push(Record::Request(Box::new(head)), &body),
        Step::Upgrade { head } => queue.push(Record::Upgrade(Box::new(head)), &[]),
        Step::Text { text } => queue.push(Record::Text, text.as_bytes()),
        Step::Closed(closed) => queue.push(Record::Closed(closed), &[]),
    }
}

pub(super) fn lend(queue: &mut Queue<Record>) -> Option<Incoming<'_>> {
    let (record, bytes) = queue.pop()?;
    Some(match record {
        Record::Request(head) => Incoming::Request { head, body: bytes },
        Record::Upgrade(head) => Incoming::Upgrade { head },
        Record::Text => {
            // It was text when it was pushed.
            let text = simdutf8::basic::from_utf8(bytes).unwrap_or_default();
            match Envelope::scan(text) {
                Ok(envelope) => Incoming::Text { lane: envelope.stream_id().map(Into::into), text },
                Err(malformed) => Incoming::Malformed { malformed, text },
            }
        }
        Record::Closed(closed) => Incoming::Closed(closed),
    })
}

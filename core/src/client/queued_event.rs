//! Events that wait to be polled.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use super::collectors::Collectors;
use super::event::{Disconnected, Event, FallbackReason, Outcome, RequestReport, Sent};
use super::request::RequestId;
use super::steering::SteeringUpdate;
use super::violation::ServerViolation;
use crate::connection::{EventQueue, Polled, Transport};
use crate::http::Response;
use crate::responses::ServerEvent;
use crate::responses::{
    CompletedResponse, Failure, Found, IncompleteResponse, Malformed, OutputEvents, ResponseInfo, ShortFound,
};

/// An event that waits to be polled. Its text or body is in the arena of the queue.
#[derive(Debug)]
pub(super) enum QueuedEvent {
    /// The turn token, if one was sent, is the text.
    Sent {
        id: RequestId,
        sent: Sent,
        turn_token: bool,
    },
    Head(RequestId, Box<Response>),
    /// A payload, and what was found in it.
    Found(RequestId, Found),
    /// A payload that has to be scanned again.
    Payload(RequestId),
    /// The output of a whole response, as so many events.
    Output(RequestId, Box<OutputEvents>, usize),
    /// The end of a whole response.
    End(RequestId, Arc<String>),
    /// A payload without a `type`, which its event type takes the place of.
    NamedPayload(RequestId, Box<str>),
    /// A member of the payload before cannot be read. The text is the beginning of the payload.
    Malformed(RequestId, Malformed, Box<str>),
    Info(Option<RequestId>, Box<ResponseInfo<'static>>),
    Violation(RequestId, Box<ServerViolation>),
    Steering(Option<RequestId>, Box<SteeringUpdate>),
    /// The id of the successor is the text.
    Continued(RequestId),
    Unmatched,
    Retry {
        id: RequestId,
        failure: Box<Failure>,
        retries: u32,
        delay: Duration,
    },
    Resuming {
        id: RequestId,
        failure: Box<Failure>,
        retries: u32,
        delay: Duration,
    },
    HttpFallback(Box<FallbackReason>),
    CredentialsNeeded(RequestId, Box<Failure>),
    Connected(Transport, Option<Box<Response>>),
    Disconnected(Box<Disconnected>),
    Finished(RequestId, Box<FinishedEvent>),
}

impl QueuedEvent {
    /// Returns whether it stands for more than one event.
    #[inline]
    const fn is_several(&self) -> bool {
        matches!(self, Self::Output(_, _, left) if *left > 1)
    }
}

/// The end of a request that waits to be polled.
#[derive(Debug)]
pub(super) struct FinishedEvent {
    pub(super) outcome: QueuedOutcome,
    pub(super) report: RequestReport,
}

/// The queued form of an [`Outcome`].
#[derive(Debug)]
pub(super) enum QueuedOutcome {
    Completed(CompletedResponse),
    Incomplete(IncompleteResponse),
    Failed(Failure),
    Cancelled,
    PrewarmSkipped,
    OperationCompleted(Response),
}

/// What takes events at once, in place of the queue.
pub(super) type Deliver<'d> = dyn FnMut(Event<'_>) + 'd;

/// Takes the next event from the queue, and adds it to the response that is collected. The event borrows from the queue.
pub(super) fn pop_event<'q>(queue: &'q mut EventQueue<QueuedEvent>, collectors: &mut Collectors) -> Option<Event<'q>> {
    let (event, Polled { text, body }) = queue.pop_unless(QueuedEvent::is_several)?;
    Some(match event {
        QueuedEvent::Sent { id, sent, turn_token } => {
            if !sent.resumed {
                collectors.restart(*id);
            }
            Event::Sent { id: *id, sent: *sent, turn_token: turn_token.then_some(text) }
        }
        QueuedEvent::Head(id, head) => Event::Head { id: *id, head },
        QueuedEvent::Found(id, Found::Short(found)) => return Some(found_event(*id, found, text, collectors)),
        QueuedEvent::Found(id, found) => server_event(*id, found.read(text), text, collectors),
        QueuedEvent::Payload(id) => server_event(*id, ServerEvent::parse(text), text, collectors),
        QueuedEvent::Output(id, events, left) => {
            *left -= 1;
            let text = events.next()?;
            // The terminal event contains all of it.
            server_event(*id, ServerEvent::parse(text), text, &mut Collectors::default())
        }
        QueuedEvent::End(id, text) => server_event(*id, ServerEvent::parse(text), text, collectors),
        QueuedEvent::NamedPayload(id, kind) => {
            server_event(*id, ServerEvent::parse_named(text, kind), text, collectors)
        }
        QueuedEvent::Malformed(id, malformed, text) => Event::Malformed { id: *id, malformed: malformed.clone(), text },
        QueuedEvent::Info(id, info) => Event::Info { id: *id, info },
        QueuedEvent::Violation(id, violation) => Event::Violation { id: *id, violation },
        QueuedEvent::Steering(id, update) => Event::Steering { id: *id, update },
        QueuedEvent::Continued(id) => Event::Continued { id: *id, response_id: text },
        QueuedEvent::Unmatched => Event::Unmatched { text },
        QueuedEvent::Retry { id, failure, retries, delay } => {
            Event::Retry { id: *id, failure, retries: *retries, delay: *delay }
        }
        QueuedEvent::Resuming { id, failure, retries, delay } => {
            Event::Resuming { id: *id, failure, retries: *retries, delay: *delay }
        }
        QueuedEvent::HttpFallback(reason) => Event::HttpFallback(reason),
        QueuedEvent::CredentialsNeeded(id, failure) => Event::CredentialsNeeded { id: *id, failure },
        QueuedEvent::Connected(transport, head) => Event::Connected { transport: *transport, head: head.as_deref() },
        QueuedEvent::Disconnected(reason) => Event::Disconnected(reason),
        QueuedEvent::Finished(id, finished) => {
            let FinishedEvent { outcome, report } = &mut **finished;
            let collected = collectors.take(*id);
            let outcome = match outcome {
                QueuedOutcome::Completed(response) => {
                    response.response = collected;
                    Outcome::Completed(response)
                }
                QueuedOutcome::Incomplete(response) => {
                    response.response = collected;
                    Outcome::Incomplete(response)
                }
                QueuedOutcome::Failed(failure) => Outcome::Failed(failure),
                QueuedOutcome::Cancelled => Outcome::Cancelled,
                QueuedOutcome::PrewarmSkipped => Outcome::PrewarmSkipped,
                QueuedOutcome::OperationCompleted(head) => Outcome::OperationCompleted { head, body },
            };
            Event::Finished { id: *id, outcome, report }
        }
    })
}

/// Returns the event of a payload, after it is collected, from what was found in it. A function of its own builds it where it is returned,
/// where an inlined one would move it: nearly all events are of this kind. One that is collected is moved, as it is lent before.
#[inline(never)]
pub(super) fn found_event<'a>(
    id: RequestId,
    found: &ShortFound,
    text: &'a str,
    collectors: &mut Collectors,
) -> Event<'a> {
    if collectors.collects(id) {
        return server_event(id, found.read(text, Ok, Err), text, collectors);
    }
    found.read(text, |event| Event::Server { id, event }, |malformed| Event::Malformed { id, malformed, text })
}

/// Returns the event of a payload, after it is collected.
fn server_event<'a>(
    id: RequestId,
    event: Result<ServerEvent<'a>, Malformed>,
    text: &'a str,
    collectors: &mut Collectors,
) -> Event<'a> {
    if let Ok(event) = &event {
        collectors.add(id, event);
    }
    match event {
        Ok(event) => Event::Server { id, event },
        Err(malformed) => Event::Malformed { id, malformed, text },
    }
}

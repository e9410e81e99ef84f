//! What a client has to say, and how it waits to be said.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::request::RequestId;
use crate::connection::{CloseReason, EventQueue, Transport};
use crate::http::Response;
use crate::responses::{CompletedResponse, Failure, Malformed, ResponseInfo, ServerEvent};
use crate::turn::Violation;

/// One thing that happened. What belongs to a request names it; everything is lent until the client is used again.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request was handed to a connection: the first time, or again.
    Sent {
        /// Which request.
        id: RequestId,
        /// How.
        sent: Sent,
        /// The turn's token that went with it.
        turn_token: Option<&'a str>,
    },
    /// An event of its response.
    Server {
        /// Which request.
        id: RequestId,
        /// What the server said.
        event: ServerEvent<'a>,
    },
    /// What follows from headers and events beside the events themselves; of no request when it came between two.
    Info {
        /// Which request.
        id: Option<RequestId>,
        /// What follows.
        info: &'a ResponseInfo<'static>,
    },
    /// A payload that cannot be read. The response goes on.
    Malformed {
        /// Which request.
        id: RequestId,
        /// Why.
        malformed: Malformed,
        /// The payload.
        text: &'a str,
    },
    /// What came before this was out of turn. The response goes on.
    Violation {
        /// Which request.
        id: RequestId,
        /// What was out of turn.
        violation: Violation,
    },
    /// An attempt failed, and the request will be made again.
    Retry {
        /// Which request.
        id: RequestId,
        /// What failed.
        failure: &'a Failure,
        /// How many times it has been made again, this one counted.
        retries: u32,
        /// When, counted from now.
        delay: Duration,
    },
    /// From here on HTTP is spoken instead of WebSocket.
    HttpFallback(&'a FallbackReason),
    /// New credentials are needed: answer with [`authorize`](super::Client::authorize).
    CredentialsNeeded {
        /// Which request.
        id: RequestId,
        /// What was refused.
        failure: &'a Failure,
    },
    /// A connection is up.
    Connected {
        /// What it speaks.
        transport: Transport,
        /// The head that accepted the WebSocket handshake.
        head: Option<&'a Response>,
    },
    /// The connection is over, or there will be none. Requests that were on it are told of by themselves.
    Disconnected(&'a Disconnected),
    /// The request has ended: the last that is said of it, and said once.
    Finished {
        /// Which request.
        id: RequestId,
        /// How.
        outcome: Outcome<'a>,
        /// What it took.
        report: &'a RequestReport,
    },
}

/// How a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// How many times it was sent, this one counted.
    pub attempt: u32,
    /// On what.
    pub transport: Transport,
    /// Whether the connection had carried a request before.
    pub reused: bool,
    /// Whether only what the server had not seen was sent (§9.5).
    pub incremental: bool,
    /// Bytes of the body, or of the message.
    pub bytes: usize,
}

/// Why HTTP is spoken from here on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FallbackReason {
    /// The server answered the handshake with this status, and will not upgrade.
    Refused(u16),
    /// A request used up its budget on WebSocket, and goes on over HTTP.
    Exhausted {
        /// Which request.
        id: RequestId,
        /// What failed last.
        failure: Box<Failure>,
    },
    /// This one request is larger than the WebSocket peer takes; other requests are not concerned.
    TooLarge(RequestId),
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Disconnected {
    /// It ended.
    Closed(CloseReason),
    /// It did not come about.
    Failed(Failure),
}

/// How a request ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The response is complete.
    Completed(&'a CompletedResponse),
    /// It failed.
    Failed(&'a Failure),
    /// It was given up.
    Cancelled,
    /// It was a prewarm, and there turned out to be no WebSocket to prewarm: nothing needs to be done.
    PrewarmSkipped,
    /// A [`RawOperation`](super::RawOperation) was answered with a status of 2xx.
    OperationCompleted {
        /// The answer's head.
        head: &'a Response,
        /// Its body.
        body: &'a [u8],
    },
}

/// What a request took, over all its attempts. Plain data, without bodies, tokens or credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestReport {
    /// What the last attempt was sent on.
    pub transport: Option<Transport>,
    /// Whether that connection had carried a request before.
    pub reused: bool,
    /// Whether only what the server had not seen was sent.
    pub incremental: bool,
    /// Whether the turn's token went with it.
    pub turn_token: bool,
    /// How many times it was sent.
    pub attempts: u32,
    /// The status of the last answer that had one.
    pub status: Option<u16>,
    /// The server's id of the request.
    pub request_id: Option<String>,
    /// The response's id.
    pub response_id: Option<String>,
    /// From the last sending to its first event.
    pub first_event: Option<Duration>,
    /// From the application's command to the end.
    pub total: Duration,
    /// Bytes that were sent, over all attempts.
    pub sent_bytes: usize,
    /// Bytes of payloads that came.
    pub received_bytes: usize,
}

/// What waits in the queue. The texts are in the queue's arena.
#[derive(Debug)]
pub(super) enum Record {
    Sent(RequestId, Sent, bool),
    Payload(RequestId),
    Derived(Option<RequestId>, Box<ResponseInfo<'static>>),
    Violation(RequestId, Violation),
    Retry(RequestId, Box<Failure>, u32, Duration),
    FellBack(Box<FallbackReason>),
    CredentialsNeeded(RequestId, Box<Failure>),
    Connected(Transport, Option<Box<Response>>),
    Disconnected(Box<Disconnected>),
    Finished(RequestId, Box<(End, RequestReport)>),
}

/// How a request ended, as it waits to be said.
#[derive(Debug)]
pub(super) enum End {
    Completed(CompletedResponse),
    Failed(Failure),
    Cancelled,
    Skipped,
    Answered(Response),
}

/// Lends what waits.
pub(super) fn lend(queue: &mut EventQueue<Record>) -> Option<Event<'_>> {
    let (record, bytes) = queue.pop()?;
    // What was pushed as text is text.
    let text = |bytes| simdutf8::basic::from_utf8(bytes).unwrap_or_default();
    Some(match record {
        Record::Sent(id, sent, token) => Event::Sent { id: *id, sent: *sent, turn_token: token.then(|| text(bytes)) },
        Record::Payload(id) => match ServerEvent::parse(text(bytes)) {
            Ok(event) => Event::Server { id: *id, event },
            Err(malformed) => Event::Malformed { id: *id, malformed, text: text(bytes) },
        },
        Record::Derived(id, derived) => Event::Info { id: *id, info: derived },
        Record::Violation(id, violation) => Event::Violation { id: *id, violation: *violation },
        Record::Retry(id, failure, retries, delay) => {
            Event::Retry { id: *id, failure, retries: *retries, delay: *delay }
        }
        Record::FellBack(why) => Event::HttpFallback(why),
        Record::CredentialsNeeded(id, failure) => Event::CredentialsNeeded { id: *id, failure },
        Record::Connected(transport, head) => Event::Connected { transport: *transport, head: head.as_deref() },
        Record::Disconnected(why) => Event::Disconnected(why),
        Record::Finished(id, ended) => {
            let (end, report) = &**ended;
            let outcome = match end {
                End::Completed(completed) => Outcome::Completed(completed),
                End::Failed(failure) => Outcome::Failed(failure),
                End::Cancelled => Outcome::Cancelled,
                End::Skipped => Outcome::PrewarmSkipped,
                End::Answered(head) => Outcome::OperationCompleted { head, body: bytes },
            };
            Event::Finished { id: *id, outcome, report }
        }
    })
}

impl Event<'_> {
    /// The request that this belongs to.
    #[must_use]
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::Sent { id, .. }
            | Self::Server { id, .. }
            | Self::Malformed { id, .. }
            | Self::Violation { id, .. }
            | Self::Retry { id, .. }
            | Self::CredentialsNeeded { id, .. }
            | Self::Finished { id, .. } => Some(*id),
            Self::Info { id, .. } => *id,
            Self::HttpFallback(_) | Self::Connected { .. } | Self::Disconnected(_) => None,
        }
    }

    /// The same, to keep.
    #[must_use]
    pub fn into_owned(self) -> OwnedEvent {
        match self {
            Self::Sent { id, sent, turn_token: turn_state } => {
                OwnedEvent::Sent { id, sent, turn_token: turn_state.map(String::from) }
            }
            Self::Server { id, event } => OwnedEvent::Server { id, event: event.into_owned() },
            Self::Info { id, info: derived } => OwnedEvent::Info { id, info: derived.clone() },
            Self::Malformed { id, malformed, text } => OwnedEvent::Malformed { id, malformed, text: text.into() },
            Self::Violation { id, violation } => OwnedEvent::Violation { id, violation },
            Self::Retry { id, failure, retries, delay } => {
                OwnedEvent::Retry { id, failure: failure.clone(), retries, delay }
            }
            Self::HttpFallback(why) => OwnedEvent::HttpFallback(why.clone()),
            Self::CredentialsNeeded { id, failure } => OwnedEvent::CredentialsNeeded { id, failure: failure.clone() },
            Self::Connected { transport, head } => OwnedEvent::Connected { transport, head: head.cloned() },
            Self::Disconnected(why) => OwnedEvent::Disconnected(why.clone()),
            Self::Finished { id, outcome, report } => OwnedEvent::Finished {
                id,
                outcome: match outcome {
                    Outcome::Completed(completed) => OwnedOutcome::Completed(completed.clone()),
                    Outcome::Failed(failure) => OwnedOutcome::Failed(failure.clone()),
                    Outcome::Cancelled => OwnedOutcome::Cancelled,
                    Outcome::PrewarmSkipped => OwnedOutcome::PrewarmSkipped,
                    Outcome::OperationCompleted { head, body } => {
                        OwnedOutcome::OperationCompleted { head: head.clone(), body: body.to_vec() }
                    }
                },
                report: report.clone(),
            },
        }
    }
}

/// An [`Event`] that owns what it says.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant and member is that of `Event`")]
pub enum OwnedEvent {
    Sent { id: RequestId, sent: Sent, turn_token: Option<String> },
    Server { id: RequestId, event: ServerEvent<'static> },
    Info { id: Option<RequestId>, info: ResponseInfo<'static> },
    Malformed { id: RequestId, malformed: Malformed, text: String },
    Violation { id: RequestId, violation: Violation },
    Retry { id: RequestId, failure: Failure, retries: u32, delay: Duration },
    HttpFallback(FallbackReason),
    CredentialsNeeded { id: RequestId, failure: Failure },
    Connected { transport: Transport, head: Option<Response> },
    Disconnected(Disconnected),
    Finished { id: RequestId, outcome: OwnedOutcome, report: RequestReport },
}

/// An [`Outcome`] that owns what it says.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant and member is that of `Outcome`")]
pub enum OwnedOutcome {
    Completed(CompletedResponse),
    Failed(Failure),
    Cancelled,
    PrewarmSkipped,
    OperationCompleted { head: Response, body: Vec<u8> },
}

//! `Event`: what a client reports to the application, and the queued form of it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::request::RequestId;
use super::steering::SteeringUpdate;
use super::violation::ServerViolation;
use crate::connection::{CloseReason, Transport};
use crate::hidden::Hidden;
use crate::http::Response;
use crate::responses::{CompletedResponse, Failure, IncompleteResponse, Malformed, RawJson};
use crate::responses::{ResponseInfo, ServerEvent, Usage};

/// An event of a client. An event of a request contains the request's id. An event borrows from the client;
/// `into_owned` copies it.
///
/// `Debug` shows the lengths of the turn token, of bodies and of payloads.
#[derive(Clone)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request was handed to the connection, for the first time or again.
    Sent {
        /// The request.
        id: RequestId,
        /// How it was sent.
        sent: Sent,
        /// The turn token that was sent with it.
        turn_token: Option<&'a str>,
    },
    /// The head of an HTTP response to a request: of an event stream, of a whole response or of an error. That of an operation is in
    /// [`Outcome::OperationCompleted`].
    Head {
        /// The request.
        id: RequestId,
        /// The head.
        head: &'a Response,
    },
    /// An event of the response to a request.
    Server {
        /// The request.
        id: RequestId,
        /// The event.
        event: ServerEvent<'a>,
    },
    /// Information from headers and events. It belongs to no request when it arrived between two.
    Info {
        /// The request.
        id: Option<RequestId>,
        /// The information.
        info: &'a ResponseInfo<'static>,
    },
    /// A payload, or a member of the end of a response, that cannot be read. A response that has not ended goes on.
    Malformed {
        /// The request.
        id: RequestId,
        /// Why it cannot be read.
        malformed: Malformed,
        /// The payload. If only a member of it cannot be read, its first 64 KiB: the whole was delivered as an event before.
        text: &'a str,
    },
    /// The event before this one violated the protocol. The response goes on.
    Violation {
        /// The request.
        id: RequestId,
        /// The violation.
        violation: &'a ServerViolation,
    },
    /// What became of a steering submission.
    Steering {
        /// The request whose response was steered, or, for an input that waited for it, the request that continues the response.
        /// `None` when the request has ended.
        id: Option<RequestId>,
        /// The submission and its state.
        update: &'a SteeringUpdate,
    },
    /// The response to the request has ended, and a successor of it, which takes further input into account, follows as part of the
    /// same request. The next event is the first of the successor.
    Continued {
        /// The request.
        id: RequestId,
        /// The id of the successor.
        response_id: &'a str,
    },
    /// An event of the server that belongs to no request. It is delivered on a connection on which the application has sent a
    /// message with [`send_message`](super::Client::send_message), to which it may be the reply.
    Unmatched {
        /// The payload.
        text: &'a str,
    },
    /// An attempt failed, and the request will be sent again.
    Retry {
        /// The request.
        id: RequestId,
        /// The failure of the attempt.
        failure: &'a Failure,
        /// The number of retries, this one included.
        retries: u32,
        /// The time from this event to the next attempt.
        delay: Duration,
    },
    /// The stream of a background response was lost, and the client will request the rest of it
    /// (`docs/protocol.md` §15.9). What was delivered stays valid.
    Resuming {
        /// The request.
        id: RequestId,
        /// The failure of the attempt.
        failure: &'a Failure,
        /// The number of retries, this one included.
        retries: u32,
        /// The time from this event to the next attempt.
        delay: Duration,
    },
    /// The client switches from WebSocket to HTTP.
    HttpFallback(&'a FallbackReason),
    /// New credentials are needed: call [`set_credentials`](super::Client::set_credentials) or
    /// [`refuse_credentials`](super::Client::refuse_credentials).
    CredentialsNeeded {
        /// The request.
        id: RequestId,
        /// The failure of the attempt with the old credentials.
        failure: &'a Failure,
    },
    /// A connection is open.
    Connected {
        /// The transport.
        transport: Transport,
        /// The head that accepted the WebSocket handshake.
        head: Option<&'a Response>,
    },
    /// The connection ended, or could not be opened. The requests that were on it have events of their own.
    Disconnected(&'a Disconnected),
    /// The request has ended. This is its last event, and there is exactly one.
    Finished {
        /// The request.
        id: RequestId,
        /// How it ended.
        outcome: Outcome<'a>,
        /// Its attempts, durations and sizes.
        report: &'a RequestReport,
    },
}

/// How a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// The transport.
    pub transport: Transport,
    /// Whether the connection had carried a request before.
    pub reused: bool,
    /// Whether the request contained only what the server did not know (`docs/protocol.md` §9.5).
    pub incremental: bool,
    /// Whether the rest of a background response was requested.
    pub resumed: bool,
    /// The length of the body or of the message, in bytes.
    pub bytes: usize,
}

/// Why the client switches from WebSocket to HTTP.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FallbackReason {
    /// The server rejected the handshake with this status and will not accept another one, or a request that tried HTTP
    /// after such a rejection has succeeded.
    Refused(u16),
    /// The server rejected the handshake with a status that does not show whether it supports WebSocket. This one
    /// request tries HTTP. If it succeeds, the client switches to HTTP; if it fails, the next request tries WebSocket
    /// again.
    Unclear {
        /// The request.
        id: RequestId,
        /// The failure of the handshake.
        failure: Box<Failure>,
    },
    /// A request used up its retries on WebSocket, and goes on over HTTP.
    Exhausted {
        /// The request.
        id: RequestId,
        /// The failure of its last attempt.
        failure: Box<Failure>,
    },
    /// This one request is larger than the server accepts on a WebSocket. Other requests are not affected.
    TooLarge(RequestId),
    /// This one request is for a background response, and the server rejected it on a WebSocket
    /// ([docs/protocol.md §15.9](crate::docs::protocol#159-background-responses)). Other requests are not affected.
    Background(RequestId),
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Disconnected {
    /// The connection ended.
    Closed(CloseReason),
    /// No connection could be opened, or the server reported an error of the connection.
    Failed(Failure),
}

/// How a request ended.
#[derive(Clone)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The response is complete.
    Completed(&'a CompletedResponse),
    /// The response ended before it was complete, for example because of `max_output_tokens` or a content filter. The request is
    /// not sent again: it would end the same way (`docs/differences.md` row 36).
    Incomplete(&'a IncompleteResponse),
    /// The request failed.
    Failed(&'a Failure),
    /// The application cancelled the request.
    Cancelled,
    /// The request was a prewarm, and the client uses HTTP: there is nothing to prewarm.
    PrewarmSkipped,
    /// A [`RawOperation`](super::RawOperation) got a response with a 2xx status.
    OperationCompleted {
        /// The head of the response.
        head: &'a Response,
        /// The body of the response.
        body: &'a [u8],
    },
}

/// The attempts, durations and sizes of a request. It contains no payload, turn token or credential.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RequestReport {
    /// The transport of the last attempt.
    pub transport: Option<Transport>,
    /// Whether the connection of the last attempt had carried a request before.
    pub reused: bool,
    /// Whether the last attempt contained only what the server did not know.
    pub incremental: bool,
    /// Whether the turn token was sent with the last attempt.
    pub turn_token: bool,
    /// The number of attempts that were sent.
    pub attempts: u32,
    /// Of these, the attempts that requested the rest of a background response.
    pub resumed: u32,
    /// The number of the last event of a background response that was delivered, for
    /// [`Client::resume`](super::Client::resume).
    pub sequence_number: Option<i64>,
    /// The status of the last response or error event that had one.
    pub status: Option<u16>,
    /// The `x-request-id` header of the response.
    pub request_id: Option<String>,
    /// The id of the response.
    pub response_id: Option<String>,
    /// The token counts of the terminal event, if it had any.
    pub usage: Option<Usage>,
    /// The `usage` member of the terminal event, as the server sent it.
    pub raw_usage: Option<RawJson<'static>>,
    /// The failure of the WebSocket handshake after which the request tried HTTP.
    pub handshake_failure: Option<Box<Failure>>,
    /// The time from the last attempt to the first event of its response.
    pub first_event: Option<Duration>,
    /// The time from the command of the application to the end of the request.
    pub total: Duration,
    /// The bytes that were sent, over all attempts.
    pub sent_bytes: usize,
    /// The bytes of the payloads that were received, over all attempts.
    pub received_bytes: usize,
}

impl Event<'_> {
    /// Returns the request that the event belongs to.
    #[must_use]
    pub const fn id(&self) -> Option<RequestId> {
        match self {
            Self::Sent { id, .. }
            | Self::Head { id, .. }
            | Self::Server { id, .. }
            | Self::Malformed { id, .. }
            | Self::Violation { id, .. }
            | Self::Continued { id, .. }
            | Self::Retry { id, .. }
            | Self::Resuming { id, .. }
            | Self::CredentialsNeeded { id, .. }
            | Self::Finished { id, .. } => Some(*id),
            Self::Info { id, .. } | Self::Steering { id, .. } => *id,
            Self::HttpFallback(_) | Self::Connected { .. } | Self::Disconnected(_) | Self::Unmatched { .. } => None,
        }
    }

    /// Copies the event, so that it can be kept.
    #[must_use]
    pub fn into_owned(self) -> OwnedEvent {
        match self {
            Self::Sent { id, sent, turn_token } => {
                OwnedEvent::Sent { id, sent, turn_token: turn_token.map(String::from) }
            }
            Self::Head { id, head } => OwnedEvent::Head { id, head: head.clone() },
            Self::Server { id, event } => OwnedEvent::Server { id, event: event.into_owned() },
            Self::Info { id, info } => OwnedEvent::Info { id, info: info.clone() },
            Self::Malformed { id, malformed, text } => OwnedEvent::Malformed { id, malformed, text: text.into() },
            Self::Violation { id, violation } => OwnedEvent::Violation { id, violation: violation.clone() },
            Self::Steering { id, update } => OwnedEvent::Steering { id, update: update.clone() },
            Self::Continued { id, response_id } => OwnedEvent::Continued { id, response_id: response_id.into() },
            Self::Unmatched { text } => OwnedEvent::Unmatched { text: text.into() },
            Self::Retry { id, failure, retries, delay } => {
                OwnedEvent::Retry { id, failure: failure.clone(), retries, delay }
            }
            Self::Resuming { id, failure, retries, delay } => {
                OwnedEvent::Resuming { id, failure: failure.clone(), retries, delay }
            }
            Self::HttpFallback(reason) => OwnedEvent::HttpFallback(reason.clone()),
            Self::CredentialsNeeded { id, failure } => OwnedEvent::CredentialsNeeded { id, failure: failure.clone() },
            Self::Connected { transport, head } => OwnedEvent::Connected { transport, head: head.cloned() },
            Self::Disconnected(reason) => OwnedEvent::Disconnected(reason.clone()),
            Self::Finished { id, outcome, report } => OwnedEvent::Finished {
                id,
                outcome: match outcome {
                    Outcome::Completed(completed) => OwnedOutcome::Completed(completed.clone()),
                    Outcome::Incomplete(response) => OwnedOutcome::Incomplete(response.clone()),
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

/// An [`Event`] that owns its data.
#[derive(Clone)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant and member is that of `Event`")]
pub enum OwnedEvent {
    Sent { id: RequestId, sent: Sent, turn_token: Option<String> },
    Head { id: RequestId, head: Response },
    Server { id: RequestId, event: ServerEvent<'static> },
    Info { id: Option<RequestId>, info: ResponseInfo<'static> },
    Malformed { id: RequestId, malformed: Malformed, text: String },
    Violation { id: RequestId, violation: ServerViolation },
    Steering { id: Option<RequestId>, update: SteeringUpdate },
    Continued { id: RequestId, response_id: String },
    Unmatched { text: String },
    Retry { id: RequestId, failure: Failure, retries: u32, delay: Duration },
    Resuming { id: RequestId, failure: Failure, retries: u32, delay: Duration },
    HttpFallback(FallbackReason),
    CredentialsNeeded { id: RequestId, failure: Failure },
    Connected { transport: Transport, head: Option<Response> },
    Disconnected(Disconnected),
    Finished { id: RequestId, outcome: OwnedOutcome, report: RequestReport },
}

/// An [`Outcome`] that owns its data.
#[derive(Clone)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant and member is that of `Outcome`")]
pub enum OwnedOutcome {
    Completed(CompletedResponse),
    Incomplete(IncompleteResponse),
    Failed(Failure),
    Cancelled,
    PrewarmSkipped,
    OperationCompleted { head: Response, body: Vec<u8> },
}

/// Implements `Debug` for the borrowed and the owned form alike.
macro_rules! debug_without_content {
    ($event:ty, $outcome:ty) => {
        impl fmt::Debug for $event {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Sent { id, sent, turn_token } => {
                        let token = turn_token.as_ref().map(|token| Hidden(token.len()));
                        f.debug_struct("Sent").field("id", id).field("sent", sent).field("turn_token", &token).finish()
                    }
                    Self::Head { id, head } => f.debug_struct("Head").field("id", id).field("head", head).finish(),
                    Self::Server { id, event } => {
                        f.debug_struct("Server").field("id", id).field("event", event).finish()
                    }
                    Self::Info { id, info } => f.debug_struct("Info").field("id", id).field("info", info).finish(),
                    Self::Malformed { id, malformed, text } => {
                        let mut shown = f.debug_struct("Malformed");
                        shown.field("id", id).field("malformed", malformed).field("text", &Hidden(text.len())).finish()
                    }
                    Self::Violation { id, violation } => {
                        f.debug_struct("Violation").field("id", id).field("violation", violation).finish()
                    }
                    Self::Steering { id, update } => {
                        f.debug_struct("Steering").field("id", id).field("update", update).finish()
                    }
                    Self::Continued { id, response_id } => {
                        f.debug_struct("Continued").field("id", id).field("response_id", response_id).finish()
                    }
                    Self::Unmatched { text } => f.debug_struct("Unmatched").field("text", &Hidden(text.len())).finish(),
                    Self::Retry { id, failure, retries, delay } => {
                        let mut shown = f.debug_struct("Retry");
                        shown.field("id", id).field("failure", failure).field("retries", retries);
                        shown.field("delay", delay).finish()
                    }
                    Self::Resuming { id, failure, retries, delay } => {
                        let mut shown = f.debug_struct("Resuming");
                        shown.field("id", id).field("failure", failure).field("retries", retries);
                        shown.field("delay", delay).finish()
                    }
                    Self::HttpFallback(reason) => f.debug_tuple("HttpFallback").field(reason).finish(),
                    Self::CredentialsNeeded { id, failure } => {
                        f.debug_struct("CredentialsNeeded").field("id", id).field("failure", failure).finish()
                    }
                    Self::Connected { transport, head } => {
                        f.debug_struct("Connected").field("transport", transport).field("head", head).finish()
                    }
                    Self::Disconnected(reason) => f.debug_tuple("Disconnected").field(reason).finish(),
                    Self::Finished { id, outcome, report } => {
                        let mut shown = f.debug_struct("Finished");
                        shown.field("id", id).field("outcome", outcome).field("report", report).finish()
                    }
                }
            }
        }

        impl fmt::Debug for $outcome {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Completed(completed) => f.debug_tuple("Completed").field(completed).finish(),
                    Self::Incomplete(response) => f.debug_tuple("Incomplete").field(response).finish(),
                    Self::Failed(failure) => f.debug_tuple("Failed").field(failure).finish(),
                    Self::Cancelled => f.write_str("Cancelled"),
                    Self::PrewarmSkipped => f.write_str("PrewarmSkipped"),
                    Self::OperationCompleted { head, body } => {
                        let mut shown = f.debug_struct("OperationCompleted");
                        shown.field("head", head).field("body", &Hidden(body.len())).finish()
                    }
                }
            }
        }
    };
}

debug_without_content!(Event<'_>, Outcome<'_>);
debug_without_content!(OwnedEvent, OwnedOutcome);

//! What an application asks for.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::responses::CreateResponse;
use crate::responses::session::{HeaderSet, TurnMetadata};

/// Names one request of one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A request for a response. `Debug` shows neither what is said nor what headers hold.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// What is asked.
    pub body: CreateResponse,
    /// The lane it goes on; lanes exist over WebSocket only, and none is the default one.
    pub lane: Option<String>,
    /// Headers of an HTTP request, over all others but the credentials'. A WebSocket request has no head.
    pub headers: Vec<(String, String)>,
    /// Where in a trace it belongs.
    pub trace: Option<TraceContext>,
    /// What the session says of the turn (`docs/protocol.md` §2.5); nothing without [`Settings::session`](super::Settings).
    pub turn: Option<TurnMetadata>,
    /// Whether the model uses *responses-lite* (§3.7): the request is reshaped, and says so.
    pub lite: bool,
    /// The number of retries on one transport, in place of [`RetryPolicy::max_retries`](super::RetryPolicy).
    pub retries: Option<u32>,
    /// The time from the command to the end of the request, all attempts and delays included, in place of
    /// [`Settings::deadline`](super::Settings). When it has passed, the request fails with
    /// [`FailureKind::DeadlineExceeded`](crate::responses::FailureKind).
    pub deadline: Option<Duration>,
}

/// W3C trace context: headers over HTTP, metadata over WebSocket (`docs/protocol.md` §3.8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// `traceparent`.
    pub parent: String,
    /// `tracestate`.
    pub state: Option<String>,
}

impl From<CreateResponse> for Request {
    fn from(create: CreateResponse) -> Self {
        Self {
            body: create,
            lane: None,
            headers: Vec::new(),
            trace: None,
            turn: None,
            lite: false,
            retries: None,
            deadline: None,
        }
    }
}

impl Request {
    /// Sets the number of retries on one transport.
    #[must_use]
    pub const fn with_retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Sets the time from the command to the end of the request.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The same on this lane.
    #[must_use]
    pub fn on_lane(mut self, lane: &str) -> Self {
        self.lane = Some(lane.into());
        self
    }
}

/// A request that is answered by one body (`docs/protocol.md` §11): a compaction, a model catalogue. `Debug` shows neither what is
/// said nor what headers hold.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct RawOperation {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path below the provider's base URL.
    pub path: String,
    /// Query parameters, beside the provider's.
    pub query: Vec<(String, String)>,
    /// Headers, over all others but the credentials'.
    pub headers: Vec<(String, String)>,
    /// The body; JSON, unless the headers say otherwise.
    pub body: Vec<u8>,
    /// Whether the turn's token travels, both ways.
    pub send_turn_token: bool,
    /// How long one attempt may take; the idle timeout, unless set.
    pub timeout: Option<Duration>,
    /// Which of the session's headers go with it.
    pub header_set: Option<HeaderSet>,
    /// What the session says of the turn.
    pub turn: Option<TurnMetadata>,
    /// Whether the model uses *responses-lite*.
    pub lite: bool,
    /// The number of retries, in place of [`RetryPolicy::max_retries`](super::RetryPolicy).
    pub retries: Option<u32>,
    /// The time from the command to the end of the operation, all attempts and delays included, in place of
    /// [`Settings::deadline`](super::Settings).
    pub deadline: Option<Duration>,
}

impl RawOperation {
    /// A `GET`.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self {
            method: "GET",
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            send_turn_token: false,
            timeout: None,
            header_set: None,
            turn: None,
            lite: false,
            retries: None,
            deadline: None,
        }
    }

    /// A `POST` of this JSON.
    #[must_use]
    pub fn post(path: &str, body: Vec<u8>) -> Self {
        Self { method: "POST", body, ..Self::get(path) }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("model", &self.body.model)
            .field("items", &self.body.input.len())
            .field("lane", &self.lane)
            .field("headers", &Names(&self.headers))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RawOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("headers", &Names(&self.headers))
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The names of headers, without what they hold.
struct Names<'a>(&'a [(String, String)]);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// A command that makes no sense now. Nothing was sent or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The client is closed, or about to be.
    #[error("the client is closed")]
    Closed,
    /// A request is in flight, and this must wait for its end.
    #[error("a request is in flight")]
    InFlight,
    /// There is no such request in flight, or not on a WebSocket.
    #[error("there is no such request in flight")]
    NoRequest,
    /// A header cannot stand in a head.
    #[error("the header `{0}` cannot be sent")]
    Header(String),
    /// The request has `stream: false`: the client reads event streams.
    #[error("a request with `stream: false` cannot be sent: the response is read as a stream of events")]
    NotStreaming,
    /// The lane's name is empty, longer than 256 characters, or has others than letters, digits, `_`, `.` and `-`.
    #[error("the lane's name cannot be sent")]
    Lane,
}

/// A command that was refused, with what came in handed back.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected<T> {
    /// Why.
    pub reason: CommandError,
    /// What was to be sent.
    pub value: Box<T>,
}

impl<T> fmt::Display for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<T: fmt::Debug> core::error::Error for Rejected<T> {}

//! Requests and operations that an application submits.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::responses::CreateResponse;
use crate::responses::session::{HeaderSet, TurnMetadata};

/// The id of a request, unique within its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(super) u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A request for a response. `Debug` shows no content and no header values.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// The request body.
    pub body: CreateResponse,
    /// The lane, for WebSocket only. `None` means the default lane.
    pub lane: Option<String>,
    /// Headers of the HTTP request; they replace all others except those of the credentials. A WebSocket request has no
    /// head.
    pub headers: Vec<(String, String)>,
    /// The trace context.
    pub trace: Option<TraceContext>,
    /// Turn metadata of the session (`docs/protocol.md` §2.5). Ignored without [`Settings::session`](super::Settings).
    pub turn: Option<TurnMetadata>,
    /// Whether the model uses *responses-lite* (`docs/protocol.md` §3.7), which changes the request.
    pub lite: bool,
    /// The number of retries on one transport, in place of [`RetryPolicy::max_retries`](super::RetryPolicy).
    pub retries: Option<u32>,
    /// Maximum time from the submission to the end of the request, including all attempts and delays, in place of
    /// [`Settings::deadline`](super::Settings). After this time the request fails with
    /// [`FailureKind::DeadlineExceeded`](crate::responses::FailureKind).
    pub deadline: Option<Duration>,
    /// Whether the events of the response are collected, so that
    /// [`CompletedResponse::response`](crate::responses::CompletedResponse::response) is the whole response. For all requests:
    /// [`Settings::collect`](super::Settings).
    pub collect: bool,
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
            collect: false,
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

    /// Collects the events of the response, so that its end carries the whole response.
    ///
    /// ```
    /// use turnwire::client::Request;
    /// use turnwire::responses::CreateResponse;
    ///
    /// assert!(Request::from(CreateResponse::new("gpt-x", "ping")).collected().collect);
    /// ```
    #[must_use]
    pub const fn collected(mut self) -> Self {
        self.collect = true;
        self
    }

    /// Sets the maximum time from the submission to the end of the request.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the lane.
    #[must_use]
    pub fn on_lane(mut self, lane: &str) -> Self {
        self.lane = Some(lane.into());
        self
    }
}

/// An operation whose response is one body (`docs/protocol.md` §11), such as a compaction or the model catalogue.
/// `Debug` shows no content and no header values.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct RawOperation {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The path below the provider's base URL.
    pub path: String,
    /// Query parameters, in addition to the provider's.
    pub query: Vec<(String, String)>,
    /// Headers; they replace all others except those of the credentials.
    pub headers: Vec<(String, String)>,
    /// The body: JSON, unless the headers declare another type.
    pub body: Vec<u8>,
    /// Whether the turn token is sent, and taken from the response.
    pub send_turn_token: bool,
    /// Maximum time of one attempt. Default: the idle timeout.
    pub timeout: Option<Duration>,
    /// The set of session headers that are sent.
    pub header_set: Option<HeaderSet>,
    /// Turn metadata of the session.
    pub turn: Option<TurnMetadata>,
    /// Whether the model uses *responses-lite*.
    pub lite: bool,
    /// The number of retries, in place of [`RetryPolicy::max_retries`](super::RetryPolicy).
    pub retries: Option<u32>,
    /// Maximum time from the submission to the end of the operation, including all attempts and delays, in place of
    /// [`Settings::deadline`](super::Settings).
    pub deadline: Option<Duration>,
}

impl RawOperation {
    /// Creates a `GET`.
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

    /// Creates a `POST` with a JSON body.
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

/// Shows the names of headers without their values.
struct Names<'a>(&'a [(String, String)]);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// A command that the client's state does not allow. Nothing was sent or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// The client is closed or shutting down.
    Closed,
    /// A request is in flight, and the command must wait for its end.
    InFlight,
    /// No WebSocket is open.
    NotConnected,
    /// The text is no JSON object with a `type`, or it requests a response.
    Message,
    /// The message is longer than the server accepts on its WebSocket, in bytes.
    MessageTooLong(usize),
    /// The input of a steering message is not one or more messages of the user.
    SteerInput,
    /// As many steering submissions of the request as [`Settings::max_submissions`](super::Settings) wait for their end.
    TooManySubmissions(usize),
    /// There is no such request in flight, or not on a WebSocket.
    NoRequest,
    /// The id of the response is empty.
    ResponseId,
    /// The turn token has this many bytes, and the limit is [`Turn::MAX_TOKEN`](crate::turn::Turn::MAX_TOKEN).
    TurnToken(usize),
    /// A header is invalid.
    Header(String),
    /// The request has `stream: false`: the client reads event streams.
    NotStreaming,
    /// The lane's name is empty, longer than 256 characters, or has characters other than letters, digits, `_`, `.` and
    /// `-`.
    Lane,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the client is closed"),
            Self::InFlight => f.write_str("a request is in flight"),
            Self::NotConnected => f.write_str("no websocket is open"),
            Self::Message => f.write_str("the text is not a message that can be sent so"),
            Self::MessageTooLong(limit) => {
                write!(f, "the message is longer than the {limit} bytes that the server accepts")
            }
            Self::SteerInput => f.write_str("steering takes one or more messages of the user"),
            Self::TooManySubmissions(count) => {
                write!(f, "{count} steering submissions of the request wait for their end")
            }
            Self::NoRequest => f.write_str("there is no such request in flight"),
            Self::ResponseId => f.write_str("the id of the response is empty"),
            Self::TurnToken(length) => {
                write!(f, "the turn token has {length} bytes, and the limit is {}", crate::turn::Turn::MAX_TOKEN)
            }
            Self::Header(name) => write!(f, "the header `{name}` cannot be sent"),
            Self::NotStreaming => {
                f.write_str("a request with `stream: false` cannot be sent: the response is read as a stream of events")
            }
            Self::Lane => f.write_str("the lane name is invalid"),
        }
    }
}

impl core::error::Error for CommandError {}

/// A rejected command, with its argument returned unchanged.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected<T> {
    /// The reason.
    pub reason: CommandError,
    /// The argument.
    pub value: Box<T>,
}

impl<T> fmt::Display for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<T: fmt::Debug> core::error::Error for Rejected<T> {}

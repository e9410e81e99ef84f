//! `Failure`: why a request failed, and its details.

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use core::fmt;
use core::time::Duration;

use crate::responses::limits;
use crate::responses::rate_limit::RateLimits;

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The server could not be reached.
    Connect,
    /// TLS failed.
    Tls,
    /// A deadline passed.
    Timeout,
    /// The total time of the request, including all attempts and delays, has passed.
    DeadlineExceeded,
    /// The stream ended without a terminal event, or its framing was invalid.
    Stream,
    /// The request could not be built; nothing was sent.
    Build,
    /// The request is larger than the server accepts: it was not sent, or the server rejected it.
    TooLarge,
    /// The conversation is longer than the model's context.
    ContextWindowExceeded,
    /// The quota is used up.
    QuotaExceeded,
    /// The plan does not include this use.
    UsageNotIncluded,
    /// The plan's limit is reached for now.
    UsageLimitReached,
    /// The rate limit was exceeded.
    RateLimited,
    /// The request was flagged for cybersecurity.
    CyberPolicy,
    /// The request is invalid.
    InvalidRequest,
    /// An image of the request cannot be read.
    InvalidImage,
    /// The server is overloaded.
    Overloaded,
    /// The server had an internal error.
    InternalServerError,
    /// The credentials are missing or rejected.
    Unauthorized,
    /// Another status.
    UnexpectedStatus,
    /// The response ended incomplete.
    Incomplete,
    /// The server cancelled the response.
    Cancelled,
    /// The response failed for a reason that may be temporary.
    Retryable,
    /// The connection has reached a limit of its age or its requests; a new one helps.
    ConnectionLimit,
    /// The server does not know the previous response; a full request helps.
    PreviousResponseNotFound,
}

/// The progress of a request when it failed, which shows whether a retry is safe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RequestProgress {
    /// Nothing was sent.
    #[default]
    NotSent,
    /// The request was sent; no event of the response was received.
    Sent,
    /// The response was created; no output was received.
    Created,
    /// Output was received, and the application may have acted on it.
    OutputSeen,
}

/// A failure.
///
/// `Display` is one line with all details, including the server's message, without control characters and keys. `Debug`
/// shows no text of the server. [`user_text`](Self::user_text) is a sentence for users.
///
/// ```
/// use turnwire::responses::{Failure, FailureKind};
///
/// let body = r#"{"error":{"code":"context_length_exceeded","message":"Too long."}}"#;
/// let failure = Failure::from_http(400, &[], body, None, None);
/// assert_eq!(failure.kind, FailureKind::ContextWindowExceeded);
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The delay that the server requests.
    pub delay: Option<Duration>,
    /// The HTTP status, of a response or of an `error` event.
    pub status: Option<u16>,
    /// The server's code, such as `rate_limit_exceeded`.
    pub code: Option<String>,
    /// The server's message, or our own if there is none.
    pub message: String,
    /// The body or payload of the failure, truncated at its limit.
    pub raw: Option<String>,
    /// The progress of the request.
    pub progress: RequestProgress,
    /// Further details of the response.
    pub details: Box<FailureDetails>,
}

/// Details of a failed response.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FailureDetails {
    /// The server's `type` of the error, such as `invalid_request_error`.
    pub error_type: Option<String>,
    /// The method of the request.
    pub method: Option<&'static str>,
    /// The URL of the request, without its query.
    pub url: Option<String>,
    /// The close code and the reason of a WebSocket that the server closed.
    pub close: Option<(u16, String)>,
    /// `Location`.
    pub location: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `x-should-retry`: whether the server requests a retry or forbids it.
    pub should_retry: Option<bool>,
    /// The request's id: `x-request-id`, else `x-oai-request-id`.
    pub request_id: Option<String>,
    /// The id of the proxy in front (`cf-ray`).
    pub cf_ray: Option<String>,
    /// `x-openai-authorization-error`.
    pub authorization_error: Option<String>,
    /// `error.code` of the JSON in `x-error-json`.
    pub identity_error_code: Option<String>,
    /// The plan, for a usage limit.
    pub plan_type: Option<String>,
    /// When the limit resets, in Unix seconds.
    pub resets_at: Option<i64>,
    /// The server's promotional text, for a usage limit.
    pub promo: Option<String>,
    /// The rate limits, if the response's headers contain them.
    pub rate_limits: Option<RateLimits>,
}

impl Failure {
    /// Creates a failure of this kind with a message.
    #[must_use]
    pub fn new(class: FailureKind, message: &str) -> Self {
        Self {
            kind: class,
            retryable: class.is_retryable(),
            delay: None,
            status: None,
            code: None,
            message: limits::message(message).to_string(),
            raw: None,
            progress: RequestProgress::NotSent,
            details: Box::default(),
        }
    }

    /// Creates a failure of the stream: it ended early, or its framing was invalid.
    #[must_use]
    pub fn stream(text: &str) -> Self {
        Self::new(FailureKind::Stream, text)
    }

    /// Creates a timeout.
    #[must_use]
    pub fn timeout() -> Self {
        Self::new(FailureKind::Timeout, "timeout")
    }

    /// Creates a failure for a request that cannot be built.
    #[must_use]
    pub fn build(text: &str) -> Self {
        Self::new(FailureKind::Build, text)
    }

    /// Creates a failure for a request that is larger than the server accepts and was not sent.
    #[must_use]
    pub fn too_large(size: usize, cap: usize) -> Self {
        Self::new(FailureKind::TooLarge, &alloc::format!("the request is {size} bytes long, and the limit is {cap}"))
    }
}

impl FailureKind {
    /// Returns whether failures of this kind are retryable by default (`docs/protocol.md` §6.5, `docs/differences.md`
    /// row 15).
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Connect
            | Self::Timeout
            | Self::Stream
            | Self::InternalServerError
            | Self::Retryable
            | Self::ConnectionLimit
            | Self::PreviousResponseNotFound
            | Self::UnexpectedStatus => true,
            Self::Tls
            | Self::DeadlineExceeded
            | Self::Build
            | Self::TooLarge
            | Self::ContextWindowExceeded
            | Self::QuotaExceeded
            | Self::UsageNotIncluded
            | Self::UsageLimitReached
            | Self::RateLimited
            | Self::CyberPolicy
            | Self::InvalidRequest
            | Self::InvalidImage
            | Self::Overloaded
            | Self::Incomplete
            | Self::Cancelled
            | Self::Unauthorized => false,
        }
    }

    /// Returns the kind as text.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "cannot connect",
            Self::Tls => "tls failed",
            Self::Timeout => "timeout",
            Self::DeadlineExceeded => "deadline exceeded",
            Self::Stream => "stream error",
            Self::Build => "request build error",
            Self::TooLarge => "request too large",
            Self::ContextWindowExceeded => "context window exceeded",
            Self::QuotaExceeded => "quota exceeded",
            Self::UsageNotIncluded => "usage not included",
            Self::UsageLimitReached => "usage limit reached",
            Self::RateLimited => "rate limited",
            Self::CyberPolicy => "cyber policy",
            Self::InvalidRequest => "invalid request",
            Self::InvalidImage => "invalid image",
            Self::Overloaded => "server overloaded",
            Self::InternalServerError => "internal server error",
            Self::Unauthorized => "unauthorized",
            Self::UnexpectedStatus => "unexpected status",
            Self::Incomplete => "incomplete response",
            Self::Cancelled => "cancelled by the server",
            Self::Retryable => "retryable error",
            Self::ConnectionLimit => "connection limit reached",
            Self::PreviousResponseNotFound => "previous response not found",
        }
    }
}

/// The maximum length of the message in `Display`, in characters.
const MAX_SHOWN: usize = 300;

/// Formats one line: method, path, kind, status, code and message, without control characters and keys.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &self.details;
        if let Some(path) = details.url.as_deref().map(path_of) {
            write!(f, "{} {}: ", details.method.unwrap_or("POST"), one_line(path))?;
        }
        f.write_str(self.kind.name())?;
        if let Some(status) = self.status {
            write!(f, ", status {status}")?;
        }
        if let Some(code) = self.code.as_ref().or(details.error_type.as_ref()) {
            write!(f, ", code {}", one_line(code))?;
        }
        if let Some((code, reason)) = &details.close {
            write!(f, ", close code {code}")?;
            if !reason.is_empty() {
                write!(f, " ({})", one_line(reason))?;
            }
        }
        if let Some(location) = &details.location {
            write!(f, ", location {}", one_line(location.split('?').next().unwrap_or_default()))?;
        }
        if let Some(id) = &details.request_id {
            write!(f, ", request id {}", one_line(id))?;
        }
        let message = one_line(&self.message);
        if !message.is_empty() && message != self.kind.name() {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

/// Returns the path of a URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// Returns the text on one line: white space and control characters become single spaces, keys become `sk-***`, and
/// text beyond [`MAX_SHOWN`] characters is removed.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        match word.find("sk-") {
            Some(at) => {
                let key = word[at..].find(|c: char| !(c.is_alphanumeric() || "-_*.".contains(c)));
                line.push_str(&word[..at]);
                line.push_str("sk-***");
                line.push_str(key.map_or("", |end| &word[at + end..]));
            }
            None => line.push_str(word),
        }
        if line.chars().count() > MAX_SHOWN {
            let end = line.char_indices().nth(MAX_SHOWN).map_or(line.len(), |(at, _)| at);
            line.truncate(end);
            line.push('…');
            break;
        }
    }
    line
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("kind", &self.kind)
            .field("retryable", &self.retryable)
            .field("delay", &self.delay)
            .field("status", &self.status)
            .field("code", &self.code)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

impl core::error::Error for Failure {}

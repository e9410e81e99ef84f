//! Heads of requests and responses.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::fmt;

use super::error::Error;
use super::header_value::InvalidHeader;
use super::headers::Headers;
use super::syntax::is_token;

/// The protocol version of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0: connections persist only on request, and bodies are never chunked.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

/// The reason why a head cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidHead {
    /// The method is not a token (RFC 9110 §9.1).
    Method,
    /// The target is empty, or contains white space, a control character or a non-ASCII character (RFC 9112 §3.2).
    Target,
    /// The status is not between 100 and 599 (RFC 9110 §15).
    Status,
    /// A header is invalid.
    Header(InvalidHeader),
}

impl fmt::Display for InvalidHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("the method is not a token"),
            Self::Target => f.write_str("the request target is empty or contains an invalid character"),
            Self::Status => f.write_str("the status is not between 100 and 599"),
            Self::Header(name) => fmt::Display::fmt(name, f),
        }
    }
}

impl core::error::Error for InvalidHead {}

impl From<InvalidHeader> for InvalidHead {
    fn from(error: InvalidHeader) -> Self {
        Self::Header(error)
    }
}

/// A request head.
///
/// ```
/// use turnwire::http::{Request, encode_request};
///
/// let mut request = Request::new("GET", "/v1/models")?;
/// request.headers.append("Host", "localhost")?;
/// let mut out = Vec::new();
/// encode_request(&request, &mut out);
/// assert_eq!(out, b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The method, case-sensitive.
    pub(crate) method: String,
    /// The request target, as in the start line.
    pub(crate) target: String,
    /// The protocol version.
    pub version: Version,
    /// The header lines.
    pub headers: Headers,
}

impl Request {
    /// Creates an HTTP/1.1 request without headers.
    ///
    /// # Errors
    ///
    /// [`InvalidHead`] if the method or the target is invalid.
    pub fn new(method: &str, target: &str) -> Result<Self, InvalidHead> {
        if method.is_empty() || !method.bytes().all(is_token) {
            return Err(InvalidHead::Method);
        }
        if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidHead::Target);
        }
        Ok(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            version: Version::Http11,
            headers: Headers::new(),
        })
    }

    /// Returns the method, case-sensitive.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the request target, as in the start line.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1).
    #[must_use]
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11 && self.headers.has_token("expect", "100-continue")
    }
}

/// A response head.
///
/// ```
/// use turnwire::http::{Response, encode_response};
///
/// let mut response = Response::new(404)?;
/// response.headers.append("Content-Length", "0")?;
/// let mut out = Vec::new();
/// encode_response(&response, &mut out);
/// assert_eq!(out, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// The status code, 100 to 999 as received, 100 to 599 as built.
    pub(crate) status: u16,
    /// The reason phrase, which may be empty and has no meaning.
    pub(crate) reason: String,
    /// The protocol version.
    pub version: Version,
    /// The header lines.
    pub headers: Headers,
}

impl Response {
    /// Creates an HTTP/1.1 response without headers, with the usual reason phrase of the status.
    ///
    /// # Errors
    ///
    /// [`InvalidHead::Status`] if the status is not between 100 and 599.
    pub fn new(status: u16) -> Result<Self, InvalidHead> {
        if !(100..=599).contains(&status) {
            return Err(InvalidHead::Status);
        }
        Ok(Self { status, reason: reason(status).to_owned(), version: Version::Http11, headers: Headers::new() })
    }

    /// Returns the status code.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Returns the reason phrase, which may be empty and has no meaning.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status / 100 == 2
    }

    /// Returns whether this is an interim response: 1xx, except `101 Switching Protocols`, which is final here.
    #[must_use]
    pub const fn is_interim(&self) -> bool {
        self.status / 100 == 1 && self.status != 101
    }

    /// Checks that no content coding was applied.
    ///
    /// # Errors
    ///
    /// [`Error::ContentCoding`] if a coding was applied. `identity`, and the values `none` and `utf-8` of some servers, do not
    /// count (docs/differences.md row 49).
    pub fn check_identity_coding(&self) -> Result<(), Error> {
        if self.content_codings().next().is_some() { Err(Error::ContentCoding) } else { Ok(()) }
    }

    /// Returns the content codings that were applied, without those that change nothing.
    pub(super) fn content_codings(&self) -> impl Iterator<Item = &[u8]> {
        const NONE: [&[u8]; 4] = [b"", b"identity", b"none", b"utf-8"];
        let is_none = |coding: &&[u8]| NONE.iter().any(|none| coding.eq_ignore_ascii_case(none));
        self.headers.tokens("content-encoding").filter(move |coding| !is_none(coding))
    }
}

/// Returns the usual reason phrases (RFC 9110 §15) of the statuses that a server of this protocol sends. `responses::failure`
/// has its own table of phrases to show to users: that layer does not depend on this one.
const fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

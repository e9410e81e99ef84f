//! An HTTP request to send.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::hidden::Hidden;
use crate::http::Headers;

/// The kind of response body that a request expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpectedBody {
    /// An event stream. The body of an error response is collected.
    EventStream,
    /// A body that is collected whole.
    Whole,
}

/// An HTTP request to send.
///
/// ```
/// use turnwire::connection::{ExpectedBody, OutgoingRequest};
/// use turnwire::http::Headers;
///
/// let mut request = OutgoingRequest::new("/v1/models", Headers::new(), Vec::new(), ExpectedBody::Whole);
/// request.method = "GET".into();
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct OutgoingRequest {
    /// The method. Default: `POST`.
    pub method: String,
    /// The request target: a path and an optional query (RFC 9112 §3.2.1).
    pub target: String,
    /// The headers. `Host`, `Connection`, `Content-Length` and `Transfer-Encoding` are ignored: the connection sets
    /// them itself.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// The kind of response body that is expected.
    pub expected_body: ExpectedBody,
}

impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("body", &Hidden(self.body.len()))
            .field("expected_body", &self.expected_body)
            .finish_non_exhaustive()
    }
}

impl OutgoingRequest {
    /// Creates a `POST` request.
    #[must_use]
    pub fn new(target: &str, headers: Headers, body: Vec<u8>, expected_body: ExpectedBody) -> Self {
        Self { method: "POST".into(), target: target.into(), headers, body, expected_body }
    }
}

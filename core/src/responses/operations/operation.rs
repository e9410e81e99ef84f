//! `Operation`: what every operation defines, and helpers of the operations.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde_core::Serialize;

use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::request::ItemEncoding;
use crate::responses::session::HeaderSet;

/// An operation whose response is one body.
pub trait Operation {
    /// The result.
    type Answer;

    /// The method.
    const METHOD: &'static str = "POST";

    /// The path below the provider's base URL. `{id}` stands for what [`path`](Self::path) fills in.
    const PATH: &'static str;

    /// The session headers that are sent.
    const SURFACE: HeaderSet;

    /// Whether the turn token is sent, and taken from the response (`docs/protocol.md` §8).
    const TURN_STATE: bool = false;

    /// Returns the path of this operation, where it names something: a response by its id.
    fn path(&self) -> Cow<'static, str> {
        Cow::Borrowed(Self::PATH)
    }

    /// Query parameters, in addition to the provider's.
    fn query(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Returns the maximum time of one attempt, for this idle timeout; `None` means the idle timeout.
    #[must_use]
    fn timeout(idle: Duration) -> Option<Duration> {
        let _ = idle;
        None
    }

    /// Returns the result if no request is needed, for example for an empty input.
    fn immediate_answer(&self) -> Option<Self::Answer> {
        None
    }

    /// Appends the body; nothing for a `GET`.
    fn encode(&self, wire: ItemEncoding, out: &mut Vec<u8>);

    /// Parses the response.
    ///
    /// # Errors
    ///
    /// A retryable [`Failure`] of the kind `Stream`, with the body, if the body is not valid for the operation.
    fn read(fields: HeaderPairs<'_>, body: &str) -> Result<Self::Answer, Failure>;
}

/// Returns the failure of a body that cannot be parsed; `what` precedes the parser's error.
pub(super) fn unreadable(what: &str, error: &dyn fmt::Display, body: &str) -> Failure {
    let mut failure = Failure::stream(&alloc::format!("{what}{error}"));
    failure.raw = Some(body.to_string());
    failure
}

/// Returns the name of a JSON value's type.
pub(super) fn type_name(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(_) | None => "a number",
    }
}

/// Appends a value that can always be serialized, as all of these types can.
pub(super) fn json(value: &impl Serialize, out: &mut Vec<u8>) {
    out.extend(serde_json::to_vec(value).expect("the types of operations can be serialized"));
}

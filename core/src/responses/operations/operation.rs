//! `Operation`: what every operation defines, and helpers of the operations.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::Serialize;

use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::request::ItemEncoding;
use crate::responses::session::HeaderSet;

/// An operation that is answered by one body.
pub trait Operation {
    /// What comes back.
    type Answer;

    /// The method.
    const METHOD: &'static str = "POST";

    /// The path below the provider's base URL.
    const PATH: &'static str;

    /// Which headers of the session's it bears.
    const SURFACE: HeaderSet;

    /// Whether the turn's token travels with it, both ways (§8).
    const TURN_STATE: bool = false;

    /// Query parameters, beside the provider's.
    fn query(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// How long one attempt may take, at this idle timeout; none where only the idle timeout itself holds.
    #[must_use]
    fn timeout(idle: Duration) -> Option<Duration> {
        let _ = idle;
        None
    }

    /// The answer where there is nothing to ask: an empty input makes no request.
    fn immediate_answer(&self) -> Option<Self::Answer> {
        None
    }

    /// Appends the body; nothing for a `GET`.
    fn encode(&self, wire: ItemEncoding, out: &mut Vec<u8>);

    /// Reads the answer.
    ///
    /// # Errors
    ///
    /// A [`Failure`] of the class `Stream`, which can be retried, when the body is none of the operation's; the body is in it.
    fn read(fields: HeaderPairs<'_>, body: &str) -> Result<Self::Answer, Failure>;
}

/// The failure of a body that cannot be read; `what` comes before the reader's own words.
pub(super) fn unreadable(what: &str, error: &dyn fmt::Display, body: &str) -> Failure {
    let mut failure = Failure::stream(&alloc::format!("{what}{error}"));
    failure.raw = Some(body.to_string());
    failure
}

/// The type of a JSON value in words.
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

/// Appends what can be serialized, which all of these types can.
pub(super) fn json(value: &impl Serialize, out: &mut Vec<u8>) {
    out.extend(serde_json::to_vec(value).expect("the types of operations can be serialized"));
}

//! `Failure` from the close frame of a server (`docs/differences.md` row 48).

use super::error_body::ErrorBody;
use super::kind_of::{Meaning, meaning};
use super::{Failure, FailureKind};

/// Codes of temporary errors, in addition to those in the table of kinds.
const PASSING: [&str; 6] = [
    "rate_limit_exceeded",
    "server_error",
    "internal_server_error",
    "internal_error",
    "vector_store_timeout",
    "failed_to_download_image",
];

impl Failure {
    /// Creates the failure of a request whose WebSocket the server closed with this code and reason, before the
    /// response ended.
    ///
    /// A reason that contains an error code has the effect of that code in an event. Otherwise the close code decides:
    /// after a violation (1002, 1003, 1007, 1008, 1010) and after a code of the application (4000 to 4999), the same
    /// request would fail again.
    #[must_use]
    pub fn from_close(code: u16, reason: &str) -> Self {
        let mut failure = Self::stream("websocket closed by server before response.completed");
        failure.details.close = Some((code, reason.into()));
        let is_final = matches!(code, 1002 | 1003 | 1007 | 1008 | 1010 | 3000 | 3003 | 4000..=4999);
        failure.retryable = !is_final;
        if code == 1009 {
            failure = Self {
                details: failure.details,
                ..Self::new(FailureKind::TooLarge, "the server closed the websocket with code 1009")
            };
        }
        let named = named_error(reason);
        if is_final || named.is_some() {
            let separator = if reason.is_empty() { "" } else { ", reason: " };
            failure.message = alloc::format!("{}: code {code}{separator}{reason}", failure.message);
        }
        if let Some((word, meaning)) = named {
            (failure.kind, failure.retryable) = (meaning.kind, meaning.retryable);
            failure.code = Some(word.into());
        }
        failure
    }
}

/// Returns the first word of a reason that is an error code, and its meaning.
fn named_error(reason: &str) -> Option<(&str, Meaning)> {
    let mut words = reason.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.contains('_'));
    words.find_map(|word| {
        let meaning = meaning(&ErrorBody { code: Some(word.into()), ..ErrorBody::default() }, None, false);
        let is_known = meaning.kind != FailureKind::Retryable || PASSING.contains(&word);
        is_known.then_some((word, meaning))
    })
}

//! `Failure` from the status, the headers and the body of a response
//! ([docs/protocol.md §6.5](crate::docs::protocol#65-mapping-to-user-facing-errors-l3),
//! [§6.6](crate::docs::protocol#66-usage-limit-details)).

use alloc::boxed::Box;
use alloc::string::ToString as _;

use super::delay::{retry_after, try_again_in};
use super::details::{details, usage_limit};
use super::error_body::ErrorBody;
use super::from_event::CYBER;
use super::kind_of::meaning;
use super::{Failure, FailureKind};
use crate::responses::HeaderPairs;

const BAD_IMAGE: &str = "The image data you provided does not represent a valid image";

impl Failure {
    /// Creates the failure of a response from its status, headers and body. `url`: the URL of the request. `unix`: the
    /// Unix time in seconds, if known.
    #[must_use]
    pub fn from_http(status: u16, fields: HeaderPairs<'_>, body: &str, url: Option<&str>, unix: Option<u64>) -> Self {
        Self::from_error_body(status, fields, body, &ErrorBody::of(body).unwrap_or_default(), url, unix)
    }

    /// Creates the failure of a response as [`from_http`](Self::from_http) does. `error`: what was read of the body.
    pub(super) fn from_error_body(
        status: u16,
        fields: HeaderPairs<'_>,
        body: &str,
        error: &ErrorBody,
        url: Option<&str>,
        unix: Option<u64>,
    ) -> Self {
        let meaning = meaning(error, Some(status), status == 400 && body.contains(BAD_IMAGE));
        let default = if meaning.kind == FailureKind::CyberPolicy { CYBER } else { body };
        let message = error.non_blank().unwrap_or(default);
        let mut failure = Self::new(meaning.kind, message);
        failure.status = Some(status);
        failure.raw = Some(body.to_string());
        failure.details = Box::new(details(fields, url));
        failure.details.error_type.clone_from(&error.error_type);
        failure.code.clone_from(&error.code);
        failure.retryable = failure.details.should_retry.unwrap_or(meaning.retryable);
        let in_words =
            || if matches!(status, 429 | 503) { try_again_in(error.message.as_deref().unwrap_or(body)) } else { None };
        failure.delay = retry_after(fields, unix).or_else(in_words);
        if meaning.kind == FailureKind::UsageLimitReached {
            usage_limit(&mut failure.details, fields, Some(error));
        }
        failure
    }
}

//! Failures that a status tells of (`docs/protocol.md` §6.5, §6.6).

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};

use super::details::{details, usage_limit};
use super::error_body::ErrorBody;
use crate::responses::HeaderPairs;
use crate::responses::failure::{Failure, FailureKind, retry_after, try_again_in};

const BAD_IMAGE: &str = "The image data you provided does not represent a valid image";
const CYBER: &str = "This request has been flagged for possible cybersecurity risk.";

impl Failure {
    /// The failure of a response with this status, these headers and this body. `unix`: the Unix time, where it is known.
    #[must_use]
    pub fn from_http(status: u16, fields: HeaderPairs<'_>, body: &str, url: Option<&str>, unix: Option<u64>) -> Self {
        let said = ErrorBody::of(body);
        let (class, retryable, message) = classify(status, body, said.as_ref());
        let mut failure = Self::new(class, &message);
        failure.retryable = retryable;
        failure.status = Some(status);
        failure.raw = Some(body.to_string());
        failure.details = Box::new(details(fields, url));
        failure.code = said.as_ref().and_then(|said| said.code.clone());
        let words = said.as_ref().and_then(|said| said.message.as_deref()).unwrap_or(body);
        let in_words = || if matches!(status, 429 | 503) { try_again_in(words) } else { None };
        failure.delay = retry_after(fields, unix).or_else(in_words);
        failure.retryable = failure.details.should_retry.unwrap_or(failure.retryable);
        if class == FailureKind::UsageLimitReached {
            usage_limit(&mut failure.details, fields, said.as_ref());
        }
        failure
    }
}

fn classify(status: u16, body: &str, said: Option<&ErrorBody>) -> (FailureKind, bool, String) {
    let code = said.map(ErrorBody::code).unwrap_or_default();
    let kind = said.map(ErrorBody::kind).unwrap_or_default();
    let message = said.and_then(ErrorBody::non_blank);
    // A limit whose particulars have other types is none that is known (§6.5).
    let is_exact = said.is_some_and(|said| said.is_exact);
    let plain = |class: FailureKind| (class, class.is_retryable(), message.unwrap_or(body).to_string());
    match status {
        503 if matches!(code, "server_is_overloaded" | "slow_down") => plain(FailureKind::Overloaded),
        400 | 404 if code == "previous_response_not_found" => plain(FailureKind::PreviousResponseNotFound),
        400 if code == "cyber_policy" => (FailureKind::CyberPolicy, false, message.unwrap_or(CYBER).to_string()),
        400 if body.contains(BAD_IMAGE) => plain(FailureKind::InvalidImage),
        400 => (FailureKind::InvalidRequest, false, body.to_string()),
        401 => plain(FailureKind::Unauthorized),
        // Neither gets better by asking again (ruling 15).
        403 | 404 => (FailureKind::UnexpectedStatus, false, message.unwrap_or(body).to_string()),
        413 => plain(FailureKind::TooLarge),
        429 if is_exact && kind == "usage_limit_reached" => plain(FailureKind::UsageLimitReached),
        429 if is_exact && kind == "usage_not_included" => plain(FailureKind::UsageNotIncluded),
        429 => plain(FailureKind::RateLimited),
        500 => plain(FailureKind::InternalServerError),
        _ => plain(FailureKind::UnexpectedStatus),
    }
}

//! Failures that a status tells of (`docs/protocol.md` §6.5, §6.6).

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::event::Said;
use super::{Failure, FailureDetails, FailureKind, retry_after, try_again_in};
use crate::responses::HeaderPairs;
use crate::responses::rate_limit::{RateLimits, field};

const BAD_IMAGE: &str = "The image data you provided does not represent a valid image";
const CYBER: &str = "This request has been flagged for possible cybersecurity risk.";

/// The types of limits that can be reached.
const REACHED: [&str; 5] = [
    "rate_limit_reached",
    "workspace_owner_credits_depleted",
    "workspace_member_credits_depleted",
    "workspace_owner_usage_limit_reached",
    "workspace_member_usage_limit_reached",
];

impl Failure {
    /// The failure of a response with this status, these headers and this body. `unix`: the Unix time, where it is known.
    #[must_use]
    pub fn from_http(status: u16, fields: HeaderPairs<'_>, body: &str, url: Option<&str>, unix: Option<u64>) -> Self {
        let said = Said::of(body);
        let (class, retryable, message) = classify(status, body, said.as_ref());
        let mut failure = Self::new(class, &message);
        failure.retryable = retryable;
        failure.status = Some(status);
        failure.raw = Some(body.to_string());
        failure.details = Box::new(details(fields, url));
        failure.code = said.as_ref().and_then(|said| said.code.clone());
        if matches!(status, 429 | 503) {
            let in_words = || said.as_ref().filter(|said| said.code() == "rate_limit_exceeded")?.message.as_deref();
            failure.delay = retry_after(fields, unix).or_else(|| try_again_in(in_words()?));
        }
        if class == FailureKind::UsageLimitReached {
            usage_limit(&mut failure.details, fields, said.as_ref());
        }
        failure
    }
}

fn classify(status: u16, body: &str, said: Option<&Said>) -> (FailureKind, bool, String) {
    use FailureKind as EventClass;

    let code = said.map(Said::code).unwrap_or_default();
    let kind = said.map(Said::kind).unwrap_or_default();
    let message = said.and_then(Said::non_blank);
    // A limit whose particulars have other types is none that is known (§6.5).
    let is_exact = said.is_some_and(|said| said.is_exact);
    let plain = |class: EventClass| (class, class.is_retryable(), message.unwrap_or(body).to_string());
    match status {
        503 if matches!(code, "server_is_overloaded" | "slow_down") => plain(EventClass::Overloaded),
        400 | 404 if code == "previous_response_not_found" => plain(EventClass::PreviousResponseNotFound),
        400 if code == "cyber_policy" => (EventClass::CyberPolicy, false, message.unwrap_or(CYBER).to_string()),
        400 if body.contains(BAD_IMAGE) => plain(EventClass::InvalidImage),
        400 => (EventClass::InvalidRequest, false, body.to_string()),
        401 => plain(EventClass::Unauthorized),
        // Neither gets better by asking again (ruling 15).
        403 | 404 => (EventClass::UnexpectedStatus, false, message.unwrap_or(body).to_string()),
        413 => plain(EventClass::TooLarge),
        429 if is_exact && kind == "usage_limit_reached" => plain(EventClass::UsageLimitReached),
        429 if is_exact && kind == "usage_not_included" => plain(EventClass::UsageNotIncluded),
        429 => plain(EventClass::RateLimited),
        500 => plain(EventClass::InternalServerError),
        _ => plain(EventClass::UnexpectedStatus),
    }
}

pub(super) fn details(fields: HeaderPairs<'_>, url: Option<&str>) -> FailureDetails {
    let get = |name: &str| field(fields, name).map(String::from);
    FailureDetails {
        url: url.map(String::from),
        request_id: get("x-request-id").or_else(|| get("x-oai-request-id")),
        cf_ray: get("cf-ray"),
        authorization_error: get("x-openai-authorization-error"),
        identity_error_code: field(fields, "x-error-json").and_then(identity_code),
        rate_limits: RateLimits::from_headers(fields).into_iter().next(),
        ..FailureDetails::default()
    }
}

/// `error.code` in JSON in standard, padded base64; anything else is nothing.
fn identity_code(value: &str) -> Option<String> {
    let json = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    Said::of(&json)?.code
}

pub(super) fn usage_limit(details: &mut FailureDetails, fields: HeaderPairs<'_>, said: Option<&Said>) {
    details.plan_type = said.and_then(|said| said.plan_type.clone());
    details.resets_at = said.and_then(|said| said.resets_at);
    let trimmed = |name: &str| field(fields, name).map(str::trim).filter(|value| !value.is_empty());
    details.promo = trimmed("x-codex-promo-message").map(String::from);
    if fields.is_empty() {
        return;
    }
    let mut limits = RateLimits::family(fields, trimmed("x-codex-active-limit").unwrap_or_default());
    if limits.credits.is_none() {
        // The credits are the account's, whichever of its limits was reached.
        limits.credits = RateLimits::family(fields, "").credits;
    }
    limits.reached_type =
        trimmed("x-codex-rate-limit-reached-type").filter(|reached| REACHED.contains(reached)).map(String::from);
    details.rate_limits = Some(limits);
}

//! `FailureDetails` from the headers of a response
//! ([docs/protocol.md §6.5](crate::docs::protocol#65-mapping-to-user-facing-errors-l3),
//! [§6.6](crate::docs::protocol#66-usage-limit-details)).

use alloc::string::String;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::delay::should_retry;
use super::error_body::ErrorBody;
use super::failure::FailureDetails;
use crate::responses::HeaderPairs;
use crate::responses::headers::field;
use crate::responses::rate_limit::RateLimits;

/// The types of limits that can be reached.
const REACHED: [&str; 5] = [
    "rate_limit_reached",
    "workspace_owner_credits_depleted",
    "workspace_member_credits_depleted",
    "workspace_owner_usage_limit_reached",
    "workspace_member_usage_limit_reached",
];

pub(super) fn details(fields: HeaderPairs<'_>, url: Option<&str>) -> FailureDetails {
    let get = |name: &str| field(fields, name).map(String::from);
    FailureDetails {
        url: url.map(without_secrets),
        request_id: get("x-request-id").or_else(|| get("x-oai-request-id")),
        cf_ray: get("cf-ray"),
        authorization_error: get("x-openai-authorization-error"),
        identity_error_code: field(fields, "x-error-json").and_then(identity_code),
        location: get("location"),
        content_type: get("content-type"),
        should_retry: should_retry(fields),
        rate_limits: RateLimits::from_headers(fields).into_iter().next(),
        ..FailureDetails::default()
    }
}

/// Returns the URL without user information, query and fragment, which may contain keys.
fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    alloc::format!("{scheme}://{host}{path}")
}

/// Parses `error.code` in base64-encoded JSON (standard alphabet, padded). `None` for anything else.
fn identity_code(value: &str) -> Option<String> {
    let json = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    ErrorBody::of(&json)?.code
}

pub(super) fn usage_limit(details: &mut FailureDetails, fields: HeaderPairs<'_>, said: Option<&ErrorBody>) {
    details.plan_type = said.and_then(|said| said.plan_type.clone());
    details.resets_at = said.and_then(|said| said.resets_at);
    let trimmed = |name: &str| field(fields, name).map(str::trim).filter(|value| !value.is_empty());
    details.promo = trimmed("x-codex-promo-message").map(String::from);
    if fields.is_empty() {
        return;
    }
    let mut limits = RateLimits::family(fields, trimmed("x-codex-active-limit").unwrap_or_default());
    if limits.credits.is_none() {
        // The credits belong to the account, whichever of its limits was reached.
        limits.credits = RateLimits::family(fields, "").credits;
    }
    limits.reached_type =
        trimmed("x-codex-rate-limit-reached-type").filter(|reached| REACHED.contains(reached)).map(String::from);
    details.rate_limits = Some(limits);
}

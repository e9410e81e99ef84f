//! The kind of a failure: one table for events, failed responses, HTTP responses and
//! rejected handshakes ([docs/differences.md row 40](crate::docs::differences)). The code decides, then the type, then
//! the status.

use super::error_body::ErrorBody;
use super::failure::FailureKind;

/// The meaning of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) kind: FailureKind,
    /// The same request may succeed later.
    pub(super) retryable: bool,
}

impl From<FailureKind> for Meaning {
    fn from(kind: FailureKind) -> Self {
        Self { kind, retryable: kind.is_retryable() }
    }
}

/// Returns the meaning of an error. `status`: that of the response or of the event, if there is one. `is_bad_image`:
/// the message says that an image cannot be read.
pub(super) fn meaning(body: &ErrorBody, status: Option<u16>, is_bad_image: bool) -> Meaning {
    let by_code = || of_code(body.code()).map(Meaning::from);
    let by_words = || (is_forgotten_response(body)).then_some(FailureKind::PreviousResponseNotFound.into());
    let by_type = || of_type(body, status).map(Meaning::from);
    let by_image = || is_bad_image.then_some(FailureKind::InvalidImage.into());
    let by_status = || status.map(of_status);
    by_code()
        .or_else(by_words)
        .or_else(by_type)
        .or_else(by_image)
        .or_else(by_status)
        .unwrap_or_else(|| FailureKind::Retryable.into())
}

fn of_code(code: &str) -> Option<FailureKind> {
    Some(match code {
        "context_length_exceeded" => FailureKind::ContextWindowExceeded,
        "insufficient_quota" | "credit_balance_exhausted" | "billing_hard_limit_reached" => FailureKind::QuotaExceeded,
        "usage_not_included" => FailureKind::UsageNotIncluded,
        "cyber_policy" => FailureKind::CyberPolicy,
        "invalid_prompt"
        | "bio_policy"
        | "misalignment_policy_violation"
        | "data_residency_mismatch"
        | "invalid_access_program"
        | "content_filter"
        | "content_policy_violation"
        | "model_not_found"
        | "model_not_supported"
        | "unsupported_model"
        | "unsupported_value"
        | "unsupported_parameter"
        | "not_supported"
        | "invalid_request_error"
        | "invalid_stream_id" => FailureKind::InvalidRequest,
        "invalid_image"
        | "invalid_image_format"
        | "invalid_base64_image"
        | "invalid_image_url"
        | "invalid_image_mode"
        | "image_too_large"
        | "image_too_small"
        | "image_parse_error"
        | "image_content_policy_violation"
        | "image_file_too_large"
        | "unsupported_image_media_type"
        | "empty_image_file"
        | "image_file_not_found" => FailureKind::InvalidImage,
        "payload_too_large" => FailureKind::TooLarge,
        "invalid_api_key" | "token_expired" | "account_deactivated" => FailureKind::Unauthorized,
        "server_is_overloaded" | "slow_down" => FailureKind::Overloaded,
        "websocket_connection_limit_reached" | "websocket_stream_limit_reached" => FailureKind::ConnectionLimit,
        "previous_response_not_found" => FailureKind::PreviousResponseNotFound,
        _ => return None,
    })
}

fn of_type(body: &ErrorBody, status: Option<u16>) -> Option<FailureKind> {
    // A usage limit whose members have other types than the protocol's does not count as one (docs/protocol.md §6.5).
    let is_known_limit = body.is_exact || status.is_none();
    Some(match body.error_type() {
        // The status is more specific than a type that servers use for all errors.
        "invalid_request_error" | "not_found_error" | "image_generation_user_error"
            if status.is_none_or(|status| matches!(status, 400 | 422)) =>
        {
            FailureKind::InvalidRequest
        }
        "content_filter" | "content_policy_violation" => FailureKind::InvalidRequest,
        "authentication_error" | "permission_error" | "permission_denied" if status.is_none() => {
            FailureKind::Unauthorized
        }
        "insufficient_quota" | "quota_exceeded" | "billing_error" => FailureKind::QuotaExceeded,
        "usage_not_included" if is_known_limit => FailureKind::UsageNotIncluded,
        "usage_limit_reached" if is_known_limit => FailureKind::UsageLimitReached,
        "context_length_exceeded" => FailureKind::ContextWindowExceeded,
        _ => return None,
    })
}

/// Returns the meaning of a status alone. Of the 4xx, 408, 409, 425 and 429 are temporary.
fn of_status(status: u16) -> Meaning {
    match status {
        400 | 422 => FailureKind::InvalidRequest.into(),
        401 => FailureKind::Unauthorized.into(),
        402 => FailureKind::QuotaExceeded.into(),
        413 => FailureKind::TooLarge.into(),
        429 => FailureKind::RateLimited.into(),
        500 => FailureKind::InternalServerError.into(),
        _ => Meaning { kind: FailureKind::UnexpectedStatus, retryable: matches!(status, 408 | 409 | 425 | 500..) },
    }
}

/// Returns whether the error means, without its code, that the server does not know the previous response
/// ([docs/differences.md row 58](crate::docs::differences)).
fn is_forgotten_response(body: &ErrorBody) -> bool {
    if body.param.as_deref() == Some("previous_response_id") {
        return true;
    }
    let Some(message) = body.message.as_deref() else { return false };
    let message = message.to_ascii_lowercase();
    let names_it = message.contains("previous_response_id") || message.contains("previous response");
    let forgotten = ["not found", "invalid", "unknown", "expired", "does not exist", "no longer"];
    names_it && forgotten.iter().any(|word| message.contains(word))
}

/// Returns whether a code has the same meaning with any status.
pub(super) fn overrides_status(code: &str) -> bool {
    matches!(
        code,
        "websocket_connection_limit_reached" | "websocket_stream_limit_reached" | "previous_response_not_found"
    )
}

//! Failures that events tell of (`docs/protocol.md` §6.2, §6.3), in whatever shape a server puts them.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::error_body::ErrorBody;
use crate::responses::event::envelope::{Envelope, EventClass, Member};
use crate::responses::failure::{Failure, FailureKind, try_again_in};
use crate::responses::json::members::Members;

const CYBER: &str = "This request has been flagged for possible cybersecurity risk.";
const LIMIT: &str =
    "Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.";

impl Failure {
    /// The failure that an event of the classes [`EventClass::Failed`], [`EventClass::Incomplete`] and [`EventClass::Error`] tells of.
    #[must_use]
    pub fn from_event(envelope: &Envelope<'_>) -> Self {
        let mut failure = match envelope.class() {
            EventClass::Incomplete => incomplete(envelope),
            EventClass::Error => error(envelope),
            EventClass::Failed
            | EventClass::Created
            | EventClass::Informational
            | EventClass::Output
            | EventClass::Completed => failed(envelope),
        };
        failure.raw = Some(envelope.text().to_string());
        failure
    }

    /// A failure of a coded error, as `response.failed` and error frames without a status have it.
    pub(in crate::responses) fn from_code(said: &ErrorBody) -> Self {
        let message = said.message.as_deref().unwrap_or_default();
        let (class, message) = match said.code() {
            "context_length_exceeded" => (FailureKind::ContextWindowExceeded, message),
            "insufficient_quota" => (FailureKind::QuotaExceeded, message),
            "usage_not_included" => (FailureKind::UsageNotIncluded, message),
            "cyber_policy" => (FailureKind::CyberPolicy, said.non_blank().unwrap_or(CYBER)),
            "invalid_prompt" | "bio_policy" => {
                (FailureKind::InvalidRequest, said.message.as_deref().unwrap_or("Invalid request."))
            }
            "server_is_overloaded" | "slow_down" => (FailureKind::Overloaded, message),
            "websocket_connection_limit_reached" => {
                (FailureKind::ConnectionLimit, said.message.as_deref().unwrap_or(LIMIT))
            }
            "previous_response_not_found" => (FailureKind::PreviousResponseNotFound, message),
            "websocket_stream_limit_reached" => (FailureKind::ConnectionLimit, message),
            "invalid_stream_id" => (FailureKind::InvalidRequest, message),
            _ => (FailureKind::Retryable, message),
        };
        let mut failure = Self::new(class, message);
        failure.code.clone_from(&said.code);
        if said.code() == "rate_limit_exceeded" {
            failure.delay = try_again_in(message);
        }
        failure
    }
}

fn failed(envelope: &Envelope<'_>) -> Failure {
    let error = envelope.response().and_then(|response| {
        let pairs = Members::pairs(response).ok()?;
        pairs.into_iter().find(|(key, value)| key == "error" && *value != "null").map(|(_, error)| error)
    });
    // An error that is neither what the protocol says nor has words of its own says nothing (§6.2).
    match error.and_then(ErrorBody::read).filter(|said| said.is_exact || said.message.is_some()) {
        Some(said) => Failure::from_code(&said),
        None => Failure::stream("response.failed event received"),
    }
}

fn incomplete(envelope: &Envelope<'_>) -> Failure {
    let reason = envelope.incomplete_reason();
    let reason = reason.as_deref().unwrap_or("unknown");
    Failure::new(FailureKind::Incomplete, &alloc::format!("Incomplete response returned, reason: {reason}"))
}

/// An `error`: its members in an `error` object, or beside the `type`; with a status, or without.
fn error(envelope: &Envelope<'_>) -> Failure {
    let said = ErrorBody::of(envelope.text()).unwrap_or_default();
    let headers = headers(envelope);
    let fields: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    // Some servers put the status where the code belongs.
    let status = envelope.status().or_else(|| said.code().parse().ok().filter(|code| (400..=599).contains(code)));
    let mut failure = match status {
        Some(status) if !overrides_status(said.code()) => {
            return Failure::from_http(status, &fields, envelope.text(), None, None);
        }
        _ => Failure::from_code(&said),
    };
    failure.status = status;
    failure.details = Box::new(super::details::details(&fields, None));
    if failure.kind == FailureKind::Retryable && said.code() != "rate_limit_exceeded" {
        let class = match said.kind() {
            "invalid_request_error" => FailureKind::InvalidRequest,
            "authentication_error" | "permission_error" => FailureKind::Unauthorized,
            "insufficient_quota" => FailureKind::QuotaExceeded,
            "usage_not_included" => FailureKind::UsageNotIncluded,
            "usage_limit_reached" => {
                super::details::usage_limit(&mut failure.details, &fields, Some(&said));
                FailureKind::UsageLimitReached
            }
            _ => FailureKind::Retryable,
        };
        failure.kind = class;
        failure.retryable = class.is_retryable();
    }
    failure
}

/// Codes that mean the same whatever the status beside them says.
pub(in crate::responses) fn overrides_status(code: &str) -> bool {
    matches!(
        code,
        "websocket_connection_limit_reached" | "websocket_stream_limit_reached" | "previous_response_not_found"
    )
}

/// The headers that an error frame brings, at its top or in its error: strings, numbers and booleans.
fn headers<'a>(envelope: &Envelope<'a>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let inner = || {
        let pairs = Members::pairs(envelope.raw(Member::error)?).ok()?;
        pairs.into_iter().find(|(key, _)| key == "headers").map(|(_, headers)| headers)
    };
    let Some(pairs) = envelope.headers().or_else(inner).and_then(|headers| Members::pairs(headers).ok()) else {
        return Vec::new();
    };
    let scalar = |(name, value): (Cow<'a, str>, &'a str)| match value.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(value).ok().map(|value| (name, Cow::Owned(value))),
        b'[' | b'{' | b'n' => None,
        _ => Some((name, Cow::Borrowed(value))),
    };
    // Names that no header can have are nobody's.
    pairs.into_iter().filter(|(name, _)| is_token(name)).filter_map(scalar).collect()
}

/// A header's name (RFC 9110 §5.6.2).
fn is_token(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

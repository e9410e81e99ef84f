//! `Failure` from an event (`docs/protocol.md` §6.2, §6.3).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::delay::{retry_after, try_again_in};
use super::details::{details, usage_limit};
use super::error_body::ErrorBody;
use super::kind_of::{meaning, overrides_status};
use super::{Failure, FailureDetails, FailureKind};
use crate::responses::event::ResponseMember;
use crate::responses::event::envelope::Member;
use crate::responses::event::{Envelope, EventClass};
use crate::responses::headers::json_fields;
use crate::responses::json::lenient;
use crate::responses::json::members::member;
use crate::truncate::truncated;

pub(super) const CYBER: &str = "This request has been flagged for possible cybersecurity risk.";
const LIMIT: &str =
    "Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.";

/// Maximum length of the message that is taken from an event that cannot be parsed, in bytes.
const MAX_MESSAGE: usize = 512;

impl Failure {
    /// Creates the failure that an event reports: its class is [`EventClass::Failed`], [`EventClass::Error`],
    /// [`EventClass::Incomplete`] and [`EventClass::Cancelled`].
    #[must_use]
    pub fn from_event(envelope: &Envelope<'_>) -> Self {
        let mut failure = match envelope.class() {
            _ if envelope.is_unreadable() => unreadable(envelope),
            EventClass::Incomplete => incomplete(envelope),
            EventClass::Cancelled => Self::new(FailureKind::Cancelled, "the server cancelled the response"),
            EventClass::Error => error(envelope),
            EventClass::Failed
            | EventClass::Created
            | EventClass::Informational
            | EventClass::Output
            | EventClass::Completed => failed(envelope),
        };
        if failure.raw.is_none() {
            failure.raw = Some(envelope.text().to_string());
        }
        failure
    }

    /// Creates the failure of an error without a status.
    fn from_error(body: &ErrorBody) -> Self {
        let meaning = meaning(body, None, false);
        let message = body.message.as_deref().unwrap_or_default();
        let message = match (meaning.kind, body.code()) {
            (FailureKind::CyberPolicy, _) => body.non_blank().unwrap_or(CYBER),
            (FailureKind::InvalidRequest, "invalid_prompt" | "bio_policy") => {
                body.message.as_deref().unwrap_or("Invalid request.")
            }
            (_, "websocket_connection_limit_reached") => body.message.as_deref().unwrap_or(LIMIT),
            _ => message,
        };
        let mut failure = Self::new(meaning.kind, message);
        failure.retryable = meaning.retryable;
        failure.code.clone_from(&body.code);
        failure.details.error_type.clone_from(&body.error_type);
        if body.code() == "rate_limit_exceeded" || body.error_type() == "rate_limit_error" {
            failure.delay = try_again_in(message);
        }
        failure
    }
}

/// Creates the failure of a terminal event that cannot be parsed.
fn unreadable(envelope: &Envelope<'_>) -> Failure {
    let text = envelope.text().trim();
    if envelope.class() == EventClass::Error {
        // The event type was `error`, and the data is its message.
        return Failure::new(FailureKind::Retryable, truncated(text, MAX_MESSAGE));
    }
    Failure::stream(&alloc::format!("the event `{}` cannot be read", envelope.kind()))
}

fn failed(envelope: &Envelope<'_>) -> Failure {
    // Some servers put the error beside the response.
    let of_response = envelope.response_member(ResponseMember::Error);
    let error = of_response.or_else(|| envelope.raw(Member::error));
    // An error without known members and without a message has no information (docs/protocol.md §6.2).
    match error.and_then(ErrorBody::read).filter(|body| body.is_exact || body.message.is_some()) {
        Some(body) => Failure::from_error(&body),
        None => Failure::stream("response.failed event received"),
    }
}

fn incomplete(envelope: &Envelope<'_>) -> Failure {
    let reason = envelope.incomplete_reason();
    let reason = reason.as_deref().unwrap_or("unknown");
    Failure::new(FailureKind::Incomplete, &alloc::format!("Incomplete response returned, reason: {reason}"))
}

/// Creates the failure of an `error` event: its members are in an `error` object or beside the `type`, with or without
/// a status.
fn error(envelope: &Envelope<'_>) -> Failure {
    let body = ErrorBody::of(envelope.text()).unwrap_or_default();
    let headers = headers(envelope);
    let fields: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    // Some servers put the status where the code belongs.
    let status = envelope.status().or_else(|| body.code().parse().ok().filter(|code| (400..=599).contains(code)));
    if let Some(status) = status.filter(|_| !overrides_status(body.code())) {
        return Failure::from_error_body(status, &fields, envelope.text(), &body, None, None);
    }
    let mut failure = Failure::from_error(&body);
    failure.status = status;
    let error_type = failure.details.error_type.take();
    failure.details = Box::new(FailureDetails { error_type, ..details(&fields, None) });
    failure.retryable = failure.details.should_retry.unwrap_or(failure.retryable);
    failure.delay = retry_after(&fields, None).or(failure.delay);
    if failure.kind == FailureKind::UsageLimitReached {
        usage_limit(&mut failure.details, &fields, Some(&body));
    }
    failure
}

/// Returns the headers that an `error` event contains, beside its `type` or in its error, up to their limit:
/// strings, numbers and booleans.
fn headers<'a>(envelope: &Envelope<'a>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let inner = || member(envelope.raw(Member::error)?, "headers");
    let Some(headers) = envelope.headers().or_else(inner) else { return Vec::new() };
    let scalar = |(name, value): (Cow<'a, str>, &'a str)| match value.as_bytes().first()? {
        b'"' => lenient::read::<String>(value).ok().map(|value| (name, Cow::Owned(value))),
        b'[' | b'{' | b'n' => None,
        _ => Some((name, Cow::Borrowed(value))),
    };
    json_fields(headers).filter(|(name, _)| is_token(name)).filter_map(scalar).collect()
}

/// Returns whether the text can be a header name (RFC 9110 §5.6.2).
fn is_token(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

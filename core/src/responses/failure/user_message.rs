//! Messages for users (`docs/protocol.md` §6.5).

use alloc::string::{String, ToString as _};

use crate::responses::failure::{Failure, FailureKind};
use crate::responses::json::iter::members;
use crate::truncate::truncated;

/// Maximum number of bytes of a body that a message shows.
const SHOWN: usize = 1000;

impl Failure {
    /// Returns the message for the user.
    #[must_use]
    pub fn user_text(&self) -> String {
        match self.kind {
            FailureKind::QuotaExceeded => "Quota exceeded. Check your plan and billing details.".into(),
            FailureKind::Stream | FailureKind::Retryable | FailureKind::Build | FailureKind::Incomplete => {
                alloc::format!("stream disconnected before completion: {}", self.message)
            }
            FailureKind::Timeout => "request timed out".into(),
            FailureKind::RateLimited if self.status == Some(429) => {
                let id = self.details.request_id.as_ref().or(self.details.cf_ray.as_ref());
                let mut text = alloc::format!("exceeded retry limit, last status: {}", status(429));
                append(&mut text, ", request id: ", id);
                text
            }
            FailureKind::UnexpectedStatus | FailureKind::Unauthorized | FailureKind::TooLarge
                if self.status.is_some() =>
            {
                self.status_text()
            }
            FailureKind::UsageLimitReached => self.usage_limit_text(),
            FailureKind::ContextWindowExceeded
            | FailureKind::UsageNotIncluded
            | FailureKind::RateLimited
            | FailureKind::Overloaded
            | FailureKind::InternalServerError
            | FailureKind::InvalidImage => self.kind.name().into(),
            FailureKind::CyberPolicy
            | FailureKind::DeadlineExceeded
            | FailureKind::InvalidRequest
            | FailureKind::Connect
            | FailureKind::Tls
            | FailureKind::TooLarge
            | FailureKind::Unauthorized
            | FailureKind::UnexpectedStatus
            | FailureKind::ConnectionLimit
            | FailureKind::Cancelled
            | FailureKind::PreviousResponseNotFound => {
                if self.message.is_empty() {
                    self.kind.name().into()
                } else {
                    self.message.clone()
                }
            }
        }
    }

    /// Returns the first known detail of a usage limit: its name, its type, a promotion, the plan (`docs/protocol.md`
    /// §6.6).
    fn usage_limit_text(&self) -> String {
        let details = &self.details;
        let limits = details.rate_limits.as_ref();
        let name = limits.and_then(|limits| limits.limit_name.as_deref()).filter(|name| *name != "codex");
        let reached = limits.and_then(|limits| limits.reached_type.as_deref());
        if let Some(name) = name {
            return alloc::format!("the usage limit of {name} is reached");
        }
        match reached {
            Some("workspace_owner_credits_depleted") => return "the workspace has no credits left: add some".into(),
            Some("workspace_member_credits_depleted") => {
                return "the workspace has no credits left: ask its owner to add some".into();
            }
            Some("workspace_owner_usage_limit_reached") => {
                return "the workspace's spend cap is reached: raise it".into();
            }
            Some("workspace_member_usage_limit_reached") => {
                return "the spend cap that the workspace's owner set is reached: ask the owner to raise it".into();
            }
            _ => {}
        }
        match (&details.promo, details.plan_type.as_deref()) {
            (Some(promo), _) => alloc::format!("the usage limit is reached: {promo}"),
            (None, Some("free")) => "the usage limit of the free plan is reached: another plan has more".into(),
            (None, Some(plan)) => alloc::format!("the usage limit of the {plan} plan is reached"),
            (None, None) => self.kind.name().into(),
        }
    }

    fn status_text(&self) -> String {
        let body = self.raw.as_deref().unwrap_or_default();
        let code = self.status.unwrap_or_default();
        let mut text = if code == 403 && body.contains("Cloudflare") && body.contains("blocked") {
            "Access blocked by Cloudflare. This usually happens when connecting from a restricted region (status 403 Forbidden)"
                .to_string()
        } else {
            alloc::format!("unexpected status {}: {}", status(code), shown(body))
        };
        let details = &self.details;
        append(&mut text, ", url: ", details.url.as_ref());
        append(&mut text, ", cf-ray: ", details.cf_ray.as_ref());
        append(&mut text, ", request id: ", details.request_id.as_ref());
        append(&mut text, ", auth error: ", details.authorization_error.as_ref());
        append(&mut text, ", auth error code: ", details.identity_error_code.as_ref());
        text
    }
}

/// Returns a status with its phrase (RFC 9110 §15 and the registry).
fn status(code: u16) -> String {
    let phrase = match code {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Payload Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "<unknown status code>",
    };
    alloc::format!("{code} {phrase}")
}

/// Returns the message in a JSON body, or the body, truncated.
fn shown(body: &str) -> String {
    let message = || {
        let error = member(body, "error")?;
        serde_json::from_str::<String>(member(error, "message")?).ok()
    };
    let text = message().map(|message| message.trim().to_string()).filter(|message| !message.is_empty());
    let text = text.unwrap_or_else(|| body.trim().to_string());
    if text.is_empty() {
        return "Unknown error".into();
    }
    if text.len() <= SHOWN {
        return text;
    }
    alloc::format!("{}...", truncated(&text, SHOWN))
}

fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    members(object).find(|(key, _)| key == name).map(|(_, value)| value)
}

fn append(text: &mut String, before: &str, value: Option<&String>) {
    if let Some(value) = value {
        text.push_str(before);
        text.push_str(value);
    }
}

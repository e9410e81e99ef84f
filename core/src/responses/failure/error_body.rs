//! `ErrorBody`: the members of an error, as HTTP bodies, `error` events and failed responses contain them.

use alloc::string::{String, ToString as _};

use crate::responses::json::iter::{each_member, members};
use crate::responses::json::lenient;
use crate::responses::limits;

/// The members of an error, in any of its shapes.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    pub(super) code: Option<String>,
    pub(super) error_type: Option<String>,
    pub(super) message: Option<String>,
    pub(super) param: Option<String>,
    pub(super) plan_type: Option<String>,
    pub(super) resets_at: Option<i64>,
    /// Each member has the type that the protocol gives it.
    pub(super) is_exact: bool,
}

impl ErrorBody {
    /// Reads an error: an object, or a string that is its message.
    pub(super) fn read(json: &str) -> Option<Self> {
        if json.starts_with('"') {
            return Some(Self { message: scalar_text(json), ..Self::default() });
        }
        let mut body = Self { is_exact: true, ..Self::default() };
        each_member(json, |_, _| ()).ok()?;
        for (key, value) in members(json).filter(|(_, value)| *value != "null") {
            let slot = match &*key {
                "code" => &mut body.code,
                "type" => &mut body.error_type,
                "message" => &mut body.message,
                "param" => &mut body.param,
                "plan_type" => &mut body.plan_type,
                "resets_at" => {
                    body.resets_at = value.parse().ok();
                    body.is_exact &= body.resets_at.is_some();
                    continue;
                }
                _ => continue,
            };
            body.is_exact &= value.starts_with('"');
            *slot = scalar_text(value);
        }
        for name in [&mut body.code, &mut body.error_type, &mut body.param, &mut body.plan_type].into_iter().flatten() {
            name.truncate(limits::name(name).len());
        }
        Some(body)
    }

    /// Reads the body of a response or an event, which contains the error as `error`, or is the error.
    pub(super) fn of(json: &str) -> Option<Self> {
        each_member(json, |_, _| ()).ok()?;
        let get = |name: &str| {
            members(json).filter(|(key, value)| key == name && *value != "null").last().map(|(_, value)| value)
        };
        // Other servers than OpenAI's have the message as `detail` or `details`, possibly structured.
        let detail = || {
            let json = get("detail").or_else(|| get("details"))?;
            Some(scalar_text(json).unwrap_or_else(|| limits::message(json).to_string()))
        };
        let Some(error) = get("error") else {
            let mut body = Self::read(json)?;
            // This is the type of the event.
            body.error_type = body.error_type.filter(|kind| kind != "error");
            body.message = body.message.or_else(detail);
            return Some(body);
        };
        let mut body = Self::read(error)?;
        body.code = body.code.or_else(|| scalar_text(get("code")?));
        if let Some(message) = get("message").and_then(scalar_text) {
            if error.starts_with('"') {
                // `error` is a type, and `message` the message.
                body.error_type = body.message.replace(message);
            } else if body.message.is_none() {
                body.message = Some(message);
            }
        }
        body.message = body.message.or_else(detail);
        Some(body)
    }

    pub(super) fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    pub(super) fn error_type(&self) -> &str {
        self.error_type.as_deref().unwrap_or_default()
    }

    /// Returns the message, unless it is blank.
    pub(super) fn non_blank(&self) -> Option<&str> {
        self.message.as_deref().filter(|message| !message.trim().is_empty())
    }
}

/// Returns the text of a string, or of a number as written.
fn scalar_text(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => {
            let text: String = lenient::read(json).ok()?;
            Some(if text.len() > limits::MESSAGE { limits::message(&text).to_string() } else { text })
        }
        b'0'..=b'9' | b'-' => Some(limits::message(json).to_string()),
        _ => None,
    }
}

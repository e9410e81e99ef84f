//! `ErrorBody`: the members of an error, as HTTP bodies, `error` events and failed responses contain them.

use alloc::string::{String, ToString as _};

use crate::responses::json::iter::each_member;
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

/// The members of a body that concern its error.
const BESIDE: [&str; 5] = ["error", "code", "message", "detail", "details"];

impl ErrorBody {
    /// Reads an error: an object, or a string that is its message.
    pub(super) fn read(json: &str) -> Option<Self> {
        if json.starts_with('"') {
            return Some(Self { message: scalar_text(json), ..Self::default() });
        }
        let mut body = Self { is_exact: true, ..Self::default() };
        each_member(json, |key, value| body.set(&key, value)).ok()?;
        for name in [&mut body.code, &mut body.error_type, &mut body.param, &mut body.plan_type].into_iter().flatten() {
            name.truncate(limits::name(name).len());
        }
        Some(body)
    }

    /// Sets a member, if the value is not `null`. Others than those of an error change nothing.
    fn set(&mut self, key: &str, value: &str) {
        let slot = match key {
            _ if value == "null" => return,
            "code" => &mut self.code,
            "type" => &mut self.error_type,
            "message" => &mut self.message,
            "param" => &mut self.param,
            "plan_type" => &mut self.plan_type,
            "resets_at" => {
                self.resets_at = value.parse().ok();
                self.is_exact &= self.resets_at.is_some();
                return;
            }
            _ => return,
        };
        self.is_exact &= value.starts_with('"');
        *slot = scalar_text(value);
    }

    /// Reads the body of a response or an event, which contains the error as `error`, or is the error.
    pub(super) fn of(json: &str) -> Option<Self> {
        // In one pass, because a hostile event may be long: of each member, the last one counts that is not `null`.
        let mut found = [None; BESIDE.len()];
        each_member(json, |key, value| {
            if let Some(at) = BESIDE.iter().position(|name| key == *name).filter(|_| value != "null") {
                found[at] = Some(value);
            }
        })
        .ok()?;
        let [error, code, message, detail, details] = found;
        // Other servers than OpenAI's have the message as `detail` or `details`, possibly structured.
        let detail = || {
            let json = detail.or(details)?;
            Some(scalar_text(json).unwrap_or_else(|| limits::message(json).to_string()))
        };
        let Some(error) = error else {
            let mut body = Self::read(json)?;
            // This is the type of the event.
            body.error_type = body.error_type.filter(|kind| kind != "error");
            body.message = body.message.or_else(detail);
            return Some(body);
        };
        let mut body = Self::read(error)?;
        body.code = body.code.or_else(|| scalar_text(code?));
        if let Some(message) = message.and_then(scalar_text) {
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

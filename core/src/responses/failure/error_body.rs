//! `ErrorBody`: the members of an error, as HTTP bodies, `error` events and failed responses contain them.

use alloc::string::String;

use crate::responses::json::members::Members;

/// The members of an error, wherever they were.
#[derive(Debug, Default)]
pub(in crate::responses) struct ErrorBody {
    pub(in crate::responses) code: Option<String>,
    pub(in crate::responses) kind: Option<String>,
    pub(in crate::responses) message: Option<String>,
    pub(in crate::responses) plan_type: Option<String>,
    pub(in crate::responses) resets_at: Option<i64>,
    /// Each member has the type that the protocol gives it.
    pub(in crate::responses) is_exact: bool,
}

impl ErrorBody {
    /// Reads an error: an object, or a string that is its message.
    pub(in crate::responses) fn read(json: &str) -> Option<Self> {
        if json.starts_with('"') {
            return Some(Self { message: serde_json::from_str(json).ok(), ..Self::default() });
        }
        let pairs = Members::pairs(json).ok()?;
        let mut said = Self { is_exact: true, ..Self::default() };
        for (key, value) in pairs.iter().filter(|(_, value)| *value != "null") {
            let slot = match &**key {
                "code" => &mut said.code,
                "type" => &mut said.kind,
                "message" => &mut said.message,
                "plan_type" => &mut said.plan_type,
                "resets_at" => {
                    said.resets_at = value.parse().ok();
                    said.is_exact &= said.resets_at.is_some();
                    continue;
                }
                _ => continue,
            };
            said.is_exact &= value.starts_with('"');
            *slot = scalar_text(value);
        }
        Some(said)
    }

    /// Reads the body of a response or an event, which contains the error as `error`, or is the error.
    pub(in crate::responses) fn of(json: &str) -> Option<Self> {
        let pairs = Members::pairs(json).ok()?;
        let get =
            |name: &str| pairs.iter().find(|(key, value)| key == name && *value != "null").map(|(_, value)| *value);
        let flat = || {
            let mut said = Self::read(json)?;
            // This is the type of the event.
            said.kind = said.kind.filter(|kind| kind != "error");
            said.message = said.message.or_else(|| scalar_text(get("detail")?));
            Some(said)
        };
        let Some(error) = get("error") else { return flat() };
        let mut said = Self::read(error)?;
        said.code = said.code.or_else(|| scalar_text(get("code")?));
        if let Some(message) = get("message").and_then(scalar_text) {
            if error.starts_with('"') {
                // `error` is a code in words, and `message` the message.
                said.kind = said.message.replace(message);
            } else if said.message.is_none() {
                said.message = Some(message);
            }
        }
        Some(said)
    }

    pub(in crate::responses) fn code(&self) -> &str {
        self.code.as_deref().unwrap_or_default()
    }

    pub(in crate::responses) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    pub(in crate::responses) fn non_blank(&self) -> Option<&str> {
        self.message.as_deref().filter(|message| !message.trim().is_empty())
    }
}

/// The text of a string, or of a number as it was written.
fn scalar_text(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'0'..=b'9' | b'-' => Some(json.into()),
        _ => None,
    }
}

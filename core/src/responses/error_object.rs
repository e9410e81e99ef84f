//! Errors as a server sends them: in the body of a response, in an event, in a failed response
//! ([docs/protocol.md §6](crate::docs::protocol#6-errors)).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::json::lenient::text_or_json;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, serde_by_text};

/// An error to be sent. Unset members are omitted.
///
/// ```
/// use turnwire::responses::ErrorObject;
///
/// let error = ErrorObject::new("invalid_prompt", "No.").of_type("invalid_request_error");
/// assert_eq!(
///     error.to_raw().as_str(),
///     r#"{"type":"invalid_request_error","code":"invalid_prompt","message":"No."}"#
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorObject {
    /// Its `type`: `invalid_request_error`, `usage_limit_reached`.
    pub kind: Option<String>,
    /// Its code: `rate_limit_exceeded`, `previous_response_not_found`.
    pub code: Option<String>,
    /// The message.
    pub message: Option<String>,
    /// The member of the request that caused the error.
    pub param: Option<String>,
    /// The plan, for a usage limit.
    pub plan_type: Option<String>,
    /// When the limit resets, in Unix seconds.
    pub resets_at: Option<i64>,
    /// More members.
    pub extra: ExtraMembers,
}

impl ErrorObject {
    /// Reads an error: an object, or a string that is its message. A code that is a number is read as its text; any other member
    /// of another type is kept in `extra`.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] when the text is neither.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        if let Some(message) = JsonValue::read(json) {
            return Ok(Self { message: Some(message), ..Self::default() });
        }
        let mut members = Members::untyped(json)?;
        let code: Option<RawJson<'static>> = members.optional_value("code");
        let mut error = Self {
            kind: members.optional_value("type"),
            message: members.optional_value("message"),
            param: members.optional_value("param"),
            plan_type: members.optional_value("plan_type"),
            resets_at: members.optional_value("resets_at"),
            ..Self::default()
        };
        error.extra = members.rest();
        match code {
            Some(code) if code.as_str().starts_with(['{', '[']) => error.extra.push(("code".into(), code)),
            Some(code) => error.code = Some(text_or_json(code.as_str())),
            None => {}
        }
        Ok(error)
    }

    /// Returns the error for a request that continues a response which the server does not know.
    #[must_use]
    pub fn previous_response_not_found(id: &str) -> Self {
        let message = format!("Previous response with id '{id}' not found.");
        Self::invalid_request("previous_response_not_found", "previous_response_id", &message)
    }

    /// Returns the error for a request with the output of a call that its conversation does not have, or that has an output.
    #[must_use]
    pub fn no_such_call(call_id: &str) -> Self {
        let message = format!("No tool call found for function call output with call_id {call_id}.");
        Self::invalid_request("no_such_call", "input", &message)
    }

    fn invalid_request(code: &str, param: &str, message: &str) -> Self {
        let error = Self::new(code, message).of_type("invalid_request_error");
        Self { param: Some(param.into()), ..error }
    }

    /// Returns the error as JSON.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        let mut out = Vec::new();
        self.encode(&mut out);
        RawJson::written(out)
    }

    /// Creates an error with this code.
    #[must_use]
    pub fn new(code: &str, message: &str) -> Self {
        Self { code: Some(code.into()), message: Some(message.into()), ..Self::default() }
    }

    /// Sets the `type`.
    #[must_use]
    pub fn of_type(mut self, kind: &str) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Appends the object.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        self.members(&mut object);
        object.end();
    }

    /// Appends the body of a response.
    pub fn encode_body(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        self.encode(object.key("error"));
        object.end();
    }

    /// Writes the members of the object.
    pub(in crate::responses) fn members(&self, object: &mut Object<'_>) {
        object.optional("type", self.kind.as_deref());
        object.optional("code", self.code.as_deref());
        object.optional("message", self.message.as_deref());
        object.optional("param", self.param.as_deref());
        object.optional("plan_type", self.plan_type.as_deref());
        if let Some(resets_at) = self.resets_at {
            object.integer("resets_at", resets_at);
        }
        object.extra(&self.extra);
    }
}

impl JsonValue for ErrorObject {
    fn read(json: &str) -> Option<Self> {
        Self::parse(json).ok()
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }
}

serde_by_text!(ErrorObject);

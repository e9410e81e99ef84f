//! Errors in the format of the public API: with `type`, `code`, `param` and `message`.

use std::borrow::Cow;

use serde_json::{Value, json};
use turnwire::responses::ErrorObject;

use super::action::{Action, Plan};
use super::server::{respond_json, with_lane};

/// An error, with the status that an HTTP response has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    kind: &'static str,
    code: Cow<'static, str>,
    param: Option<Cow<'static, str>>,
    message: String,
}

impl ApiError {
    fn new(status: u16, code: &'static str, param: Option<&'static str>, message: String) -> Self {
        Self { status, kind: "invalid_request_error", code: code.into(), param: param.map(Cow::from), message }
    }

    pub(super) fn invalid(reason: &str) -> Self {
        Self::new(400, "invalid_request", None, reason.to_owned())
    }

    pub(super) fn invalid_value(param: &'static str, reason: &str) -> Self {
        Self::new(400, "invalid_value", Some(param), reason.to_owned())
    }

    pub(super) fn missing(param: &'static str) -> Self {
        Self::new(400, "missing_required_parameter", Some(param), format!("the required member `{param}` is missing"))
    }

    /// An error of the core about a request.
    pub(super) fn of(error: &ErrorObject) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let param = error.param.clone().map(Cow::from);
        let kind = "invalid_request_error";
        Self { status: 400, kind, code: text(&error.code).into(), param, message: text(&error.message) }
    }

    pub(super) fn response_not_found(id: &str) -> Self {
        Self::new(404, "response_not_found", Some("response_id"), format!("Response with id '{id}' not found."))
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "not_found", None, "unknown path".to_owned())
    }

    pub(super) fn forbidden_origin() -> Self {
        let message = "pages of this origin may not use the server; --cors ORIGIN allows them".to_owned();
        Self::new(403, "forbidden_origin", None, message)
    }

    pub(super) fn chaos(status: u16) -> Self {
        let kind = if status == 429 { "rate_limit_error" } else { "server_error" };
        let code = if status == 429 { "rate_limit_exceeded" } else { "server_error" };
        Self { kind, ..Self::new(status, code, None, "a fault of --chaos".to_owned()) }
    }

    pub(super) fn no_exchange() -> Self {
        Self::new(404, "no_exchange", None, "the recording has no request like this one".to_owned())
    }

    pub(super) fn too_many_responses() -> Self {
        let message = "too many responses are incomplete".to_owned();
        Self { kind: "rate_limit_error", ..Self::new(429, "rate_limit_exceeded", None, message) }
    }

    pub(super) fn overloaded() -> Self {
        let message = "the server's memory for responses is used up".to_owned();
        Self { kind: "server_error", ..Self::new(503, "server_is_overloaded", None, message) }
    }

    /// Returns the error object.
    pub(super) fn object(&self) -> Value {
        json!({"type": self.kind, "code": self.code, "param": self.param, "message": self.message})
    }

    /// Returns the response over HTTP.
    pub(super) fn respond(&self) -> Plan {
        respond_json(self.status, &json!({"error": self.object()}))
    }

    /// Returns the event on a WebSocket, on this lane.
    pub(super) fn event(&self, lane: Option<&str>) -> Action {
        Action::Send(error_event(self.status, &self.object(), lane).into())
    }
}

/// Returns an error event, on the lane of the request if it names one.
pub(super) fn error_event(status: u16, error: &Value, lane: Option<&str>) -> String {
    with_lane(json!({"type": "error", "status": status, "error": error}), lane).to_string()
}

//! Headers that a server sends with a response, or with an accepted handshake
//! ([docs/protocol.md §5.2](crate::docs::protocol#52-prelude-events-before-any-bodyframe-is-processed),
//! [§5.6](crate::docs::protocol#56-safety-buffering), [§8](crate::docs::protocol#8-turn-state)).

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use crate::responses::TURN_STATE;
use crate::responses::rate_limit::RateLimits;

/// The headers before a response. Unset ones are omitted. `Debug` does not show the turn token.
///
/// ```
/// use turnwire::responses::ResponseHeaders;
///
/// let mut headers = ResponseHeaders::default();
/// headers.model = Some("gpt-x".into());
/// assert_eq!(headers.fields(), [("openai-model".to_string(), "gpt-x".to_string())]);
/// ```
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ResponseHeaders {
    /// The model of the response.
    pub model: Option<String>,
    /// The rate limits; parsed from responses only, not from handshakes.
    pub rate_limits: Vec<RateLimits>,
    /// The ETag of the model catalogue.
    pub models_etag: Option<String>,
    /// Whether reasoning tokens are included.
    pub reasoning_included: bool,
    /// The turn token; parsed from responses only, not from handshakes.
    pub turn_state: Option<String>,
    /// The model that would respond sooner, while a response is held back for safety; parsed from responses only.
    pub faster_model: Option<String>,
    /// The request id.
    pub request_id: Option<String>,
}

impl ResponseHeaders {
    /// Returns the headers.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        let mut push = |name: &str, value: Option<&str>| {
            fields.extend(value.map(|value| (name.to_string(), value.to_string())));
        };
        push("x-request-id", self.request_id.as_deref());
        push("openai-model", self.model.as_deref());
        push("x-models-etag", self.models_etag.as_deref());
        push("x-reasoning-included", self.reasoning_included.then_some("true"));
        push(TURN_STATE, self.turn_state.as_deref());
        push("x-codex-safety-buffering-enabled", self.faster_model.is_some().then_some("true"));
        push("x-codex-safety-buffering-faster-model", self.faster_model.as_deref());
        fields.extend(self.rate_limits.iter().flat_map(RateLimits::to_headers));
        fields
    }
}

impl fmt::Debug for ResponseHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prelude")
            .field("model", &self.model)
            .field("rate_limits", &self.rate_limits)
            .field("models_etag", &self.models_etag)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

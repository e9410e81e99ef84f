//! What a server says in the head of a response, or of an accepted handshake
//! ([docs/protocol.md §5.2](crate::docs::protocol#52-prelude-events-before-any-bodyframe-is-processed),
//! [§5.6](crate::docs::protocol#56-safety-buffering), [§8](crate::docs::protocol#8-turn-state)).

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use crate::responses::TURN_STATE;
use crate::responses::rate_limit::RateLimits;

/// The headers before a response. What is unset is left out. `Debug` does not show the token.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ResponseHeaders {
    /// The model that answers.
    pub model: Option<String>,
    /// How much of the limits is used; read from responses only, not from handshakes.
    pub rate_limits: Vec<RateLimits>,
    /// The tag of the model catalogue.
    pub models_etag: Option<String>,
    /// Whether reasoning tokens are counted in.
    pub reasoning_included: bool,
    /// The turn's token; read from responses only, not from handshakes.
    pub turn_state: Option<String>,
    /// The model that would answer sooner, while an answer is held back for safety; read from responses only.
    pub faster_model: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
}

impl ResponseHeaders {
    /// The headers.
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

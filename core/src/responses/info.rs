//! Information in headers and payloads besides the events: the model, limits, verifications, moderation, buffering
//! (`docs/protocol.md` §5.2–§5.6).

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::responses::event::envelope::{Envelope, Member};
use crate::responses::headers::{HeaderPairs, field, json_field, json_fields};
use crate::responses::json::iter::{elements, members};
use crate::responses::json::lenient;
use crate::responses::json::raw::RawJson;
use crate::responses::limits;
use crate::responses::rate_limit::{RATE_LIMITS, RateLimits};

const MODEL: [&str; 2] = ["openai-model", "x-openai-model"];
const MODELS_ETAG: &str = "x-models-etag";
const REASONING_INCLUDED: &str = "x-reasoning-included";
const BUFFERING_ENABLED: &str = "x-codex-safety-buffering-enabled";
const BUFFERING_MODEL: &str = "x-codex-safety-buffering-faster-model";

/// The headers of a handshake that [`ResponseInfoTracker::prelude`] reads. They apply to each request of the connection.
pub(crate) const HANDSHAKE_HEADERS: [&str; 3] = [MODEL[0], MODELS_ETAG, REASONING_INCLUDED];

/// The only known verification.
const TRUSTED_ACCESS: &str = "trusted_access_for_cyber";

/// Information about a response that is not part of its output.
#[expect(clippy::large_enum_variant, reason = "a response has few of them, and none is kept")]
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ResponseInfo<'a> {
    /// The model of the response, if it differs from the one reported before.
    Model(Cow<'a, str>),
    /// A snapshot of the rate limits.
    RateLimits(RateLimits),
    /// The ETag of the model catalogue; a change means that the catalogue has changed.
    ModelsEtag(Cow<'a, str>),
    /// The server includes reasoning tokens (`x-reasoning-included`, with any value).
    ReasoningIncluded,
    /// Verifications that the server recommends, without duplicates.
    Verifications(Vec<String>),
    /// The moderation of the turn, as JSON, which may be `null`.
    Moderation(RawJson<'a>),
    /// The response is held back for safety.
    SafetyBuffering(SafetyBuffering),
}

/// A response that is held back (`docs/protocol.md` §5.6).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SafetyBuffering {
    /// The use cases.
    pub use_cases: Vec<String>,
    /// The reasons.
    pub reasons: Vec<String>,
    /// The model that would respond sooner.
    pub faster_model: Option<String>,
}

/// The source of the headers before a response, which decides which of them count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSource {
    /// The head of an HTTP response.
    Response,
    /// The head that accepted a WebSocket handshake; repeated for each request of the connection.
    Handshake,
}

/// The information derived from one response so far.
///
/// ```
/// use turnwire::responses::{HeaderSource, ResponseInfo, ResponseInfoTracker};
///
/// let mut tracker = ResponseInfoTracker::default();
/// let infos = tracker.prelude(HeaderSource::Response, &[("openai-model", "gpt-x")]);
/// assert_eq!(infos, [ResponseInfo::Model("gpt-x".into())]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ResponseInfoTracker {
    model: Option<String>,
    faster_model: Option<String>,
}

impl ResponseInfoTracker {
    /// Returns the information in headers before any event (`docs/protocol.md` §5.2), in the protocol's order.
    pub fn prelude<'a>(&mut self, origin: HeaderSource, fields: HeaderPairs<'a>) -> Vec<ResponseInfo<'a>> {
        let mut derived = Vec::new();
        if let Some(model) = field(fields, MODEL[0]) {
            self.model = Some(model.to_string());
            derived.push(ResponseInfo::Model(Cow::Borrowed(model)));
        }
        if origin == HeaderSource::Response {
            derived.extend(RateLimits::from_headers(fields).into_iter().map(ResponseInfo::RateLimits));
            self.faster_model = field(fields, BUFFERING_MODEL).map(String::from);
        }
        if let Some(etag) = field(fields, MODELS_ETAG) {
            derived.push(ResponseInfo::ModelsEtag(Cow::Borrowed(etag)));
        }
        // Any value counts (docs/protocol.md §5.2).
        if fields.iter().any(|(name, _)| name.eq_ignore_ascii_case(REASONING_INCLUDED)) {
            derived.push(ResponseInfo::ReasoningIncluded);
        }
        derived
    }

    /// Returns the information in a payload besides its event (`docs/protocol.md` §5.3), in the protocol's order.
    /// Allocates only if there is any.
    pub fn observe<'a>(&mut self, origin: HeaderSource, envelope: &Envelope<'a>) -> Vec<ResponseInfo<'a>> {
        let mut derived = Vec::new();
        if origin == HeaderSource::Handshake {
            self.treat(envelope);
            if envelope.kind() == RATE_LIMITS {
                // This event contains nothing else, even if its limits cannot be parsed (docs/protocol.md §7.4).
                derived.extend(RateLimits::from_event(envelope).map(ResponseInfo::RateLimits));
                return derived;
            }
        }
        if let Some(model) = self.new_model(envelope) {
            derived.push(ResponseInfo::Model(Cow::Owned(model)));
        }
        if envelope.kind() == "response.metadata" {
            metadata(envelope, &mut derived);
        }
        derived.extend(self.buffering(envelope).map(ResponseInfo::SafetyBuffering));
        derived
    }

    /// Returns a model that was not reported before, by a header or by a payload.
    fn new_model(&mut self, envelope: &Envelope<'_>) -> Option<String> {
        let inner = envelope.response().filter(|response| response.contains("\"headers\"")).and_then(|response| {
            let (_, headers) = members(response).find(|(key, _)| key == "headers")?;
            json_field(headers, &MODEL)
        });
        let model = inner.or_else(|| json_field(envelope.headers()?, &MODEL))?;
        if model.len() > limits::NAME || self.model.as_ref() == Some(&model) {
            return None;
        }
        self.model = Some(model.clone());
        Some(model)
    }

    /// Over WebSocket, events report the treatment: each one replaces it completely (`docs/protocol.md` §5.6).
    fn treat(&mut self, envelope: &Envelope<'_>) {
        let Some(headers) = envelope.headers() else { return };
        let get =
            |name: &str| json_fields(headers).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let scalar = |value: &str| match value.as_bytes().first() {
            Some(b'"') => lenient::read(value).ok(),
            Some(b'[' | b'{' | b'n') | None => None,
            Some(_) => Some(value.to_string()),
        };
        let model = get(BUFFERING_MODEL).and_then(scalar);
        if model.is_some() || get(BUFFERING_ENABLED).and_then(scalar).is_some() {
            self.faster_model = model;
        }
    }

    fn buffering(&self, envelope: &Envelope<'_>) -> Option<SafetyBuffering> {
        let object = envelope.raw(Member::safety_buffering).filter(|value| value.starts_with('{'))?;
        let (mut use_cases, mut reasons, mut faster_model) = (None, None, self.faster_model.clone());
        for (name, value) in members(object) {
            match &*name {
                "use_cases" => use_cases = words(value),
                "reasons" => reasons = words(value),
                // A model that is `null` also replaces the one of the headers.
                "retry_model" => faster_model = lenient::read(value).ok()?,
                _ => {}
            }
        }
        Some(SafetyBuffering { use_cases: use_cases?, reasons: reasons?, faster_model })
    }
}

/// Returns the strings of an array, up to their limit. `None` for anything else.
fn words(array: &str) -> Option<Vec<String>> {
    let strings = elements(array).take(limits::WORDS).map(|word| lenient::read(word).ok());
    if array.starts_with('[') { strings.collect() } else { None }
}

fn metadata<'a>(envelope: &Envelope<'a>, derived: &mut Vec<ResponseInfo<'a>>) {
    let Some(metadata) = envelope.raw(Member::metadata) else { return };
    let get = |name: &str| members(metadata).filter(|(key, _)| key == name).last().map(|(_, value)| value);
    let is_trusted_access = |word: &str| lenient::read::<String>(word).is_ok_and(|word| word == TRUSTED_ACCESS);
    if get("openai_verification_recommendation").is_some_and(|words| elements(words).any(is_trusted_access)) {
        derived.push(ResponseInfo::Verifications(alloc::vec![TRUSTED_ACCESS.into()]));
    }
    if let Some(moderation) = get("openai_chatgpt_moderation_metadata") {
        derived.push(ResponseInfo::Moderation(RawJson::trusted(moderation)));
    }
}

impl ResponseInfo<'_> {
    /// Copies the information, so that it owns its text.
    #[must_use]
    pub fn into_owned(self) -> ResponseInfo<'static> {
        match self {
            Self::Model(model) => ResponseInfo::Model(Cow::Owned(model.into_owned())),
            Self::RateLimits(limits) => ResponseInfo::RateLimits(limits),
            Self::ModelsEtag(etag) => ResponseInfo::ModelsEtag(Cow::Owned(etag.into_owned())),
            Self::ReasoningIncluded => ResponseInfo::ReasoningIncluded,
            Self::Verifications(words) => ResponseInfo::Verifications(words),
            Self::Moderation(raw) => ResponseInfo::Moderation(raw.into_owned()),
            Self::SafetyBuffering(buffering) => ResponseInfo::SafetyBuffering(buffering),
        }
    }
}

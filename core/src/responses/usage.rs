//! Token counts.

use serde_core::de::Error as _;
use serde_core::{Deserialize, Serialize};

use crate::by_members::serialize_by_members;
use crate::responses::json::iter::{each_member, members};
use crate::responses::json::lenient;
use crate::responses::json::members::member;
use crate::responses::json::raw::RawJson;

/// Token counts of a response. Missing details are 0.
///
/// ```
/// use turnwire::responses::Usage;
///
/// let usage = Usage::new(12, 3).cached(4);
/// assert_eq!(usage.total_tokens, 15);
/// assert_eq!(serde_json::from_str::<Usage>(&serde_json::to_string(&usage).unwrap()).unwrap(), usage);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the input.
    pub input_tokens: i64,
    /// Of these, tokens that were in the prompt cache.
    pub cached_tokens: i64,
    /// Of these, tokens that were written to the prompt cache.
    pub cache_write_tokens: i64,
    /// Tokens of the output.
    pub output_tokens: i64,
    /// Of these, tokens of reasoning.
    pub reasoning_tokens: i64,
    /// All tokens.
    pub total_tokens: i64,
}

impl Usage {
    /// Creates counts without details.
    #[must_use]
    pub const fn new(input_tokens: i64, output_tokens: i64) -> Self {
        Self {
            input_tokens,
            cached_tokens: 0,
            cache_write_tokens: 0,
            output_tokens,
            reasoning_tokens: 0,
            total_tokens: input_tokens.saturating_add(output_tokens),
        }
    }

    /// Sets the number of cached input tokens.
    #[must_use]
    pub const fn cached(mut self, cached_tokens: i64) -> Self {
        self.cached_tokens = cached_tokens;
        self
    }
}

impl Usage {
    /// Parses the `usage` of a response, each count by itself: a count that is missing or cannot be parsed is 0, and a
    /// missing total is the sum of input and output. Returns `None` if no count can be parsed.
    pub(in crate::responses) fn read(json: &str) -> Option<Self> {
        each_member(json, |_, _| ()).ok()?;
        let get = |name: &str| members(json).filter(|(key, _)| key == name).last().map(|(_, value)| value);
        let counts = ["input_tokens", "output_tokens", "total_tokens"].map(|name| get(name).and_then(lenient::count));
        let detail = |details: &str, name: &str| lenient::count(member(get(details)?, name)?);
        if counts.iter().all(Option::is_none) {
            return None;
        }
        let [input_tokens, output_tokens, total_tokens] = counts;
        let (input_tokens, output_tokens) = (input_tokens.unwrap_or(0), output_tokens.unwrap_or(0));
        Some(Self {
            input_tokens,
            cached_tokens: detail("input_tokens_details", "cached_tokens").unwrap_or(0),
            cache_write_tokens: detail("input_tokens_details", "cache_write_tokens").unwrap_or(0),
            output_tokens,
            reasoning_tokens: detail("output_tokens_details", "reasoning_tokens").unwrap_or(0),
            total_tokens: total_tokens.unwrap_or_else(|| input_tokens.saturating_add(output_tokens)),
        })
    }
}

/// Returns the counts as `response.usage` contains them ([docs/protocol.md
/// §5.4](crate::docs::protocol#54-event-table)).
struct EncodedUsage {
    input_tokens: i64,
    input_tokens_details: InputDetails,
    output_tokens: i64,
    output_tokens_details: OutputDetails,
    total_tokens: i64,
}

struct InputDetails {
    cached_tokens: i64,
    cache_write_tokens: i64,
}

struct OutputDetails {
    reasoning_tokens: i64,
}

serialize_by_members! {
    EncodedUsage { input_tokens, input_tokens_details, output_tokens, output_tokens_details, total_tokens }
}

serialize_by_members! { InputDetails { cached_tokens, cache_write_tokens } }

serialize_by_members! { OutputDetails { reasoning_tokens } }

impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawJson::deserialize(deserializer)?;
        Self::read(raw.as_str()).ok_or_else(|| D::Error::custom("usage without a count"))
    }
}

impl Serialize for Usage {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (cached_tokens, cache_write_tokens) = (self.cached_tokens, self.cache_write_tokens);
        EncodedUsage {
            input_tokens: self.input_tokens,
            input_tokens_details: InputDetails { cached_tokens, cache_write_tokens },
            output_tokens: self.output_tokens,
            output_tokens_details: OutputDetails { reasoning_tokens: self.reasoning_tokens },
            total_tokens: self.total_tokens,
        }
        .serialize(serializer)
    }
}

//! Token counts.

use serde::{Deserialize, Serialize};

/// What a response cost, in tokens. Details that were not sent are 0.
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
    /// Counts without details.
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

    /// The same with this many of the input tokens cached.
    #[must_use]
    pub const fn cached(mut self, cached_tokens: i64) -> Self {
        self.cached_tokens = cached_tokens;
        self
    }
}

/// As it stands in `response.usage` (`docs/protocol.md` §5.4).
#[derive(Serialize, Deserialize)]
struct ItemEncoding {
    input_tokens: i64,
    #[serde(default)]
    input_tokens_details: Option<InputDetails>,
    output_tokens: i64,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
    total_tokens: i64,
}

#[derive(Serialize, Deserialize)]
struct InputDetails {
    cached_tokens: i64,
    #[serde(default)]
    cache_write_tokens: i64,
}

#[derive(Serialize, Deserialize)]
struct OutputDetails {
    reasoning_tokens: i64,
}

impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = ItemEncoding::deserialize(deserializer)?;
        let (cached_tokens, cache_write_tokens) =
            wire.input_tokens_details.map_or((0, 0), |details| (details.cached_tokens, details.cache_write_tokens));
        Ok(Self {
            input_tokens: wire.input_tokens,
            cached_tokens,
            cache_write_tokens,
            output_tokens: wire.output_tokens,
            reasoning_tokens: wire.output_tokens_details.map_or(0, |details| details.reasoning_tokens),
            total_tokens: wire.total_tokens,
        })
    }
}

impl Serialize for Usage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ItemEncoding {
            input_tokens: self.input_tokens,
            input_tokens_details: Some(InputDetails {
                cached_tokens: self.cached_tokens,
                cache_write_tokens: self.cache_write_tokens,
            }),
            output_tokens: self.output_tokens,
            output_tokens_details: Some(OutputDetails { reasoning_tokens: self.reasoning_tokens }),
            total_tokens: self.total_tokens,
        }
        .serialize(serializer)
    }
}

//! Builder methods of the members that the reference client sends. The declaration generates those of the others.

use alloc::string::String;

use super::create_response::CreateResponse;
use super::reasoning_options::ReasoningOptions;
use super::settings::StreamOptions;
use super::text_options::TextOptions;
use crate::responses::RawJson;

impl CreateResponse {
    /// Sets the instructions.
    #[must_use]
    pub fn instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = instructions.into();
        self
    }

    /// Sets the tools: those of [`tool`](crate::responses::tool), or any JSON.
    #[must_use]
    pub fn tools(mut self, tools: impl IntoIterator<Item = impl Into<RawJson<'static>>>) -> Self {
        self.tools = Some(tools.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the tool choice: a [`ToolChoice`](crate::responses::tool::ToolChoice), or any JSON.
    #[must_use]
    pub fn tool_choice(mut self, choice: impl Into<RawJson<'static>>) -> Self {
        self.tool_choice = choice.into();
        self
    }

    /// Sets whether the model may call several tools at once.
    #[must_use]
    pub const fn parallel_tool_calls(mut self, parallel: bool) -> Self {
        self.parallel_tool_calls = parallel;
        self
    }

    /// Sets the reasoning options.
    #[must_use]
    pub fn reasoning(mut self, reasoning: ReasoningOptions) -> Self {
        self.reasoning = Some(reasoning);
        self
    }

    /// Sets whether the server stores the response.
    #[must_use]
    pub const fn store(mut self, store: bool) -> Self {
        self.store = store;
        self
    }

    /// Sets options of the stream.
    #[must_use]
    pub fn stream_options(mut self, options: StreamOptions) -> Self {
        self.stream_options = Some(options);
        self
    }

    /// Sets additional output: `reasoning.encrypted_content` and others.
    #[must_use]
    pub fn include(mut self, include: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.include = include.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the service tier: `priority`, `flex`, or another one.
    #[must_use]
    pub fn service_tier(mut self, tier: impl Into<String>) -> Self {
        self.service_tier = Some(tier.into());
        self
    }

    /// Sets the prompt cache key.
    #[must_use]
    pub fn prompt_cache_key(mut self, key: impl Into<String>) -> Self {
        self.prompt_cache_key = Some(key.into());
        self
    }

    /// Sets the text options.
    #[must_use]
    pub fn text(mut self, text: TextOptions) -> Self {
        self.text = Some(text);
        self
    }

    /// Sets the client metadata.
    #[must_use]
    pub fn client_metadata(
        mut self,
        metadata: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        self.client_metadata = Some(metadata.into_iter().collect());
        self
    }

    /// Sets the previous response: `input` then contains only the new items.
    #[must_use]
    pub fn continuing(self, response_id: &str) -> Self {
        self.previous_response_id(response_id)
    }

    /// Sets the previous response.
    #[must_use]
    pub fn previous_response_id(mut self, id: impl Into<String>) -> Self {
        self.previous_response_id = Some(id.into());
        self
    }
}

//! Builder methods of the members that the reference client sends. The others have theirs by declaration.

use alloc::string::String;

use super::create_response::CreateResponse;
use super::reasoning_options::ReasoningOptions;
use super::settings::StreamOptions;
use super::text_options::TextOptions;
use crate::responses::RawJson;

impl CreateResponse {
    /// Sets what the model should know before everything else.
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

    /// Sets which tool is used: a [`ToolChoice`](crate::responses::tool::ToolChoice), or any JSON.
    #[must_use]
    pub fn tool_choice(mut self, choice: impl Into<RawJson<'static>>) -> Self {
        self.tool_choice = choice.into();
        self
    }

    /// Sets whether several tools may be called at once.
    #[must_use]
    pub const fn parallel_tool_calls(mut self, parallel: bool) -> Self {
        self.parallel_tool_calls = parallel;
        self
    }

    /// Sets how the model reasons.
    #[must_use]
    pub fn reasoning(mut self, reasoning: ReasoningOptions) -> Self {
        self.reasoning = Some(reasoning);
        self
    }

    /// Sets whether the server keeps the response.
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

    /// Sets what is sent besides: `reasoning.encrypted_content` and the like.
    #[must_use]
    pub fn include(mut self, include: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.include = include.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the tier: `priority`, `flex`, or another one.
    #[must_use]
    pub fn service_tier(mut self, tier: impl Into<String>) -> Self {
        self.service_tier = Some(tier.into());
        self
    }

    /// Sets what prompts that belong together have in common.
    #[must_use]
    pub fn prompt_cache_key(mut self, key: impl Into<String>) -> Self {
        self.prompt_cache_key = Some(key.into());
        self
    }

    /// Sets how the model writes.
    #[must_use]
    pub fn text(mut self, text: TextOptions) -> Self {
        self.text = Some(text);
        self
    }

    /// Sets strings for the server.
    #[must_use]
    pub fn client_metadata(
        mut self,
        metadata: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>,
    ) -> Self {
        self.client_metadata = Some(metadata.into_iter().collect());
        self
    }

    /// The same as the continuation of this response: `input` is only what is new.
    #[must_use]
    pub fn continuing(self, response_id: &str) -> Self {
        self.previous_response_id(response_id)
    }

    /// Sets the response that this one continues.
    #[must_use]
    pub fn previous_response_id(mut self, id: impl Into<String>) -> Self {
        self.previous_response_id = Some(id.into());
        self
    }
}

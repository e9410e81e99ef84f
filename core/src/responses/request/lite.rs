//! Changes of a request before it is sent: responses-lite, delivery of summaries, compression
//! ([docs/protocol.md §3.2](crate::docs::protocol#32-request-fields),
//! [§3.7](crate::docs::protocol#37-responses-lite-mode-per-model-flag),
//! [§4.1](crate::docs::protocol#41-request-compression-zstd)).

use alloc::vec;
use alloc::vec::Vec;

use crate::responses::item::{AdditionalTools, ContentPart, Item, Message};
use crate::responses::request::{CreateResponse, Input, ReasoningOptions, StreamOptions};

/// Compresses a body into one zstd frame; the core has no compressor of its own.
pub type CompressFn = fn(&[u8]) -> Vec<u8>;

/// The compression level of [`CompressFn`].
pub const ZSTD_LEVEL: i32 = 3;

impl CreateResponse {
    /// Converts a request for a model that uses *responses-lite*
    /// ([docs/protocol.md §3.7](crate::docs::protocol#37-responses-lite-mode-per-model-flag)): tools and instructions
    /// are sent as items, images without their `detail`, calls one at a time, reasoning over all turns. The session
    /// adds the header or metadata that announces it.
    ///
    /// Tools that are an item of the input already get no second one, and neither does a request that has no input, no tools and no
    /// instructions, such as the prewarm request of the reference client
    /// ([docs/protocol.md §15.5](crate::docs::protocol#155-requests-of-the-reference)).
    #[must_use]
    pub fn into_lite(mut self) -> Self {
        let tools = self.tools.take();
        let has_item = self.input.iter().any(|item| matches!(item, Item::AdditionalTools(_)));
        let is_empty = tools.is_none() && self.instructions.is_empty() && self.input.is_empty();
        let mut first = Vec::new();
        if tools.is_some() || !(has_item || is_empty) {
            first.push(Item::AdditionalTools(AdditionalTools::new(tools.unwrap_or_default())));
        }
        if !self.instructions.is_empty() {
            first.push(Item::Message(Message::new("developer", vec![ContentPart::input_text(&self.instructions)])));
            self.instructions.clear();
        }
        let mut input = Input::from(first);
        input.append(self.input);
        let has_detail = |part: &ContentPart| matches!(part, ContentPart::InputImage { detail: Some(_), .. });
        input.change_where(
            |item| item.parts().into_iter().flatten().any(has_detail),
            |item| {
                for part in item.parts_mut().into_iter().flatten() {
                    if let ContentPart::InputImage { detail, .. } = part {
                        *detail = None;
                    }
                }
            },
        );
        self.input = input;
        self.parallel_tool_calls = false;
        self.reasoning.get_or_insert_with(ReasoningOptions::default).context = Some("all_turns".into());
        self
    }

    /// Requests summaries beside the text, which only one provider supports, and only if the request has a summary
    /// option
    /// ([docs/protocol.md §3.2](crate::docs::protocol#32-request-fields)).
    #[must_use]
    pub fn with_sequential_cutoff(mut self, first_party: bool) -> Self {
        if first_party && self.reasoning.as_ref().is_some_and(|reasoning| reasoning.summary.is_some()) {
            self.stream_options = Some(StreamOptions::new().reasoning_summary_delivery("sequential_cutoff"));
        }
        self
    }
}

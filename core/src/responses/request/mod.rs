//! Requests: one type, encoded as an HTTP body or as a WebSocket message
//! ([docs/protocol.md §3](crate::docs::protocol#3-request-bodies)).

mod builders;
mod comparable;
mod create_response;
mod input;
mod lite;
mod message;
mod reasoning_options;
mod settings;
mod text_options;

pub use create_response::CreateResponse;
pub use input::{Input, Items};
pub use lite::{CompressFn, ZSTD_LEVEL};
pub use message::{MessageFields, steer};
pub use reasoning_options::ReasoningOptions;
pub use settings::{
    AccessPrograms, BackgroundOptions, ContextManagement, Conversation, ImageOptions, Moderation, ModerationMode,
    ModerationPolicy, Prompt, PromptCacheOptions, StreamOptions,
};
pub use text_options::{JsonSchema, TextFormat, TextOptions};

pub use super::item_encoding::{ItemEncoding, ItemIds};

//! Requests: one type, encoded as an HTTP body or as a WebSocket message
//! ([docs/protocol.md §3](crate::docs::protocol#3-request-bodies)).

mod create_response;
mod lite;
mod options;

pub use create_response::*;
pub use lite::{CompressFn, ZSTD_LEVEL};
pub use options::{ReasoningOptions, TextOptions};

pub use super::item_encoding::{ItemEncoding, ItemIds};

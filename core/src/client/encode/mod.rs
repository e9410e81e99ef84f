//! From a request to the HTTP request or WebSocket message that carries it.

mod builder;
mod headers;
mod known_items;
mod previous_response;

pub(super) use builder::{RESPONSES, RequestBuilder};
pub(super) use previous_response::PreviousResponses;

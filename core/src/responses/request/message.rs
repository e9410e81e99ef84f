//! `MessageFields`: the members that a WebSocket message adds to a request; and the message that steers a response.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::responses::item::Item;
use crate::responses::steering::{steer_input, steer_message};

/// The members that the client adds to a request in a WebSocket message. `Debug` shows only the keys of the metadata,
/// because the turn token is among the values.
///
/// ```
/// use turnwire::responses::CreateResponse;
/// use turnwire::responses::request::{ItemEncoding, MessageFields};
///
/// let fields = MessageFields { previous_response_id: Some("resp_1"), ..MessageFields::default() };
/// let mut message = Vec::new();
/// CreateResponse::new("gpt-x", "Go on.").encode_ws(&fields, ItemEncoding::EVERYTHING, &mut message);
/// assert!(message.starts_with(br#"{"type":"response.create","previous_response_id":"resp_1","model":"gpt-x""#));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageFields<'a> {
    /// The previous response (docs/protocol.md §9.5); omitted when unset.
    pub previous_response_id: Option<&'a str>,
    /// `false` means a prewarm, which generates nothing; omitted when unset.
    pub generate: Option<bool>,
    /// The lane; omitted when unset.
    pub stream_id: Option<&'a str>,
    /// Metadata of this message; it replaces the request's own.
    pub metadata: &'a [(&'a str, &'a str)],
    /// Number of leading items that the server knows, which are omitted.
    pub input_from: usize,
}

impl fmt::Debug for MessageFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.metadata.iter().map(|(key, _)| *key).collect();
        f.debug_struct("MessageFields")
            .field("previous_response_id", &self.previous_response_id)
            .field("generate", &self.generate)
            .field("stream_id", &self.stream_id)
            .field("metadata", &keys)
            .field("input_from", &self.input_from)
            .finish()
    }
}

/// Formats a `response.steer` message: input for a response in progress (`docs/protocol.md` §15.1). It names no lane,
/// which follows from the response. A message item has only its role and content, any other item has no id.
#[must_use]
pub fn steer(previous_response_id: &str, input: &[Item]) -> String {
    steer_message(previous_response_id, &steer_input(input))
}

//! What a WebSocket message adds to a request: `MessageFields`; and the message that steers a response.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::responses::item::{ContentPart, Item};
use crate::responses::item_encoding::{ItemEncoding, ItemIds};
use crate::responses::json::object_writer::Object;

/// What the machine adds to a request when it travels as a WebSocket frame. `Debug` shows the keys of the metadata only: the turn
/// token is among the values.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageFields<'a> {
    /// The response to go on from (§9.5); left out when unset.
    pub previous_response_id: Option<&'a str>,
    /// `false` warms up without generating; left out when unset.
    pub generate: Option<bool>,
    /// The lane; left out when unset.
    pub stream_id: Option<&'a str>,
    /// Metadata of this frame, set over the request's own.
    pub metadata: &'a [(&'a str, &'a str)],
    /// How many items the server has seen already: they are left out.
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

/// The text of a `response.steer`: input for a response that is running (`docs/protocol.md` §15.1). It names no lane, which
/// follows from the response. A message is sent with its role and content alone, any other item without its id.
#[must_use]
pub fn steer(previous_response_id: &str, input: &[Item]) -> String {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out);
    object.string("type", "response.steer");
    object.string("previous_response_id", previous_response_id);
    object.array("input", input, |item, out| {
        if let Item::Message(message) = item {
            let mut object = Object::new(out);
            object.string("type", "message");
            object.string("role", &message.role);
            object.array("content", &message.content, ContentPart::encode);
            object.end();
        } else {
            item.encode_for(ItemEncoding { ids: ItemIds::None, passthrough: false }, out);
        }
    });
    object.end();
    String::from_utf8(out).expect("JSON is written as UTF-8")
}

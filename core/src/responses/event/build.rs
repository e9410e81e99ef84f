//! The events that every server sends, made from what they say.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::TURN_STATE;
use crate::responses::error_object::ErrorObject;
use crate::responses::event::{CompletedResponse, EventData, ServerEvent};
use crate::responses::item::Item;
use crate::responses::json::object_writer::{Object, object};
use crate::responses::json::raw::RawJson;

impl<'a> ServerEvent<'a> {
    /// The response of this id exists.
    #[must_use]
    pub fn created(id: &str) -> ServerEvent<'static> {
        ServerEvent::new(EventData::Created { response: object(|response| response.string("id", id)) })
    }

    /// An item has begun.
    #[must_use]
    pub fn output_item_added(item: &Item, output_index: Option<i64>) -> ServerEvent<'static> {
        ServerEvent::new(EventData::OutputItemAdded { item: RawJson::built(item.to_json()), output_index })
    }

    /// An item is complete.
    #[must_use]
    pub fn output_item_done(item: &Item, output_index: Option<i64>) -> ServerEvent<'static> {
        ServerEvent::new(EventData::OutputItemDone { item: RawJson::built(item.to_json()), output_index })
    }

    /// More text of this item.
    #[must_use]
    pub const fn output_text_delta(item_id: &'a str, delta: &'a str) -> Self {
        Self::new(EventData::OutputTextDelta {
            item_id: Some(Cow::Borrowed(item_id)),
            output_index: None,
            content_index: None,
            delta: Cow::Borrowed(delta),
            logprobs: None,
            obfuscation: None,
        })
    }

    /// The response is complete.
    #[must_use]
    pub fn completed(completed: &CompletedResponse) -> ServerEvent<'static> {
        ServerEvent::new(EventData::Completed { response: RawJson::built(completed.to_json()) })
    }

    /// The response failed of this.
    #[must_use]
    pub fn failed(id: &str, error: &ErrorObject) -> ServerEvent<'static> {
        let response = object(|response| {
            response.string("id", id);
            response.string("status", "failed");
            error.encode(response.key("error"));
        });
        ServerEvent::new(EventData::Failed { response: Some(response) })
    }

    /// The response ended before its end: `max_output_tokens`, `content_filter`; or, with a successor to come, `steered`.
    #[must_use]
    pub fn incomplete(id: &str, reason: &str) -> ServerEvent<'static> {
        let response = object(|response| {
            response.string("id", id);
            response.string("status", "incomplete");
            let mut details = Object::new(response.key("incomplete_details"));
            details.string("reason", reason);
            details.end();
        });
        ServerEvent::new(EventData::Incomplete { response: Some(response) })
    }

    /// The turn's token, as WebSocket carries it ([docs/protocol.md §8](crate::docs::protocol#8-turn-state)).
    #[must_use]
    pub fn turn_state(token: &str) -> ServerEvent<'static> {
        let headers = object(|headers| headers.string(TURN_STATE, token));
        ServerEvent::new(EventData::Metadata { headers: Some(headers), metadata: None })
    }

    /// The same with this number.
    #[must_use]
    pub fn numbered(mut self, sequence_number: i64) -> Self {
        self.sequence_number = Some(sequence_number);
        self.raw = None;
        self
    }

    /// The same on this lane.
    #[must_use]
    pub fn on_lane(mut self, stream_id: &'a str) -> Self {
        self.stream_id = Some(Cow::Borrowed(stream_id));
        self.raw = None;
        self
    }
}

impl CompletedResponse {
    /// A complete response of this id, of which nothing else is said.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }

    /// The `response` of a `response.completed`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        let mut response = Object::new(&mut out);
        response.optional("id", self.id.as_deref());
        if let Some(usage) = &self.usage {
            response.raw("usage", &serde_json::to_string(usage).expect("token counts can be serialized"));
        }
        if let Some(end_turn) = self.end_turn {
            response.boolean("end_turn", end_turn);
        }
        response.end();
        String::from_utf8(out).expect("JSON is written as UTF-8")
    }
}

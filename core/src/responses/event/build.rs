//! Constructors of the events that every server sends.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::responses::error_object::ErrorObject;
use crate::responses::event::{CompletedResponse, EventData, ServerEvent};
use crate::responses::item::Item;
use crate::responses::json::object_writer::{Object, object};
use crate::responses::json::raw::RawJson;
use crate::responses::{HeaderPairs, TURN_STATE};

impl<'a> ServerEvent<'a> {
    /// Creates `response.created` for a response with this id.
    #[must_use]
    pub fn created(id: &str) -> ServerEvent<'static> {
        ServerEvent::new(EventData::Created { response: object(|response| response.string("id", id)) })
    }

    /// Creates `response.output_item.added`.
    #[must_use]
    pub fn output_item_added(item: &Item, output_index: Option<i64>) -> ServerEvent<'static> {
        ServerEvent::new(EventData::OutputItemAdded { item: RawJson::built(item.to_json()), output_index })
    }

    /// Creates `response.output_item.done`.
    #[must_use]
    pub fn output_item_done(item: &Item, output_index: Option<i64>) -> ServerEvent<'static> {
        ServerEvent::new(EventData::OutputItemDone { item: RawJson::built(item.to_json()), output_index })
    }

    /// Creates a text delta of this item.
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

    /// Creates `response.completed`.
    #[must_use]
    pub fn completed(completed: &CompletedResponse) -> ServerEvent<'static> {
        ServerEvent::new(EventData::Completed { response: RawJson::built(completed.to_json()) })
    }

    /// Creates `response.failed` with this error.
    #[must_use]
    pub fn failed(id: &str, error: &ErrorObject) -> ServerEvent<'static> {
        let response = object(|response| {
            response.string("id", id);
            response.string("status", "failed");
            error.encode(response.key("error"));
        });
        ServerEvent::new(EventData::Failed { response: Some(response) })
    }

    /// Creates `response.incomplete` with this reason: `max_output_tokens`, `content_filter`, or `steered` if a
    /// successor follows.
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

    /// Creates `response.metadata` with a turn token, for WebSocket ([docs/protocol.md
    /// §8](crate::docs::protocol#8-turn-state)).
    #[must_use]
    pub fn turn_state(token: &str) -> ServerEvent<'static> {
        let headers = object(|headers| headers.string(TURN_STATE, token));
        ServerEvent::new(EventData::Metadata { headers: Some(headers), metadata: None })
    }

    /// Sets the sequence number.
    #[must_use]
    pub fn numbered(mut self, sequence_number: i64) -> Self {
        self.sequence_number = Some(sequence_number);
        self.raw = None;
        self
    }

    /// Sets the lane.
    #[must_use]
    pub fn on_lane(mut self, stream_id: &'a str) -> Self {
        self.stream_id = Some(Cow::Borrowed(stream_id));
        self.raw = None;
        self
    }
}

impl CompletedResponse {
    /// Creates a complete response with this id and no other members.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: Some(id.into()), ..Self::default() }
    }

    /// Formats the `response` member of `response.completed`.
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

impl ErrorObject {
    /// Returns the event that ends a request over WebSocket: with a status, and with the headers that the response to a
    /// `POST` would have.
    #[must_use]
    pub fn to_event(&self, status: Option<u16>, fields: HeaderPairs<'_>) -> ServerEvent<'static> {
        let headers = object(|headers| fields.iter().for_each(|(name, value)| headers.string(name, value)));
        ServerEvent::new(EventData::Error {
            error: Some(object(|error| self.members(error))),
            code: None,
            message: None,
            param: None,
            status: status.map(|status| RawJson::built(status.to_string())),
            status_code: None,
            headers: (!fields.is_empty()).then_some(headers),
        })
    }

    /// Returns the event for an event stream: its members are beside the `type`, which is `error`.
    #[must_use]
    pub fn to_flat_event(&self) -> ServerEvent<'static> {
        let word = |word: &Option<String>| word.as_deref().map(RawJson::string);
        ServerEvent::new(EventData::Error {
            error: None,
            code: word(&self.code),
            message: word(&self.message),
            param: word(&self.param),
            status: None,
            status_code: None,
            headers: None,
        })
    }
}

//! Events that a server sends (`docs/protocol.md` §5.4 and the public documentation).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::table::EventData;
use crate::responses::event::envelope::{Envelope, Member};
use crate::responses::json::malformed::Malformed;
use crate::responses::json::object_writer::Object;

/// One event. Its strings borrow from the payload if they have no escapes.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerEvent<'a> {
    /// The sequence number in the stream, if the server numbers events.
    pub sequence_number: Option<i64>,
    /// The lane; `None` means the default lane.
    pub stream_id: Option<Cow<'a, str>>,
    /// The contents.
    pub data: EventData<'a>,
    /// The payload from which it was parsed.
    pub(super) raw: Option<Cow<'a, str>>,
}

impl fmt::Debug for ServerEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerEvent")
            .field("type", &self.kind())
            .field("sequence_number", &self.sequence_number)
            .field("stream_id", &self.stream_id)
            .finish_non_exhaustive()
    }
}

impl<'a> ServerEvent<'a> {
    /// Creates an event to be sent.
    #[must_use]
    pub const fn new(data: EventData<'a>) -> Self {
        Self { sequence_number: None, stream_id: None, data, raw: None }
    }

    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not a JSON object with a `type`, or lacks a required member of a known type. An
    /// unknown type is not an error: it becomes [`EventData::Other`]. An optional member of another type counts as
    /// missing.
    pub fn parse(payload: &'a str) -> Result<Self, Malformed> {
        Self::parse_named(payload, "")
    }

    /// Parses a payload of an event stream. `event_type` is the event type (WHATWG HTML §9.2), or empty. It replaces a
    /// missing `type`.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_named(payload: &'a str, event_type: &'a str) -> Result<Self, Malformed> {
        let mut envelope = Envelope::new(payload);
        envelope.fill(event_type)?;
        Self::read(&envelope)
    }

    /// Parses an event whose members are already found.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if it lacks a required member of a known type.
    pub fn read(envelope: &Envelope<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            sequence_number: envelope.integer_opt(Member::sequence_number),
            stream_id: envelope.string_opt(Member::stream_id),
            data: EventData::read(envelope)?,
            raw: Some(Cow::Borrowed(envelope.text())),
        })
    }

    /// Returns the payload from which the event was parsed; `None` for an event that was constructed.
    #[must_use]
    pub fn raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }

    /// Appends the payload: unchanged if the event was parsed, otherwise formatted from its parts.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(raw) = &self.raw {
            return out.extend_from_slice(raw.as_bytes());
        }
        let mut object = Object::new(out);
        object.string("type", self.kind());
        self.data.write(&mut object);
        if let Some(lane) = &self.stream_id {
            object.string("stream_id", lane);
        }
        if let Some(number) = self.sequence_number {
            object.integer("sequence_number", number);
        }
        object.end();
    }

    /// Returns the payload as text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.encode(&mut out);
        String::from_utf8(out).expect("JSON is written as UTF-8")
    }

    /// Copies the event, so that it owns its text.
    #[must_use]
    pub fn into_owned(self) -> ServerEvent<'static> {
        ServerEvent {
            sequence_number: self.sequence_number,
            stream_id: self.stream_id.map(own),
            data: self.data.into_owned(),
            raw: self.raw.map(own),
        }
    }
}

pub(super) fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

//! What a server says while it answers (`docs/protocol.md` §5.4 and the public documentation).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::table::EventData;
use crate::responses::event::envelope::{Envelope, Member};
use crate::responses::json::malformed::Malformed;
use crate::responses::json::object_writer::Object;

/// One event. Its strings borrow from the payload where nothing is escaped in them.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerEvent<'a> {
    /// The event's number in its stream, where the server counts.
    pub sequence_number: Option<i64>,
    /// The lane it belongs to; none is the default one.
    pub stream_id: Option<Cow<'a, str>>,
    /// What it says.
    pub data: EventData<'a>,
    /// The payload it was read from.
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
    /// An event to be sent.
    #[must_use]
    pub const fn new(data: EventData<'a>) -> Self {
        Self { sequence_number: None, stream_id: None, data, raw: None }
    }

    /// Reads a payload.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is no JSON object with a `type`, or has a known one and not what belongs to it. A kind that is not
    /// known is no error: it is [`EventData::Other`]. Nor is a member of another type where it could be missing as well.
    pub fn parse(payload: &'a str) -> Result<Self, Malformed> {
        Self::parse_named(payload, "")
    }

    /// Reads a payload of an event stream. `event_type` is the event type (WHATWG HTML §9.2), or empty. It takes the place of a
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

    /// Reads an event whose members were found already.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it has a known kind and not what belongs to it.
    pub fn read(envelope: &Envelope<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            sequence_number: envelope.integer_opt(Member::sequence_number),
            stream_id: envelope.string_opt(Member::stream_id),
            data: EventData::read(envelope)?,
            raw: Some(Cow::Borrowed(envelope.text())),
        })
    }

    /// The payload that the event was read from; none for one that was made here.
    #[must_use]
    pub fn raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }

    /// Appends the payload: as it was read, byte for byte, or as its parts make it.
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

    /// The payload as text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.encode(&mut out);
        String::from_utf8(out).expect("JSON is written as UTF-8")
    }

    /// The same, owning its text.
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

//! Events that a server sends (`docs/protocol.md` §5.4 and the public documentation).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::class::EventClass;
use super::envelope::Envelope;
use super::fields::positions;
use super::table::{EventData, EventType, own};
use super::walk::Walk;
use crate::responses::item::Item;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::object_writer::Object;
use crate::responses::json::raw::RawJson;
use crate::responses::response::Response;

/// One event. Its strings borrow from the payload if they have no escapes.
///
/// ```
/// use turnwire::responses::{EventData, ServerEvent};
///
/// let event = ServerEvent::output_text_delta("msg_1", "Hel").numbered(3);
/// let text = event.to_json();
/// let read = ServerEvent::parse(&text)?;
/// assert!(matches!(&read.data, EventData::OutputTextDelta { delta, .. } if delta == "Hel"));
/// assert_eq!(read.sequence_number, Some(3));
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
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
        // Without an envelope, which would be moved.
        let mut walk = Walk::new(payload);
        let (kind, _, event_type) = walk.run(event_type)?;
        Self::read_at(event_type, &kind, payload, &positions(payload, event_type, &walk.spans))
    }

    /// Parses an event whose members are already found.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if it lacks a required member of a known type.
    pub fn read(envelope: &Envelope<'a>) -> Result<Self, Malformed> {
        Self::read_at(envelope.event_type, &envelope.kind, envelope.text(), &envelope.positions())
    }

    /// Returns the effect of the event on its request, such as that it ends the response: that of [`Envelope::class`]. The payload of an
    /// event that ends or begins a response is scanned for it.
    ///
    /// ```
    /// use turnwire::responses::ServerEvent;
    ///
    /// let payload = r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed"}}"#;
    /// assert!(ServerEvent::parse(payload)?.class().is_terminal());
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    #[must_use]
    pub fn class(&self) -> EventClass {
        let class = EventType::of(self.kind()).class();
        if matches!(class, EventClass::Output | EventClass::Informational) {
            return class;
        }
        let payload = self.raw().map_or_else(|| Cow::Owned(self.to_json()), Cow::Borrowed);
        Envelope::scan_named(&payload, self.kind()).map_or(class, |envelope| envelope.class())
    }

    /// Returns the item of `response.output_item.added` and `response.output_item.done`. One that cannot be read is
    /// [`Item::Other`].
    ///
    /// ```
    /// use turnwire::responses::{Item, ServerEvent};
    ///
    /// let payload = r#"{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}}"#;
    /// let event = ServerEvent::parse(payload)?;
    /// assert!(matches!(event.item(), Some(Item::FunctionCall(call)) if call.name == "f"));
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    #[must_use]
    pub fn item(&self) -> Option<Item> {
        self.data.item()
    }

    /// Returns the response of an event that begins, describes or ends one.
    #[must_use]
    pub fn response(&self) -> Option<Response> {
        self.data.response()
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

    /// Returns the event's `type`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.data.kind()
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

impl serde_core::Serialize for ServerEvent<'_> {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawJson::built(self.to_json()).serialize(serializer)
    }
}

impl<'de> serde_core::Deserialize<'de> for ServerEvent<'static> {
    fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: RawJson<'static> = serde_core::Deserialize::deserialize(deserializer)?;
        ServerEvent::parse(raw.as_str()).map(ServerEvent::into_owned).map_err(serde_core::de::Error::custom)
    }
}

impl EventData<'_> {
    /// Returns the item of an event that begins or finishes one. One that cannot be read is [`Item::Other`].
    #[must_use]
    pub fn item(&self) -> Option<Item> {
        if let Self::OutputItemAdded { item, .. } | Self::OutputItemDone { item, .. } = self {
            return Some(Item::parse_or_other(item.as_str()));
        }
        None
    }

    /// Returns the response of an event that begins, describes or ends one.
    #[must_use]
    pub fn response(&self) -> Option<Response> {
        let raw = if let Self::Created { response } | Self::Completed { response } = self {
            Some(response)
        } else if let Self::Queued { response }
        | Self::InProgress { response }
        | Self::Failed { response }
        | Self::Incomplete { response }
        | Self::Done { response }
        | Self::Cancelled { response } = self
        {
            response.as_ref()
        } else {
            None
        };
        Response::parse(raw?.as_str()).ok().map(Response::without_event_members)
    }
}

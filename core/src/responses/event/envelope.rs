//! `Envelope`: the `type` of an event, its class, and the positions of its members, found by one scan without copying.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;

use super::class::EventClass;
use super::fields::{Positions, positions};
pub(in crate::responses) use super::members::Member;
use super::members::Spans;
use super::response_members::{ResponseMember, ResponseMembers};
use super::table::EventType;
use super::value::{raw_at, text_at};
use super::walk::{KindSource, RESPONSE_ENDS, Walk, has_error_members};
use crate::responses::TURN_STATE;
use crate::responses::headers::json_field;
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::member;
use crate::responses::json::raw::RawJson;

/// The members of an event, found but not yet parsed. It borrows from the payload, and allocates nothing for most events.
///
/// ```
/// use turnwire::responses::{Envelope, EventClass};
///
/// let envelope = Envelope::scan(r#"{"type":"response.completed","response":{"id":"resp_1"}}"#)?;
/// assert_eq!((envelope.kind(), envelope.class()), ("response.completed", EventClass::Completed));
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Clone)]
pub struct Envelope<'a> {
    text: &'a str,
    pub(in crate::responses) kind: Cow<'a, str>,
    source: KindSource,
    class: EventClass,
    pub(super) event_type: EventType,
    pub(super) spans: Spans,
    /// The members of the `response`, if that is an object; not known before the class is.
    response_members: Option<Box<ResponseMembers<'a>>>,
}

impl<'a> Envelope<'a> {
    /// Scans a payload.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] if the payload is not a JSON object, or has no string `type`. An object without a `type`
    /// that has an `error`, `message`, `code`, `detail` or `details` counts as an `error` event.
    #[inline]
    pub fn scan(text: &'a str) -> Result<Self, Malformed> {
        Self::scan_named(text, "")
    }

    /// Scans a payload of an event stream. `event_type` is the event type (WHATWG HTML §9.2), or empty. It replaces a
    /// missing `type`.
    ///
    /// A payload that cannot be parsed still ends its request if its event type, or a `type` in it, is a terminal one
    /// ([docs/differences.md row 38](crate::docs::differences)). Its class is then [`EventClass::Error`] or
    /// [`EventClass::Failed`].
    ///
    /// # Errors
    ///
    /// As [`scan`](Self::scan).
    #[inline]
    pub fn scan_named(text: &'a str, event_type: &'a str) -> Result<Self, Malformed> {
        match Self::find(text, event_type) {
            Ok(mut envelope) => {
                let response = envelope.response();
                envelope.response_members =
                    response.and_then(|response| ResponseMembers::read(response).ok()).map(Box::new);
                envelope.class = envelope.classify();
                Ok(envelope)
            }
            Err(malformed) => Self::unreadable_end(text, event_type).ok_or(malformed),
        }
    }

    /// Creates the envelope of a payload that cannot be parsed and counts as terminal.
    #[cold]
    fn unreadable_end(text: &'a str, event_type: &'a str) -> Option<Self> {
        let names_end = |kind: &&str| {
            let unspaced = alloc::format!("\"type\":\"{kind}\"");
            let spaced = alloc::format!("\"type\": \"{kind}\"");
            text.contains(&unspaced) || text.contains(&spaced)
        };
        let kind = match RESPONSE_ENDS.into_iter().chain(["error"]).find(|kind| *kind == event_type) {
            Some(kind) => kind,
            None => RESPONSE_ENDS.into_iter().find(names_end)?,
        };
        let class = if kind == "error" { EventClass::Error } else { EventClass::Failed };
        let (event_type, source) = (EventType::of(kind), KindSource::Unreadable);
        Some(Self {
            text,
            kind: Cow::Borrowed(kind),
            source,
            class,
            event_type,
            spans: Spans::NONE,
            response_members: None,
        })
    }

    /// Scans a payload and does not determine its class.
    #[inline]
    pub(in crate::responses) fn find(text: &'a str, event_type: &'a str) -> Result<Self, Malformed> {
        let mut walk = Walk::new(text);
        let (kind, source, event_type) = walk.run(event_type)?;
        let class = EventClass::Informational;
        Ok(Self { text, kind, source, class, event_type, spans: walk.spans, response_members: None })
    }

    /// Returns whether the event is a delta that says nothing beside its output: neither a model, nor headers, nor that the response
    /// is held back.
    #[inline]
    pub(crate) fn is_plain_delta(&self) -> bool {
        const SAID_BESIDE: [Member; 3] = [Member::response, Member::headers, Member::safety_buffering];
        self.has_type() && self.event_type.is_delta() && !SAID_BESIDE.into_iter().any(|member| self.spans.has(member))
    }

    /// Returns the payload.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the `type`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the lane, if one is named.
    #[must_use]
    pub fn stream_id(&self) -> Option<Cow<'a, str>> {
        self.string_opt(Member::stream_id)
    }

    /// Returns whether the event names this lane. `None` is the default lane, which has no name.
    pub(crate) fn names_lane(&self, lane: Option<&str>) -> bool {
        self.stream_id().filter(|name| !name.is_empty()).as_deref() == lane
    }

    /// Returns the `response_id`.
    pub(crate) fn response_id(&self) -> Option<Cow<'a, str>> {
        self.string_opt(Member::response_id)
    }

    /// Returns the `item_id`.
    pub(crate) fn item_id(&self) -> Option<Cow<'a, str>> {
        self.string_opt(Member::item_id)
    }

    /// Returns the `item`, as text.
    #[must_use]
    pub fn item(&self) -> Option<&'a str> {
        self.raw(Member::item)
    }

    /// Returns the `response`, as text.
    #[must_use]
    pub fn response(&self) -> Option<&'a str> {
        self.raw(Member::response)
    }

    /// Returns the `headers`, as text.
    #[must_use]
    pub fn headers(&self) -> Option<&'a str> {
        self.raw(Member::headers)
    }

    /// Returns the members of the `response`, if that is an object.
    pub(super) fn response_members(&self) -> Option<&ResponseMembers<'a>> {
        self.response_members.as_deref()
    }

    /// Returns a member of the `response`, as text. `null` counts as missing.
    pub(in crate::responses) fn response_member(&self, member: ResponseMember) -> Option<&'a str> {
        self.response_members.as_ref()?.get(member)
    }

    /// Returns the effect of the event on its request.
    ///
    /// Members of the event can change the meaning of its `type`. The `status` of an ended response decides how it
    /// *steered* has a successor, and does not end its request. An `error` without a member that says what happened, or
    /// with a status of 2xx, ends nothing
    /// ([docs/protocol.md §6.3](crate::docs::protocol#63-wrapped-error-frames-websocket-only)), and a
    /// `response.created` without a `response` creates nothing ([§5.4](crate::docs::protocol#54-event-table)).
    #[must_use]
    pub const fn class(&self) -> EventClass {
        self.class
    }

    fn classify(&self) -> EventClass {
        match self.event_type.class() {
            EventClass::Error if !self.is_error() => EventClass::Informational,
            EventClass::Created if self.kind == "response.created" && self.response().is_none() => {
                EventClass::Informational
            }
            class @ (EventClass::Completed | EventClass::Incomplete | EventClass::Cancelled) => {
                match (self.response_status().as_deref(), class) {
                    (Some("failed"), _) => EventClass::Failed,
                    (Some("cancelled"), _) => EventClass::Cancelled,
                    (Some("incomplete"), _) | (_, EventClass::Incomplete) => {
                        match self.incomplete_reason().as_deref() {
                            Some("steered") => EventClass::Informational,
                            Some(_) | None => EventClass::Incomplete,
                        }
                    }
                    (Some(_) | None, class) => class,
                }
            }
            class @ (EventClass::Created
            | EventClass::Informational
            | EventClass::Output
            | EventClass::Failed
            | EventClass::Error) => class,
        }
    }

    /// Returns whether the event is a finished item.
    pub(crate) fn is_done_item(&self) -> bool {
        matches!(self.event_type, EventType::OutputItemDone)
    }

    /// Returns whether the event contains the metadata of a response.
    pub(crate) fn is_metadata(&self) -> bool {
        matches!(self.event_type, EventType::Metadata)
    }

    /// Whether the event may concern the connection, and not a response.
    pub(crate) fn concerns_connection(&self) -> bool {
        self.kind == "codex.rate_limits" || self.class == EventClass::Error
    }

    /// Returns whether the message of a client requests a response.
    pub(crate) fn is_request(&self) -> bool {
        self.kind == "response.create"
    }

    /// Returns whether the `type` is in the payload, or follows from its members.
    pub(super) const fn has_type(&self) -> bool {
        matches!(self.source, KindSource::Payload)
    }

    /// Returns whether the payload could not be parsed, and counts as terminal.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.source == KindSource::Unreadable
    }

    /// Returns the `type` if it is not in the payload.
    pub(crate) fn external_kind(&self) -> Option<&str> {
        (self.source == KindSource::EventType).then_some(&*self.kind)
    }

    fn is_error(&self) -> bool {
        if self.raw(Member::code).is_some_and(|code| code == "\"websocket_connection_limit_reached\"") {
            return true;
        }
        let code = || self.raw(Member::code)?.parse::<u16>().ok();
        match self.status().or_else(code) {
            Some(200..=299) => false,
            Some(_) => true,
            None => has_error_members(self.text, |member| self.raw(member)),
        }
    }

    /// Returns the `status` of the response, which some servers put beside the `type`.
    fn response_status(&self) -> Option<String> {
        let own = || lenient::read(self.response_member(ResponseMember::Status)?).ok();
        own().or_else(|| self.string_opt(Member::status).map(Cow::into_owned))
    }

    /// Returns the HTTP status of an event: an integer from 100 to 999, as a number or a string.
    pub(in crate::responses) fn status(&self) -> Option<u16> {
        let read =
            |member| self.raw(member)?.trim_matches('"').parse::<u16>().ok().filter(|at| (100..=999).contains(at));
        read(Member::status).or_else(|| read(Member::status_code))
    }

    /// Returns the reason why a response is incomplete.
    pub(in crate::responses) fn incomplete_reason(&self) -> Option<String> {
        let details = self.response_member(ResponseMember::IncompleteDetails)?;
        lenient::read(member(details, "reason")?).ok()
    }

    /// Returns the turn token, which `response.metadata` contains over WebSocket
    /// ([docs/protocol.md §8](crate::docs::protocol#8-turn-state)).
    #[must_use]
    pub fn turn_state(&self) -> Option<Cow<'a, str>> {
        if !self.is_metadata() {
            return None;
        }
        json_field(self.headers()?, &[TURN_STATE]).map(Cow::Owned)
    }

    /// Returns the positions of the members that the event is read from.
    #[inline]
    pub(super) fn positions(&self) -> Positions {
        positions(self.text, self.event_type, &self.spans)
    }

    /// Returns a member's text. `null` counts as missing.
    #[inline]
    pub(in crate::responses) fn raw(&self, member: Member) -> Option<&'a str> {
        raw_at(self.text, self.spans.get(member))
    }

    /// Parses an optional member. A value of another type counts as missing; the payload still contains it.
    #[inline]
    pub(in crate::responses) fn string_opt(&self, member: Member) -> Option<Cow<'a, str>> {
        text_at(self.text, self.spans.get(member))
    }

    /// Parses an optional integer.
    pub(in crate::responses) fn integer_opt(&self, member: Member) -> Option<i64> {
        lenient::count(self.raw(member)?)
    }

    pub(in crate::responses) fn value(&self, member: Member) -> Option<RawJson<'a>> {
        self.raw(member).map(RawJson::trusted)
    }
}

impl core::fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Envelope").field("kind", &self.kind).field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

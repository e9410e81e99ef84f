//! `Envelope`: the `type` of an event, its class, and the positions of its members, found by one scan without copying.

use alloc::borrow::Cow;
use alloc::string::String;

use super::class::EventClass;
use crate::responses::TURN_STATE;
use crate::responses::headers::json_field;
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::member;
use crate::responses::json::perfect_hash::{Table, same};
use crate::responses::json::raw::RawJson;
use crate::responses::json::scan::{Cursor, Fault};

/// Declares the known members at the top level of an event.
macro_rules! members {
    ($($member:ident)*) => {
        /// A known member.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(non_camel_case_types, reason = "they are the members' own names")]
        pub(in crate::responses) enum Member {
            $($member,)*
        }

        const COUNT: usize = [$(stringify!($member)),*].len();

        /// All members, at the index of their names in the hash table.
        static TABLE: Table = Table::new(&[$(stringify!($member).as_bytes()),*]);

        static MEMBERS: [Member; COUNT] = [$(Member::$member),*];

        static NAMES: [&str; COUNT] = [$(stringify!($member)),*];
    };
}

members! {
    sequence_number stream_id response_id item_id call_id previous_response_id
    output_index content_index summary_index annotation_index partial_image_index
    delta text refusal arguments name input code transcript partial_image_b64 obfuscation
    response item part annotation logprobs error message param status status_code
    headers metadata safety_buffering rate_limits credits plan_type metered_limit_name limit_name timing_metrics
    steer required_input reason
    command command_index output background output_format quality size
}

impl Member {
    #[inline]
    fn of(name: &[u8]) -> Option<Self> {
        let number = TABLE.find(name)?;
        if same(NAMES.get(number)?.as_bytes(), name) { MEMBERS.get(number).copied() } else { None }
    }

    pub(in crate::responses) fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// The terminal event types.
const RESPONSE_ENDS: [&str; 5] =
    ["response.completed", "response.incomplete", "response.failed", "response.done", "response.cancelled"];

/// Maximum length of a payload: one bit of the end of a span is a flag.
const SPAN: usize = ESCAPED as usize - 1;

/// The flag in a span's end for a string with escapes.
const ESCAPED: u32 = 1 << 31;

/// The position of a value in the payload; empty if there is none.
type Span = (u32, u32);

/// The source of the `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KindSource {
    /// The payload: its `type`, or its members.
    Payload,
    /// The event type of the event stream (WHATWG HTML §9.2).
    EventType,
    /// The payload cannot be parsed. It counts as terminal because of its event type, or because it contains such a
    /// `type`.
    Unreadable,
}

/// The members of an event, found but not yet parsed. It borrows from the payload and allocates nothing.
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
    spans: [Span; COUNT],
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
        let mut envelope = Self::new(text);
        match envelope.fill(event_type) {
            Ok(()) => {
                envelope.class = envelope.classify();
                Ok(envelope)
            }
            Err(malformed) => Self::unreadable_end(text, event_type).ok_or(malformed),
        }
    }

    /// Creates the envelope of a payload before it is scanned.
    #[inline]
    pub(in crate::responses) const fn new(text: &'a str) -> Self {
        Self {
            text,
            kind: Cow::Borrowed(""),
            source: KindSource::Payload,
            class: EventClass::Informational,
            spans: [(0, 0); COUNT],
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
        let source = KindSource::Unreadable;
        Some(Self { kind: Cow::Borrowed(kind), source, class, ..Self::new(text) })
    }

    /// Scans the payload in place, because moving an envelope is slow.
    pub(in crate::responses) fn fill(&mut self, event_type: &'a str) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(self.text);
        if self.text.len() > SPAN {
            return Err(cursor.error(Fault::Json));
        }
        let mut kind = (0, 0);
        if let Err(fault) = self.walk(&mut cursor, &mut kind) {
            return Err(cursor.error(fault));
        }
        match kind {
            (_, 0) => self.infer_kind(event_type)?,
            span => self.kind = self.text_at(span).ok_or_else(|| Malformed::wrong_type("event", "type"))?,
        }
        if self.raw(Member::response).is_none() && RESPONSE_ENDS.contains(&&*self.kind) {
            // Some servers put the members of the response beside the `type`.
            let start = self.text.len() - self.text.trim_start().len();
            self.spans[Member::response as usize] = (start as u32, self.text.trim_end().len() as u32);
        }
        Ok(())
    }

    /// Determines the `type` of a payload without one.
    #[cold]
    fn infer_kind(&mut self, event_type: &'a str) -> Result<(), Malformed> {
        let is_end = event_type == "error" || RESPONSE_ENDS.contains(&event_type);
        if !is_end && self.has_error_members() {
            self.kind = Cow::Borrowed("error");
        } else if event_type.is_empty() || event_type == "message" {
            return Err(Malformed::missing("event", "type"));
        } else {
            (self.kind, self.source) = (Cow::Borrowed(event_type), KindSource::EventType);
        }
        Ok(())
    }

    fn has_error_members(&self) -> bool {
        let known = [Member::error, Member::message, Member::code];
        known.into_iter().any(|member| self.raw(member).is_some())
            || ["detail", "details"].into_iter().any(|name| member(self.text, name).is_some())
    }

    fn walk(&mut self, cursor: &mut Cursor<'a>, kind: &mut Span) -> Result<(), Fault> {
        cursor.expect(b'{')?;
        if cursor.peek() == Some(b'}') {
            cursor.at += 1;
        } else {
            loop {
                self.member(cursor, kind)?;
                match cursor.peek() {
                    Some(b',') => cursor.at += 1,
                    _ => break,
                }
            }
            cursor.expect(b'}')?;
        }
        if cursor.peek().is_some() { Err(Fault::Json) } else { Ok(()) }
    }

    #[inline]
    fn member(&mut self, cursor: &mut Cursor<'a>, kind: &mut Span) -> Result<(), Fault> {
        cursor.peek();
        let start = cursor.at;
        let escaped = cursor.string()?;
        let quoted = start..cursor.at;
        cursor.expect(b':')?;
        cursor.peek();
        let start = cursor.at;
        let marked = if cursor.value()? { ESCAPED } else { 0 };
        // `fill` has checked that the payload is short enough for a span.
        let span = (start as u32, cursor.at as u32 | marked);
        if escaped {
            let Ok(name) = lenient::read::<String>(&self.text[quoted]) else { return Err(Fault::Json) };
            self.set(name.as_bytes(), span, kind);
        } else {
            self.set(&self.text.as_bytes()[quoted.start + 1..quoted.end - 1], span, kind);
        }
        Ok(())
    }

    /// Stores the span of a known member. Of a duplicate member, the last one counts.
    #[inline]
    fn set(&mut self, name: &[u8], span: Span, kind: &mut Span) {
        match Member::of(name) {
            Some(member) => self.spans[member as usize] = span,
            None if same(name, b"type") => *kind = span,
            None => {}
        }
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
        match super::class(&self.kind) {
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
        self.kind == "response.output_item.done"
    }

    /// Returns whether the event contains the metadata of a response.
    pub(crate) fn is_metadata(&self) -> bool {
        self.kind == "response.metadata"
    }

    /// Whether the event may concern the connection, and not a response.
    pub(crate) fn concerns_connection(&self) -> bool {
        self.kind == "codex.rate_limits" || self.class == EventClass::Error
    }

    /// Returns whether the message of a client requests a response.
    pub(crate) fn is_request(&self) -> bool {
        self.kind == "response.create"
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
            None => self.has_error_members(),
        }
    }

    /// Returns the `status` of the response, which some servers put beside the `type`.
    fn response_status(&self) -> Option<String> {
        let own = || lenient::read(member(self.response()?, "status")?).ok();
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
        let details = member(self.response()?, "incomplete_details")?;
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

    /// Returns a member's text. `null` counts as missing.
    #[inline]
    pub(in crate::responses) fn raw(&self, member: Member) -> Option<&'a str> {
        let (start, end) = self.spans[member as usize];
        self.text.get(start as usize..(end & !ESCAPED) as usize).filter(|text| !text.is_empty() && *text != "null")
    }

    pub(in crate::responses) fn string(&self, member: Member) -> Result<Option<Cow<'a, str>>, Malformed> {
        match self.string_opt(member) {
            None if self.raw(member).is_some() => Err(Malformed::wrong_type(&self.kind, member.name())),
            value => Ok(value),
        }
    }

    /// Parses an optional member. A value of another type counts as missing; the payload still contains it.
    #[inline]
    pub(in crate::responses) fn string_opt(&self, member: Member) -> Option<Cow<'a, str>> {
        self.text_at(self.spans[member as usize])
    }

    /// Parses a JSON string, borrowed if it has no escapes.
    #[inline]
    fn text_at(&self, (start, end): (u32, u32)) -> Option<Cow<'a, str>> {
        let text = self.text.get(start as usize..(end & !ESCAPED) as usize)?;
        if end & ESCAPED != 0 {
            return lenient::read(text).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(text.strip_prefix('"')?.strip_suffix('"')?))
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

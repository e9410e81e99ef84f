//! The outside of an event: its `type`, and where its members lie. What a machine looks at when a payload arrives.

use alloc::borrow::Cow;
use alloc::string::String;
use core::mem;

use crate::responses::TURN_STATE;
use crate::responses::headers::json_field;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::perfect_hash::{Table, same};
use crate::responses::json::raw::RawJson;
use crate::responses::json::scan::{Cursor, Fault};

/// Declares the members that are known at an event's top level.
macro_rules! members {
    ($($member:ident)*) => {
        /// A member that means something.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(non_camel_case_types, reason = "they are the members' own names")]
        pub(in crate::responses) enum Member {
            $($member,)*
        }

        const COUNT: usize = [$(stringify!($member)),*].len();

        /// Every member, at the place that its name leads to.
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

/// What an event does to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventClass {
    /// The response exists.
    Created,
    /// Neither output nor an end: metadata, rate limits, timing, steering, a kind that is not known.
    Informational,
    /// Output.
    Output,
    /// `response.completed`.
    Completed,
    /// `response.failed`.
    Failed,
    /// `response.incomplete`.
    Incomplete,
    /// `error`: the request, or the connection, failed.
    Error,
}

impl EventClass {
    /// Whether the request is over.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Incomplete | Self::Error)
    }
}

/// The longest payload: a span's end has a bit to spare.
const SPAN: usize = ESCAPED as usize - 1;

/// Marks, in a span's end, a string in which something is escaped.
const ESCAPED: u32 = 1 << 31;

/// What a walk finds besides the members.
#[derive(Default)]
struct Found {
    /// Where the `type` is.
    kind: (u32, u32),
    /// A member that is known was there before.
    twice: bool,
}

/// An event's members, found and not yet read. Costs no allocation, and lends from the payload.
#[derive(Clone)]
pub struct Envelope<'a> {
    text: &'a str,
    pub(in crate::responses) kind: Cow<'a, str>,
    spans: [(u32, u32); COUNT],
}

impl<'a> Envelope<'a> {
    /// Walks over the payload.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is not one JSON object with a string `type`, or a known member stands there twice. An object
    /// without a `type` and with an `error` is taken for an `error` event.
    #[inline]
    pub fn scan(text: &'a str) -> Result<Self, Malformed> {
        let mut envelope = Self::new(text);
        envelope.fill()?;
        Ok(envelope)
    }

    /// The envelope of this payload before it is looked at.
    #[inline]
    pub(in crate::responses) const fn new(text: &'a str) -> Self {
        Self { text, kind: Cow::Borrowed(""), spans: [(0, 0); COUNT] }
    }

    /// Does what [`scan`](Self::scan) does, in a place of the caller's: an envelope is too large to be moved about.
    pub(in crate::responses) fn fill(&mut self) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(self.text);
        if self.text.len() > SPAN {
            return Err(cursor.error(Fault::Json));
        }
        let mut found = Found::default();
        if let Err(fault) = self.walk(&mut cursor, &mut found) {
            return Err(cursor.error(fault));
        }
        if found.twice {
            return Err(Malformed::Twice);
        }
        self.kind = match found.kind {
            // Some servers put the body of an HTTP error into the stream as it is.
            (_, 0) if self.raw(Member::error).is_some() => Cow::Borrowed("error"),
            (_, 0) => return Err(Malformed::missing("event", "type")),
            span => self.text_at(span).ok_or_else(|| Malformed::wrong_type("event", "type"))?,
        };
        Ok(())
    }

    fn walk(&mut self, cursor: &mut Cursor<'a>, found: &mut Found) -> Result<(), Fault> {
        cursor.expect(b'{')?;
        if cursor.peek() == Some(b'}') {
            cursor.at += 1;
        } else {
            loop {
                self.member(cursor, found)?;
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
    fn member(&mut self, cursor: &mut Cursor<'a>, found: &mut Found) -> Result<(), Fault> {
        cursor.peek();
        let start = cursor.at;
        let escaped = cursor.string()?;
        let quoted = start..cursor.at;
        cursor.expect(b':')?;
        cursor.peek();
        let start = cursor.at;
        let marked = if cursor.value()? { ESCAPED } else { 0 };
        // The payload is not longer than a span can tell, which `scan` saw to.
        let span = (start as u32, cursor.at as u32 | marked);
        let place = if escaped {
            let Ok(name) = serde_json::from_str::<String>(&self.text[quoted]) else { return Err(Fault::Json) };
            self.place(name.as_bytes(), found)
        } else {
            self.place(&self.text.as_bytes()[quoted.start + 1..quoted.end - 1], found)
        };
        if let Some(place) = place {
            let before = mem::replace(place, span);
            found.twice |= before.1 != 0;
        }
        Ok(())
    }

    /// Where a member's span belongs, if the member means something.
    #[inline]
    fn place<'p>(&'p mut self, name: &[u8], found: &'p mut Found) -> Option<&'p mut (u32, u32)> {
        match Member::of(name) {
            Some(member) => Some(&mut self.spans[member as usize]),
            None if same(name, b"type") => Some(&mut found.kind),
            None => None,
        }
    }

    /// The payload.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// The `type`.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The lane, when one is named.
    #[must_use]
    pub fn stream_id(&self) -> Option<Cow<'a, str>> {
        self.string_opt(Member::stream_id)
    }

    /// The `response_id`.
    pub(crate) fn response_id(&self) -> Option<Cow<'a, str>> {
        self.string_opt(Member::response_id)
    }

    /// The `item_id`.
    pub(crate) fn item_id(&self) -> Option<Cow<'a, str>> {
        self.string_opt(Member::item_id)
    }

    /// The `item`, as text.
    #[must_use]
    pub fn item(&self) -> Option<&'a str> {
        self.raw(Member::item)
    }

    /// The `response`, as text.
    #[must_use]
    pub fn response(&self) -> Option<&'a str> {
        self.raw(Member::response)
    }

    /// The `headers`, as text.
    #[must_use]
    pub fn headers(&self) -> Option<&'a str> {
        self.raw(Member::headers)
    }

    /// What the event does to its request.
    ///
    /// It can be less than the kind promises. An `error` that says nothing, or that all is well, ends nothing (§6.3); nor does
    /// a `response.created` or `response.completed` without its `response` (§5.4), which is malformed besides. And a response
    /// that is `incomplete` because it was *steered* has a successor, whose `response.created` follows.
    #[must_use]
    pub fn class(&self) -> EventClass {
        let class = crate::responses::event::class(&self.kind);
        let is_less = match class {
            EventClass::Error => !self.is_error(),
            EventClass::Completed => self.response().is_none(),
            EventClass::Created => self.kind == "response.created" && self.response().is_none(),
            EventClass::Incomplete => self.incomplete_reason().as_deref() == Some("steered"),
            EventClass::Informational | EventClass::Output | EventClass::Failed => false,
        };
        if is_less { EventClass::Informational } else { class }
    }

    fn is_error(&self) -> bool {
        if self.raw(Member::code).is_some_and(|code| code == "\"websocket_connection_limit_reached\"") {
            return true;
        }
        match self.status() {
            Some(200..=299) => false,
            Some(_) => true,
            None => [Member::error, Member::message, Member::code].into_iter().any(|member| self.raw(member).is_some()),
        }
    }

    /// The HTTP status that an event names: an integer of 100 to 999, as a number or in a string.
    pub(in crate::responses) fn status(&self) -> Option<u16> {
        let read =
            |member| self.raw(member)?.trim_matches('"').parse::<u16>().ok().filter(|at| (100..=999).contains(at));
        read(Member::status).or_else(|| read(Member::status_code))
    }

    /// Why a response is incomplete, where it says so.
    pub(in crate::responses) fn incomplete_reason(&self) -> Option<String> {
        let pairs = Members::pairs(self.response()?).ok()?;
        let (_, details) = pairs.into_iter().find(|(key, _)| key == "incomplete_details")?;
        let pairs = Members::pairs(details).ok()?;
        let (_, reason) = pairs.into_iter().find(|(key, _)| key == "reason")?;
        serde_json::from_str(reason).ok()
    }

    /// The turn's token, which travels in `response.metadata` over WebSocket (`docs/protocol.md` §8).
    #[must_use]
    pub fn turn_state(&self) -> Option<Cow<'a, str>> {
        if self.kind != "response.metadata" {
            return None;
        }
        json_field(self.headers()?, &[TURN_STATE]).map(Cow::Owned)
    }

    /// A member's text; `null` is nothing.
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

    /// A member that may be missing: one of another type is as good as missing, for the payload has it still.
    #[inline]
    pub(in crate::responses) fn string_opt(&self, member: Member) -> Option<Cow<'a, str>> {
        self.text_at(self.spans[member as usize])
    }

    /// A JSON string's text, borrowed where nothing is escaped.
    #[inline]
    fn text_at(&self, (start, end): (u32, u32)) -> Option<Cow<'a, str>> {
        let text = self.text.get(start as usize..(end & !ESCAPED) as usize)?;
        if end & ESCAPED != 0 {
            return serde_json::from_str(text).ok().map(Cow::Owned);
        }
        Some(Cow::Borrowed(text.strip_prefix('"')?.strip_suffix('"')?))
    }

    /// The same of an integer.
    pub(in crate::responses) fn integer_opt(&self, member: Member) -> Option<i64> {
        self.raw(member)?.parse().ok()
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

//! A scan over one payload of an event: where its known members are, and what its `type` is.

use alloc::borrow::Cow;
use alloc::string::String;

use super::members::{LONGEST_PAYLOAD, Member, Span, Spans};
use super::table::EventType;
use super::value::{raw_at, text_at};
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::member;
use crate::responses::json::perfect_hash::same;
use crate::responses::json::scan::{Cursor, Fault};

/// The terminal event types.
pub(super) const RESPONSE_ENDS: [&str; 5] =
    ["response.completed", "response.incomplete", "response.failed", "response.done", "response.cancelled"];

/// The source of the `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KindSource {
    /// The payload: its `type`, or its members.
    Payload,
    /// The event type of the event stream (WHATWG HTML §9.2).
    EventType,
    /// The payload cannot be parsed. It counts as terminal because of its event type, or because it contains such a
    /// `type`.
    Unreadable,
}

/// A scan over one payload.
pub(super) struct Walk<'a> {
    text: &'a str,
    pub(super) spans: Spans,
    kind: Span,
}

impl<'a> Walk<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, spans: Spans::NONE, kind: (0, 0) }
    }

    /// Scans the payload, and finds its known members. Returns its `type`, where that is from, and which it is. `event_type`: the event type
    /// (WHATWG HTML §9.2), or empty.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if it is not one JSON object, or has no `type`.
    pub(super) fn run(&mut self, event_type: &'a str) -> Result<(Cow<'a, str>, KindSource, EventType), Malformed> {
        let mut cursor = Cursor::new(self.text);
        if self.text.len() > LONGEST_PAYLOAD {
            return Err(cursor.error(Fault::Json));
        }
        self.object(&mut cursor).map_err(|fault| cursor.error(fault))?;
        let (kind, source) = self.kind(event_type)?;
        let event_type = EventType::of(&kind);
        if event_type.is_response_end() && self.raw(Member::response).is_none() {
            // Some servers put the members of the response beside the `type`.
            let start = self.text.len() - self.text.trim_start().len();
            self.spans.set(Member::response, (start as u32, self.text.trim_end().len() as u32));
        }
        Ok((kind, source, event_type))
    }

    fn object(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        cursor.expect(b'{')?;
        if cursor.peek() == Some(b'}') {
            cursor.at += 1;
        } else {
            loop {
                self.member(cursor)?;
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
    fn member(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Fault> {
        cursor.peek();
        let start = cursor.at;
        let escaped = cursor.string()?;
        let quoted = start..cursor.at;
        cursor.expect(b':')?;
        let span = cursor.span()?;
        if escaped {
            let Ok(name) = lenient::read::<String>(&self.text[quoted]) else { return Err(Fault::Json) };
            self.set_named(name.as_bytes(), span);
        } else {
            self.set_named(&self.text.as_bytes()[quoted.start + 1..quoted.end - 1], span);
        }
        Ok(())
    }

    /// Stores the position of a known member, or of the `type`.
    #[inline]
    fn set_named(&mut self, name: &[u8], span: Span) {
        match Member::of(name) {
            Some(member) => self.spans.set(member, span),
            None if same(name, b"type") => self.kind = span,
            None => {}
        }
    }

    fn raw(&self, member: Member) -> Option<&'a str> {
        raw_at(self.text, self.spans.get(member))
    }

    fn kind(&self, event_type: &'a str) -> Result<(Cow<'a, str>, KindSource), Malformed> {
        match self.kind {
            (_, 0) => self.infer_kind(event_type),
            span => {
                let kind = text_at(self.text, span).ok_or_else(|| Malformed::wrong_type("event", "type"))?;
                Ok((kind, KindSource::Payload))
            }
        }
    }

    /// Determines the `type` of a payload without one.
    #[cold]
    fn infer_kind(&self, event_type: &'a str) -> Result<(Cow<'a, str>, KindSource), Malformed> {
        let is_end = event_type == "error" || RESPONSE_ENDS.contains(&event_type);
        if !is_end && has_error_members(self.text, |member| self.raw(member)) {
            Ok((Cow::Borrowed("error"), KindSource::Payload))
        } else if event_type.is_empty() || event_type == "message" {
            Err(Malformed::missing("event", "type"))
        } else {
            Ok((Cow::Borrowed(event_type), KindSource::EventType))
        }
    }
}

/// Returns whether a payload has a member that says what failed. `raw` finds the known ones.
pub(super) fn has_error_members<'a>(text: &'a str, raw: impl Fn(Member) -> Option<&'a str>) -> bool {
    let known = [Member::error, Member::message, Member::code];
    known.into_iter().any(|member| raw(member).is_some())
        || ["detail", "details"].into_iter().any(|name| member(text, name).is_some())
}

//! The positions of the members that an event is read from, in the order in which its type declares them.

use alloc::borrow::Cow;

use super::members::{Member, Span, Spans};
use super::position::{KEPT, Position};
use super::table::{EVENT_TYPES, EventType};
use super::value::{integer_at, raw_at, text_at};
use crate::responses::json::malformed::Malformed;
use crate::responses::json::raw::RawJson;

/// The members that every type has: `sequence_number` and `stream_id`.
pub(super) const COMMON: [Member; 2] = [Member::sequence_number, Member::stream_id];

/// The number of positions: those of the common members, of as many others as a type has at most, and as many as make whole vectors of the
/// short form: the parts of one would be written one by one, and a move of all would wait until they have left the store buffer.
pub(super) const FIELDS: usize = (COMMON.len() + 8).next_multiple_of(4);

const _: () = {
    let mut types = EVENT_TYPES;
    while let Some(((_, _, members), rest)) = types.split_first() {
        assert!(COMMON.len() + members.len() <= FIELDS);
        types = rest;
    }
};

/// The number of positions of a delta, at most, in whole vectors.
pub(super) const DELTA_FIELDS: usize = 8;

/// The positions of the common members, and behind them those of the type's own; empty where the payload does not have a member.
pub(super) type Positions = [Span; FIELDS];

/// Returns the index of a member among the positions of a type; [`FIELDS`] if the type does not have it.
pub(super) fn index_of(event_type: EventType, member: Member) -> usize {
    let mut members = COMMON.iter().chain(event_type.members());
    members.position(|known| *known == member).unwrap_or(FIELDS)
}

/// Returns what is kept of a member at this position: an integer itself, if it is small.
#[inline]
fn kept(text: &str, member: Member, position: Span) -> Span {
    if !member.is_integer() {
        return position;
    }
    let (start, end) = position;
    let integer = text.get(start as usize..end as usize).and_then(|digits| digits.parse::<u16>().ok());
    integer.map_or(position, |integer| (u32::from(integer), KEPT))
}

/// Returns the positions of the members that an event of this type is read from.
#[inline]
pub(super) fn positions(text: &str, event_type: EventType, spans: &Spans) -> Positions {
    let mut positions = [(0, 0); FIELDS];
    for (position, member) in positions.iter_mut().zip(COMMON.iter().chain(event_type.members())) {
        *position = kept(text, *member, spans.get(*member));
    }
    positions
}

/// Reads the members of a payload, by the index of their positions.
pub(super) struct FieldReader<'a, 'p, P> {
    text: &'a str,
    positions: &'p [P; FIELDS],
}

impl<'a, 'p, P: Position> FieldReader<'a, 'p, P> {
    #[inline]
    pub(super) const fn new(text: &'a str, positions: &'p [P; FIELDS]) -> Self {
        Self { text, positions }
    }

    #[inline(always)]
    pub(super) fn string(&self, index: usize) -> Option<Cow<'a, str>> {
        text_at(self.text, self.positions[index])
    }

    /// `kind`: the type, of which this member is required.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if it is missing, or no string.
    #[inline(always)]
    pub(super) fn required_string(&self, index: usize, kind: &str, member: Member) -> Result<Cow<'a, str>, Malformed> {
        let position = self.positions[index];
        match text_at(self.text, position) {
            Some(text) => Ok(text),
            None => Err(self.no_string(position.span(), kind, member)),
        }
    }

    #[cold]
    fn no_string(&self, position: Span, kind: &str, member: Member) -> Malformed {
        match raw_at(self.text, position) {
            Some(_) => Malformed::wrong_type(kind, member.name()),
            None => Malformed::missing(kind, member.name()),
        }
    }

    #[inline(always)]
    pub(super) fn integer(&self, index: usize) -> Option<i64> {
        let position = self.positions[index];
        match position.integer() {
            Some(integer) => Some(i64::from(integer)),
            None => integer_at(self.text, position.span()),
        }
    }

    #[inline(always)]
    pub(super) fn value(&self, index: usize) -> Option<RawJson<'a>> {
        raw_at(self.text, self.positions[index].span()).map(RawJson::trusted)
    }
}

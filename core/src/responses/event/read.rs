//! Reads the contents of an event from the positions of its members.

use alloc::borrow::Cow;

use super::fields::{COMMON, DELTA_FIELDS, FieldReader, Positions};
use super::found::ShortFound;
use super::members::Member;
use super::server_event::ServerEvent;
use super::table::{EventData, EventType, event_table};
use crate::responses::json::malformed::Malformed;

macro_rules! read {
    (str_opt $kind:literal $fields:ident $next:ident $failed:ident $member:ident) => {
        $fields.string(take(&mut $next))
    };
    (int_opt $kind:literal $fields:ident $next:ident $failed:ident $member:ident) => {
        $fields.integer(take(&mut $next))
    };
    (raw_opt $kind:literal $fields:ident $next:ident $failed:ident $member:ident) => {
        $fields.value(take(&mut $next))
    };
    (str $kind:literal $fields:ident $next:ident $failed:ident $member:ident) => {
        match $fields.required_string(take(&mut $next), $kind, Member::$member) {
            Ok(text) => text,
            Err(malformed) => return $failed(malformed),
        }
    };
    (raw $kind:literal $fields:ident $next:ident $failed:ident $member:ident) => {
        match $fields.value(take(&mut $next)) {
            Some(value) => value,
            None => return $failed(Malformed::missing($kind, Member::$member.name())),
        }
    };
}

/// Returns an index, and increments it. The compiler knows each of them.
#[inline]
const fn take(next: &mut usize) -> usize {
    *next += 1;
    *next - 1
}

macro_rules! reader {
    ($($(#[$doc:meta])* $variant:ident $kind:literal $class:ident { $($member:ident: $how:ident,)* })*) => {
        const _: () = {
            $(assert!(!EventType::$variant.is_delta() || COMMON.len() + EventType::$variant.members().len() <= DELTA_FIELDS);)*
        };

        impl EventType {
            /// Returns the members that the contents of an event of this type are read from, in the order in which they are read.
            pub(super) const fn members(self) -> &'static [Member] {
                match self {
                    $(Self::$variant => &[$(Member::$member),*],)*
                    Self::Other => &[],
                }
            }
        }

        impl<'a> ServerEvent<'a> {
            /// Parses a payload of this type whose members are at these positions. `kind` is its `type`, if that is unknown.
            ///
            /// # Errors
            ///
            /// [`Malformed`] if it lacks a required member.
            pub(super) fn read_at(
                event_type: EventType,
                kind: &Cow<'a, str>,
                text: &'a str,
                positions: &Positions,
            ) -> Result<Self, Malformed> {
                let (fields, mut next) = (FieldReader::new(text, positions), 0);
                let (sequence_number, stream_id) = (fields.integer(take(&mut next)), fields.string(take(&mut next)));
                let raw = Some(Cow::Borrowed(text));
                match event_type {
                    $(EventType::$variant => Ok(Self {
                        data: EventData::$variant { $($member: read!($how $kind fields next Err $member),)* },
                        sequence_number,
                        stream_id,
                        raw,
                    }),)*
                    EventType::Other => {
                        Ok(Self { data: EventData::Other { kind: kind.clone() }, sequence_number, stream_id, raw })
                    }
                }
            }
        }

        impl ShortFound {
            /// Parses the payload that this was found in, as [`ServerEvent::read`] does. Returns what `made` makes of the event, or `failed` of
            /// the reason why it is none.
            ///
            /// An event is so large that moving it takes as long as reading a member or two: `made` is inlined, and a delta is built as a
            /// part of what it returns. Each kind of result is another copy of the code, which the other types have in common.
            #[inline]
            pub(crate) fn read<'a, T>(
                &self,
                text: &'a str,
                made: impl Fn(ServerEvent<'a>) -> T,
                failed: impl Fn(Malformed) -> T,
            ) -> T {
                let (fields, mut next) = (FieldReader::new(text, &self.positions), 0);
                let (sequence_number, stream_id) = (fields.integer(take(&mut next)), fields.string(take(&mut next)));
                let raw = Some(Cow::Borrowed(text));
                match self.event_type {
                    $(EventType::$variant if const { EventType::$variant.is_delta() } => made(ServerEvent {
                        data: EventData::$variant { $($member: read!($how $kind fields next failed $member),)* },
                        sequence_number,
                        stream_id,
                        raw,
                    }),)*
                    _ => match self.read_other(text) {
                        Ok(event) => made(event),
                        Err(malformed) => failed(malformed),
                    },
                }
            }
        }
    };
}

event_table!(reader);

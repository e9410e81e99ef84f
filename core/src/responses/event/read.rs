//! Reads the contents of an event from the positions of its members.

use alloc::borrow::Cow;

use super::fields::{FieldReader, Positions};
use super::members::Member;
use super::server_event::ServerEvent;
use super::table::{EventData, EventType, event_table};
use crate::responses::json::malformed::Malformed;

macro_rules! read {
    (str_opt $kind:ident $fields:ident $member:ident) => {
        $fields.string()
    };
    (int_opt $kind:ident $fields:ident $member:ident) => {
        $fields.integer()
    };
    (raw_opt $kind:ident $fields:ident $member:ident) => {
        $fields.value()
    };
    (str $kind:ident $fields:ident $member:ident) => {
        $fields.required_string($kind, Member::$member)?
    };
    (raw $kind:ident $fields:ident $member:ident) => {
        match $fields.value() {
            Some(value) => value,
            None => return Err(Malformed::missing($kind, Member::$member.name())),
        }
    };
}

macro_rules! reader {
    ($($(#[$doc:meta])* $variant:ident $kind:literal $class:ident { $($member:ident: $how:ident,)* })*) => {
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
            /// Parses a payload whose members are at these positions. `kind`: its `type`, whose type is `event_type`.
            pub(super) fn read_at(
                event_type: EventType,
                kind: &Cow<'a, str>,
                text: &'a str,
                positions: &Positions,
            ) -> Result<Self, Malformed> {
                let mut fields = FieldReader::new(text, positions);
                let (sequence_number, stream_id) = (fields.integer(), fields.string());
                let raw = Some(Cow::Borrowed(text));
                // Each event is built where it is returned: its parts would be moved otherwise.
                match event_type {
                    $(EventType::$variant => Ok(Self {
                        data: EventData::$variant { $($member: read!($how kind fields $member),)* },
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
    };
}

event_table!(reader);

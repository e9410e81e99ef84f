//! Reads the contents of an event from the positions of its members.

use alloc::borrow::Cow;

use super::envelope::{AllSpans, Member};
use super::table::{EventData, EventType, event_table};
use crate::responses::json::malformed::Malformed;

macro_rules! read {
    (str_opt $kind:ident $spans:ident $member:ident) => {
        $spans.string_opt(Member::$member)
    };
    (int_opt $kind:ident $spans:ident $member:ident) => {
        $spans.integer_opt(Member::$member)
    };
    (raw_opt $kind:ident $spans:ident $member:ident) => {
        $spans.value(Member::$member)
    };
    (str $kind:ident $spans:ident $member:ident) => {
        match $spans.string_opt(Member::$member) {
            Some(text) => text,
            None => return Err(no_string($kind, $spans, Member::$member)),
        }
    };
    (raw $kind:ident $spans:ident $member:ident) => {
        match $spans.value(Member::$member) {
            Some(value) => value,
            None => return Err(Malformed::missing($kind, Member::$member.name())),
        }
    };
}

#[cold]
fn no_string(kind: &str, spans: &AllSpans<'_, '_>, member: Member) -> Malformed {
    match spans.raw(member) {
        Some(_) => Malformed::wrong_type(kind, member.name()),
        None => Malformed::missing(kind, member.name()),
    }
}

macro_rules! reader {
    ($($(#[$doc:meta])* $variant:ident $kind:literal $class:ident { $($member:ident: $how:ident,)* })*) => {
        impl<'a> EventData<'a> {
            /// `kind`: the `type`, whose type is `event_type`.
            pub(super) fn read(
                event_type: EventType,
                kind: &Cow<'a, str>,
                spans: &AllSpans<'a, '_>,
            ) -> Result<Self, Malformed> {
                Ok(match event_type {
                    $(EventType::$variant => Self::$variant { $($member: read!($how kind spans $member),)* },)*
                    EventType::Other => Self::Other { kind: kind.clone() },
                })
            }
        }
    };
}

event_table!(reader);

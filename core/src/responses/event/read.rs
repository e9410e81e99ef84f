//! Reads the contents of an event from its envelope.

use super::envelope::{AllSpans, Envelope, Member};
use super::table::{EventData, EventType, event_table};
use crate::responses::json::malformed::Malformed;

macro_rules! read {
    (str_opt $envelope:ident $spans:ident $member:ident) => {
        $spans.string_opt(Member::$member)
    };
    (int_opt $envelope:ident $spans:ident $member:ident) => {
        $spans.integer_opt(Member::$member)
    };
    (raw_opt $envelope:ident $spans:ident $member:ident) => {
        $spans.value(Member::$member)
    };
    (str $envelope:ident $spans:ident $member:ident) => {
        match $spans.string_opt(Member::$member) {
            Some(text) => text,
            None => return Err(no_string($envelope, $spans, Member::$member)),
        }
    };
    (raw $envelope:ident $spans:ident $member:ident) => {
        match $spans.value(Member::$member) {
            Some(value) => value,
            None => return Err(Malformed::missing($envelope.kind(), Member::$member.name())),
        }
    };
}

#[cold]
fn no_string(envelope: &Envelope<'_>, spans: &AllSpans<'_, '_>, member: Member) -> Malformed {
    match spans.raw(member) {
        Some(_) => Malformed::wrong_type(envelope.kind(), member.name()),
        None => Malformed::missing(envelope.kind(), member.name()),
    }
}

macro_rules! reader {
    ($($(#[$doc:meta])* $variant:ident $kind:literal $class:ident { $($member:ident: $how:ident,)* })*) => {
        impl<'a> EventData<'a> {
            pub(super) fn read(envelope: &Envelope<'a>, spans: &AllSpans<'a, '_>) -> Result<Self, Malformed> {
                Ok(match envelope.event_type {
                    $(EventType::$variant => Self::$variant { $($member: read!($how envelope spans $member),)* },)*
                    EventType::Other => Self::Other { kind: envelope.kind.clone() },
                })
            }
        }
    };
}

event_table!(reader);

//! Reads the contents of an event from its envelope.

use super::envelope::{Envelope, Member};
use super::table::{EventData, event_table};
use crate::responses::json::malformed::Malformed;

macro_rules! read {
    (str_opt $envelope:ident $member:ident) => {
        $envelope.string_opt(Member::$member)
    };
    (int_opt $envelope:ident $member:ident) => {
        $envelope.integer_opt(Member::$member)
    };
    (raw_opt $envelope:ident $member:ident) => {
        $envelope.value(Member::$member)
    };
    (str $envelope:ident $member:ident) => {
        needed($envelope, $envelope.string(Member::$member)?, Member::$member)?
    };
    (raw $envelope:ident $member:ident) => {
        needed($envelope, $envelope.value(Member::$member), Member::$member)?
    };
}

fn needed<T>(envelope: &Envelope<'_>, value: Option<T>, member: Member) -> Result<T, Malformed> {
    value.ok_or_else(|| Malformed::missing(envelope.kind(), member.name()))
}

macro_rules! reader {
    ($($(#[$doc:meta])* $variant:ident $kind:literal $class:ident { $($member:ident: $how:ident,)* })*) => {
        impl<'a> EventData<'a> {
            pub(in crate::responses) fn read(envelope: &Envelope<'a>) -> Result<Self, Malformed> {
                Ok(match envelope.kind() {
                    $($kind => Self::$variant { $($member: read!($how envelope $member),)* },)*
                    _ => Self::Other { kind: envelope.kind.clone() },
                })
            }
        }
    };
}

event_table!(reader);

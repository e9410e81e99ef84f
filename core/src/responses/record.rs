//! `record!`: declares objects of the protocol member by member. It generates the type, its builder methods, its parser
//! and its writer.
//!
//! Parsing is lenient: an optional member of another type is kept among the unknown members and written back unchanged.
//! Writing omits unset members.

use alloc::vec::Vec;

use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::Object;
pub(in crate::responses) use crate::responses::json::value::JsonValue;

/// Parses the members of a declared object. `kind` is its `type`, or empty if it has none.
pub(in crate::responses) fn members<'a>(json: &'a str, kind: &str) -> Result<Members<'a>, Malformed> {
    if kind.is_empty() {
        return Members::untyped(json);
    }
    let members = Members::parse(json)?;
    if members.kind() == kind || members.kind().is_empty() {
        Ok(members)
    } else {
        Err(Malformed::wrong_type(members.kind(), "type"))
    }
}

/// Begins a declared object.
pub(in crate::responses) fn begin<'o>(out: &'o mut Vec<u8>, kind: &str) -> Object<'o> {
    let mut object = Object::new(out);
    if !kind.is_empty() {
        object.string("type", kind);
    }
    object
}

/// Implements serde with the parser and the writer of a type.
macro_rules! serde_by_text {
    ($($name:ident)*) => {
        $(
            impl serde_core::Serialize for $name {
                fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serde_core::Serialize::serialize(&self.to_raw(), serializer)
                }
            }

            impl<'de> serde_core::Deserialize<'de> for $name {
                fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let raw: $crate::responses::RawJson<'static> = serde_core::Deserialize::deserialize(deserializer)?;
                    Self::parse(raw.as_str()).map_err(serde_core::de::Error::custom)
                }
            }
        )*
    };
}

/// The type of a member: `[T]` is a list.
macro_rules! field_type {
    ([RawJson]) => { alloc::vec::Vec<$crate::responses::RawJson<'static>> };
    ([$type:ident]) => { alloc::vec::Vec<$type> };
    (RawJson) => { $crate::responses::RawJson<'static> };
    ($type:ident) => { $type };
}

/// The type of the argument that sets a member.
macro_rules! given_type {
    ([RawJson]) => { impl IntoIterator<Item = impl Into<$crate::responses::RawJson<'static>>> };
    ([$type:ident]) => { impl IntoIterator<Item = impl Into<$type>> };
    (RawJson) => { impl Into<$crate::responses::RawJson<'static>> };
    (ClientMetadata) => { impl IntoIterator<Item = (impl Into<alloc::string::String>, impl Into<alloc::string::String>)> };
    ($type:ident) => { impl Into<$type> };
}

/// The value of the argument that sets a member.
macro_rules! given_value {
    ([$type:ident] $given:ident) => {
        $given.into_iter().map(Into::into).collect()
    };
    (ClientMetadata $given:ident) => {
        $given.into_iter().collect()
    };
    ($type:ident $given:ident) => {
        $given.into()
    };
}

/// The name of a member in JSON.
macro_rules! wire_name {
    ($member:ident) => {
        stringify!($member)
    };
    ($member:ident $wire:literal) => {
        $wire
    };
}

/// Declares an object: its `type` or `""`, its constructor with the required members, and the others. `name("wire")`
/// gives a member another name in JSON.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident $kind:literal $vis:vis $new:ident(
        $($(#[$required_meta:meta])* $required:ident $(($required_wire:literal))?: $required_type:tt),*
    ) { $($(#[$member_meta:meta])* $member:ident $(($wire:literal))?: $type:tt,)* }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$required_meta])* pub $required: $crate::responses::record::field_type!($required_type),)*
            $($(#[$member_meta])* pub $member: Option<$crate::responses::record::field_type!($type)>,)*
            /// Unknown members, written last.
            pub extra: $crate::responses::ExtraMembers,
        }

        impl $name {
            /// Creates the object with its required members; all others are unset.
            #[must_use]
            $vis fn $new($($required: $crate::responses::record::given_type!($required_type)),*) -> Self {
                Self {
                    $($required: $crate::responses::record::given_value!($required_type $required),)*
                    $($member: None,)*
                    extra: $crate::responses::ExtraMembers::new(),
                }
            }

            $(
                #[doc = concat!("Sets `", $crate::responses::record::wire_name!($member $($wire)?), "`.")]
                #[must_use]
                pub fn $member(mut self, $member: $crate::responses::record::given_type!($type)) -> Self {
                    self.$member = Some($crate::responses::record::given_value!($type $member));
                    self
                }
            )*

            /// Parses the object. An optional member of another type is kept in `extra`.
            ///
            /// # Errors
            ///
            /// Returns [`Malformed`](crate::responses::Malformed) when the text is not a JSON object of this `type`, or a
            /// required member is missing or has another type.
            pub fn parse(json: &str) -> Result<Self, $crate::responses::Malformed> {
                let mut members = $crate::responses::record::members(json, $kind)?;
                Ok(Self {
                    $($required: members.required_value($crate::responses::record::wire_name!($required $($required_wire)?))?,)*
                    $($member: members.optional_value($crate::responses::record::wire_name!($member $($wire)?)),)*
                    // Taken, so that the members change in an object without declared ones too.
                    extra: core::mem::take(&mut members).rest(),
                })
            }

            /// Appends the object.
            pub fn encode(&self, out: &mut alloc::vec::Vec<u8>) {
                let mut object = $crate::responses::record::begin(out, $kind);
                $($crate::responses::record::JsonValue::write(
                    &self.$required,
                    object.key($crate::responses::record::wire_name!($required $($required_wire)?)),
                );)*
                $(if let Some(value) = &self.$member {
                    let key = object.key($crate::responses::record::wire_name!($member $($wire)?));
                    $crate::responses::record::JsonValue::write(value, key);
                })*
                for (name, value) in &self.extra {
                    let is_written = (!$kind.is_empty() && name == "type")
                        $(|| name == $crate::responses::record::wire_name!($required $($required_wire)?))*
                        $(|| (self.$member.is_some() && name == $crate::responses::record::wire_name!($member $($wire)?)))*;
                    if !is_written {
                        object.raw(name, value.as_str());
                    }
                }
                object.end();
            }

            /// Returns the object as JSON.
            #[must_use]
            pub fn to_raw(&self) -> $crate::responses::RawJson<'static> {
                let mut out = alloc::vec::Vec::new();
                self.encode(&mut out);
                $crate::responses::RawJson::written(out)
            }
        }

        impl $crate::responses::record::JsonValue for $name {
            fn read(json: &str) -> Option<Self> {
                Self::parse(json).ok()
            }

            fn write(&self, out: &mut alloc::vec::Vec<u8>) {
                self.encode(out);
            }
        }

        impl From<$name> for $crate::responses::RawJson<'static> {
            fn from(object: $name) -> Self {
                object.to_raw()
            }
        }

        $crate::responses::record::serde_by_text!($name);
    };
}

pub(in crate::responses) use {field_type, given_type, given_value, record, serde_by_text, wire_name};

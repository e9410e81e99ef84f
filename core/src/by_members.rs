//! serde for structs, member by member. A derive would do the same, but its crates take a sixth of the time in which a client and all that
//! it depends on are built.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use serde_core::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// Implements `Deserialize` for a struct with these members. One with a value behind `=` may be missing. `("wire")` gives a member another
/// name, which a raw identifier needs, and `| "alias"` a further one. Other members are ignored; or rejected, if the list begins with
/// `closed`.
macro_rules! deserialize_by_members {
    (closed $($struct:tt)*) => { $crate::by_members::deserialize_by_members! { @reject $($struct)* } };
    (@$unknown:ident $type:ident {
        $($member:ident $(($wire:literal))? $(| $alias:literal)* $(= $default:expr)?),* $(,)?
    }) => {
        impl<'de> serde_core::Deserialize<'de> for $type {
            fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use $crate::by_members as by;

                struct Members;

                impl<'de> serde_core::de::Visitor<'de> for Members {
                    type Value = $type;

                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str(concat!("struct ", stringify!($type)))
                    }

                    fn visit_map<A: serde_core::de::MapAccess<'de>>(self, mut map: A) -> Result<$type, A::Error> {
                        $(let mut $member = None;)*
                        while let Some(by::Name(name)) = map.next_key()? {
                            match &*name {
                                $(name if name == by::member_name!($member $($wire)?) $(|| name == $alias)* => {
                                    by::set(&mut $member, by::member_name!($member $($wire)?), &mut map)?;
                                })*
                                name => by::$unknown(name, NAMES, &mut map)?,
                            }
                        }
                        Ok($type {
                            $($member: by::member_value!(by::member_name!($member $($wire)?), $member $(, $default)?),)*
                        })
                    }
                }

                const NAMES: &[&str] = &[$(by::member_name!($member $($wire)?)),*];
                deserializer.deserialize_struct(stringify!($type), NAMES, Members)
            }
        }
    };
    ($($struct:tt)*) => { $crate::by_members::deserialize_by_members! { @ignore $($struct)* } };
}

/// Implements `Serialize` for a struct with these members. Those behind `;` are omitted when they are unset.
macro_rules! serialize_by_members {
    ($type:ident $(<$lifetime:lifetime>)? {
        $($member:ident $(($wire:literal))?),* $(,)? $(; $($optional:ident $(($optional_wire:literal))?),* $(,)?)?
    }) => {
        impl serde_core::Serialize for $type $(<$lifetime>)? {
            fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde_core::ser::SerializeStruct as _;
                use $crate::by_members as by;

                let always = <[&str]>::len(&[$(stringify!($member)),*]);
                let length = always $($(+ usize::from(self.$optional.is_some()))*)?;
                let mut object = serializer.serialize_struct(stringify!($type), length)?;
                $(object.serialize_field(by::member_name!($member $($wire)?), &self.$member)?;)*
                $($(if let Some(value) = &self.$optional {
                    object.serialize_field(by::member_name!($optional $($optional_wire)?), value)?;
                })*)?
                object.end()
            }
        }
    };
}

/// The name of a member in text.
macro_rules! member_name {
    ($member:ident) => {
        stringify!($member)
    };
    ($member:ident $wire:literal) => {
        $wire
    };
}

/// The value of a member, or its default.
macro_rules! member_value {
    ($name:expr, $value:ident) => {
        $value.ok_or_else(|| serde_core::de::Error::missing_field($name))?
    };
    ($name:expr, $value:ident, $default:expr) => {
        $value.unwrap_or_else(|| $default)
    };
}

pub(crate) use {deserialize_by_members, member_name, member_value, serialize_by_members};

/// The name of a member, borrowed if it has no escapes.
pub(crate) struct Name<'a>(pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(String::from(name))))
    }
}

/// Reads the value of a member.
pub(crate) fn set<'de, T, A>(value: &mut Option<T>, name: &'static str, map: &mut A) -> Result<(), A::Error>
where
    T: Deserialize<'de>,
    A: MapAccess<'de>,
{
    if value.is_some() {
        return Err(Error::duplicate_field(name));
    }
    *value = Some(map.next_value()?);
    Ok(())
}

/// Skips the value of an unknown member.
pub(crate) fn ignore<'de, A: MapAccess<'de>>(_: &str, _: &[&str], map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// Rejects an unknown member.
pub(crate) fn reject<'de, A>(name: &str, known: &'static [&'static str], _: &mut A) -> Result<(), A::Error>
where
    A: MapAccess<'de>,
{
    Err(Error::unknown_field(name, known))
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString as _};

    #[derive(Debug, PartialEq)]
    struct Lenient {
        r#type: String,
        count: Option<u64>,
        limit: u64,
    }

    deserialize_by_members! { Lenient { r#type("type"), count | "n" = None, limit = 7 } }
    serialize_by_members! { Lenient { r#type("type"), limit; count } }

    #[derive(Debug, PartialEq)]
    struct Closed {
        limit: u64,
    }

    deserialize_by_members! { closed Closed { limit = 7 } }

    fn lenient(json: &str) -> Result<Lenient, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn members_are_read_by_name() {
        let read = |count, limit| Ok(Lenient { r#type: "x".into(), count, limit });
        assert_eq!(lenient(r#"{"type":"x","count":1,"limit":2}"#), read(Some(1), 2));
        assert_eq!(lenient(r#"{"limit":2,"other":[{}],"n":1,"type":"x"}"#), read(Some(1), 2));
        assert_eq!(lenient(r#"{"\u0074ype":"x","count":null}"#), read(None, 7));
        assert_eq!(serde_json::from_str::<Closed>("{}").expect("a closed struct"), Closed { limit: 7 });
    }

    #[test]
    fn wrong_members_are_named() {
        let begins = |result: Result<Lenient, String>, error: &str| {
            let actual = result.expect_err(error);
            assert!(actual.starts_with(error), "{actual}");
        };
        begins(lenient("{}"), "missing field `type`");
        begins(lenient(r#"{"type":"x","count":1,"n":1}"#), "duplicate field `count`");
        begins(lenient(r#"{"type":1}"#), "invalid type: integer `1`, expected a string");
        begins(lenient("1"), "invalid type: integer `1`, expected struct Lenient");
        let unknown = serde_json::from_str::<Closed>(r#"{"limits":1}"#).expect_err("an unknown member");
        assert!(unknown.to_string().starts_with("unknown field `limits`, expected `limit`"), "{unknown}");
    }

    #[test]
    fn unset_members_are_omitted() {
        let json = |count| serde_json::to_string(&Lenient { r#type: "x".into(), count, limit: 2 }).expect("JSON");
        assert_eq!(json(None), r#"{"type":"x","limit":2}"#);
        assert_eq!(json(Some(1)), r#"{"type":"x","limit":2,"count":1}"#);
    }
}

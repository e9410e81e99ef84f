//! The members of a JSON object, their values as text: each reader takes out what it knows and keeps the rest.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::responses::json::malformed::Malformed;
use crate::responses::json::object_writer::ExtraMembers;
use crate::responses::json::raw::RawJson;

/// The members of one object, in order.
pub(crate) struct Members<'a> {
    kind: String,
    members: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Members<'a> {
    /// Reads the object, and its `type`, which may be missing.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        let mut members = Self { kind: String::new(), members: Self::pairs(text)? };
        if let Some(kind) = members.optional("type")? {
            members.kind = kind;
        }
        Ok(members)
    }

    /// The `type`; empty when there is none.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// Takes a member's text out; `null` is nothing.
    pub(crate) fn take(&mut self, member: &str) -> Result<Option<&'a str>, Malformed> {
        let mut found = None;
        let mut twice = false;
        self.members.retain(|(key, value)| {
            let is_it = key == member;
            if is_it {
                twice |= found.replace(*value).is_some();
            }
            !is_it
        });
        if twice { Err(Malformed::Twice) } else { Ok(found.filter(|value| *value != "null")) }
    }

    /// Takes a member out as `T`, if it is there.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, member: &'static str) -> Result<Option<T>, Malformed> {
        let Some(text) = self.take(member)? else { return Ok(None) };
        serde_json::from_str(text).map(Some).map_err(|_| Malformed::wrong_type(&self.kind, member))
    }

    /// Takes a member out as `T`, which must be there.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, member: &'static str) -> Result<T, Malformed> {
        self.optional(member)?.ok_or_else(|| Malformed::missing(&self.kind, member))
    }

    /// Takes a member out as text, which must be there.
    pub(crate) fn required_raw(&mut self, member: &'static str) -> Result<RawJson<'static>, Malformed> {
        let text = self.take(member)?.ok_or_else(|| Malformed::missing(&self.kind, member))?;
        Ok(RawJson::trusted(text).into_owned())
    }

    /// Takes a member out as text, if it is there.
    pub(crate) fn optional_raw(&mut self, member: &'static str) -> Result<Option<RawJson<'static>>, Malformed> {
        Ok(self.take(member)?.map(|text| RawJson::trusted(text).into_owned()))
    }

    /// Takes an array out and reads each element, if it is there.
    pub(crate) fn optional_list<T>(
        &mut self,
        member: &'static str,
        each: impl Fn(&str) -> Result<T, Malformed>,
    ) -> Result<Option<Vec<T>>, Malformed> {
        let Some(text) = self.take(member)? else { return Ok(None) };
        let elements: Vec<&RawValue> =
            serde_json::from_str(text).map_err(|_| Malformed::wrong_type(&self.kind, member))?;
        elements.into_iter().map(|element| each(element.get())).collect::<Result<_, _>>().map(Some)
    }

    /// Takes an array out and reads each element; it must be there.
    pub(crate) fn required_list<T>(
        &mut self,
        member: &'static str,
        each: impl Fn(&str) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        self.optional_list(member, each)?.ok_or_else(|| Malformed::missing(&self.kind, member))
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Every pair of an object, the values as text.
    pub(crate) fn pairs(text: &'a str) -> Result<Vec<(Cow<'a, str>, &'a str)>, Malformed> {
        let Pairs(members) = serde_json::from_str(text).map_err(|error| Malformed::json(&error))?;
        Ok(members)
    }

    /// Every pair of an object of strings.
    pub(crate) fn strings(json: &'a str) -> Result<Vec<(String, String)>, Malformed> {
        let read = |(key, value): (Cow<'a, str>, &str)| match serde_json::from_str(value) {
            Ok(value) => Ok((key.into_owned(), value)),
            Err(_) => Err(Malformed::wrong_type("metadata", "value")),
        };
        Self::pairs(json)?.into_iter().map(read).collect()
    }

    /// What nobody took, to be written back as it came.
    pub(crate) fn rest(self) -> ExtraMembers {
        self.members.into_iter().map(|(key, value)| (key.into_owned(), RawJson::trusted(value).into_owned())).collect()
    }
}

/// Every pair of an object.
struct Pairs<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    pairs.push((key, value.get()));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A member's name, borrowed where nothing is escaped in it.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

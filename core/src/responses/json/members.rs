//! The members of a JSON object, with their values as text: each parser takes the members that it knows and keeps the
//! others.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde_core::de::DeserializeOwned;

use super::iter::{each_element, each_member, list};
use super::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::object_writer::ExtraMembers;
use crate::responses::json::raw::RawJson;
use crate::responses::json::value::JsonValue;
use crate::responses::limits;

/// The length in bytes of an object from which on its members are counted before they are collected.
const LARGE: usize = 4 * 1024;

/// The maximum number of members of an object that is parsed member by member: so many, and one for each so many bytes.
const MIN_MEMBERS: usize = 1024;
const MEMBER: usize = 1024;

/// The members of one object, in order.
#[derive(Default)]
pub(crate) struct Members<'a> {
    kind: String,
    members: Vec<(Cow<'a, str>, &'a str)>,
}

impl<'a> Members<'a> {
    /// Parses the object, and its `type`, which may be missing.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        let mut members = Self { kind: String::new(), members: Self::pairs(text)? };
        if let Some(kind) = members.optional::<String>("type")? {
            // Truncated, a long `type` is not that of anything known, either.
            members.kind = if kind.len() > limits::NAME { limits::name(&kind).into() } else { kind };
        }
        Ok(members)
    }

    /// Parses an object whose `type`, if it has one, is an ordinary member.
    pub(crate) fn untyped(text: &'a str) -> Result<Self, Malformed> {
        Ok(Self { kind: String::new(), members: Self::pairs(text)? })
    }

    /// Parses only these members of an object, of which each is an ordinary member. The others take no memory.
    pub(crate) fn named(text: &'a str, names: &[&str]) -> Result<Self, Malformed> {
        let mut members = Vec::new();
        each_member(text, |key, value| {
            if names.contains(&&*key) {
                members.push((key, value));
            }
        })?;
        Ok(Self { kind: String::new(), members })
    }

    /// Returns the `type`; empty if there is none.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// Takes the text of a member out of the object. `null` counts as missing. Of a duplicate member, the last one
    /// counts.
    pub(crate) fn take(&mut self, member: &str) -> Option<&'a str> {
        let mut found = None;
        self.members.retain(|(key, value)| {
            let is_it = key == member;
            if is_it {
                found = Some(*value);
            }
            !is_it
        });
        found.filter(|value| *value != "null")
    }

    /// Takes an optional member out as `T`.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, member: &'static str) -> Result<Option<T>, Malformed> {
        let Some(text) = self.take(member) else { return Ok(None) };
        lenient::read(text).map(Some).map_err(|_| Malformed::wrong_type(&self.kind, member))
    }

    /// Takes a required member out as `T`.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, member: &'static str) -> Result<T, Malformed> {
        self.optional(member)?.ok_or_else(|| Malformed::missing(&self.kind, member))
    }

    /// Takes a required member out as text.
    pub(crate) fn required_raw(&mut self, member: &'static str) -> Result<RawJson<'static>, Malformed> {
        let text = self.take(member).ok_or_else(|| Malformed::missing(&self.kind, member))?;
        Ok(RawJson::trusted(text).into_owned())
    }

    /// Takes an optional member out as text.
    pub(crate) fn optional_raw(&mut self, member: &'static str) -> Result<Option<RawJson<'static>>, Malformed> {
        Ok(self.take(member).map(|text| RawJson::trusted(text).into_owned()))
    }

    /// Takes an optional string out. A value of another type stays.
    pub(crate) fn optional_text(&mut self, member: &'static str) -> Result<Option<String>, Malformed> {
        let Some(text) = self.take(member) else { return Ok(None) };
        let read = lenient::read(text).ok();
        if read.is_none() {
            self.members.push((Cow::Borrowed(member), text));
        }
        Ok(read)
    }

    /// Takes an optional value out. A value of another type stays.
    pub(in crate::responses) fn optional_value<T: JsonValue>(&mut self, member: &'static str) -> Option<T> {
        let text = self.take(member)?;
        let read = T::read(text);
        if read.is_none() {
            self.members.push((Cow::Borrowed(member), text));
        }
        read
    }

    /// Takes a required value out.
    pub(in crate::responses) fn required_value<T: JsonValue>(&mut self, member: &'static str) -> Result<T, Malformed> {
        let text = self.take(member).ok_or_else(|| Malformed::missing(&self.kind, member))?;
        T::read(text).ok_or_else(|| Malformed::wrong_type(&self.kind, member))
    }

    /// Takes an optional array out and parses each element.
    pub(crate) fn optional_list<T>(
        &mut self,
        member: &'static str,
        each: impl Fn(&str) -> Result<T, Malformed>,
    ) -> Result<Option<Vec<T>>, Malformed> {
        let Some(text) = self.take(member) else { return Ok(None) };
        let mut fault = None;
        let read = list(text, |element| each(element).map_err(|why| fault = Some(why)).ok());
        match (read, fault) {
            (Some(elements), _) => Ok(Some(elements)),
            (None, Some(why)) => Err(why),
            (None, None) => Err(Malformed::wrong_type(&self.kind, member)),
        }
    }

    /// Takes a required array out and parses each element.
    pub(crate) fn required_list<T>(
        &mut self,
        member: &'static str,
        each: impl Fn(&str) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        self.optional_list(member, each)?.ok_or_else(|| Malformed::missing(&self.kind, member))
    }

    /// Returns whether no member is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns the members of an object, with the values as text.
    pub(crate) fn pairs(text: &'a str) -> Result<Vec<(Cow<'a, str>, &'a str)>, Malformed> {
        let mut pairs = Vec::new();
        // A vector that grows holds three times the members at its peak, which is much where an object has very many.
        if text.len() > LARGE {
            let mut count = 0;
            each_member(text, |_, _| count += 1)?;
            // Each member is kept with its name, which takes more memory than the text of a short one.
            let limit = MIN_MEMBERS + text.len() / MEMBER;
            if count > limit {
                return Err(Malformed::TooManyMembers { limit });
            }
            pairs.reserve_exact(count);
        }
        each_member(text, |key, value| pairs.push((key, value)))?;
        Ok(pairs)
    }

    /// Returns the pairs of an object of strings.
    pub(crate) fn strings(json: &'a str) -> Result<Vec<(String, String)>, Malformed> {
        let read = |(key, value): (Cow<'a, str>, &str)| match lenient::read(value) {
            Ok(value) => Ok((key.into_owned(), value)),
            Err(_) => Err(Malformed::wrong_type("metadata", "value")),
        };
        Self::pairs(json)?.into_iter().map(read).collect()
    }

    /// Returns the remaining members, to be written back unchanged.
    pub(crate) fn rest(self) -> ExtraMembers {
        self.members.into_iter().map(|(key, value)| (key.into_owned(), RawJson::trusted(value).into_owned())).collect()
    }
}

/// Returns the value of a member of an object, as text. `null` counts as missing. Of a duplicate member, the last one
/// counts.
pub(crate) fn member<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut found = None;
    each_member(text, |key, value| {
        if key == name {
            found = Some(value);
        }
    })
    .ok()?;
    found.filter(|value| *value != "null")
}

/// Returns the elements of an array, as text.
pub(crate) fn elements(text: &str) -> Result<Vec<&str>, Malformed> {
    let mut elements = Vec::new();
    each_element(text, |element| elements.push(element))?;
    Ok(elements)
}

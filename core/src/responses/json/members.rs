//! The members of a JSON object, their values as text: each reader takes out what it knows and keeps the rest.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;

use super::iter::{each_element, each_member};
use super::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::object_writer::ExtraMembers;
use crate::responses::json::raw::RawJson;
use crate::responses::record::JsonValue;

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

    /// Reads an object whose `type`, if it has one, is a member like any other.
    pub(crate) fn untyped(text: &'a str) -> Result<Self, Malformed> {
        Ok(Self { kind: String::new(), members: Self::pairs(text)? })
    }

    /// The `type`; empty when there is none.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// Takes the text of a member out of the object. `null` counts as missing. Of a member that is repeated, the last one counts.
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

    /// Takes a member out as `T`, if it is there.
    pub(crate) fn optional<T: DeserializeOwned>(&mut self, member: &'static str) -> Result<Option<T>, Malformed> {
        let Some(text) = self.take(member) else { return Ok(None) };
        lenient::read(text).map(Some).map_err(|_| Malformed::wrong_type(&self.kind, member))
    }

    /// Takes a member out as `T`, which must be there.
    pub(crate) fn required<T: DeserializeOwned>(&mut self, member: &'static str) -> Result<T, Malformed> {
        self.optional(member)?.ok_or_else(|| Malformed::missing(&self.kind, member))
    }

    /// Takes a member out as text, which must be there.
    pub(crate) fn required_raw(&mut self, member: &'static str) -> Result<RawJson<'static>, Malformed> {
        let text = self.take(member).ok_or_else(|| Malformed::missing(&self.kind, member))?;
        Ok(RawJson::trusted(text).into_owned())
    }

    /// Takes a member out as text, if it is there.
    pub(crate) fn optional_raw(&mut self, member: &'static str) -> Result<Option<RawJson<'static>>, Malformed> {
        Ok(self.take(member).map(|text| RawJson::trusted(text).into_owned()))
    }

    /// Takes a string out, if it is there. A value of another type stays.
    pub(crate) fn optional_text(&mut self, member: &'static str) -> Result<Option<String>, Malformed> {
        let Some(text) = self.take(member) else { return Ok(None) };
        let read = lenient::read(text).ok();
        if read.is_none() {
            self.members.push((Cow::Borrowed(member), text));
        }
        Ok(read)
    }

    /// Takes a value out, if it is there. A value of another type stays.
    pub(in crate::responses) fn optional_value<T: JsonValue>(&mut self, member: &'static str) -> Option<T> {
        let text = self.take(member)?;
        let read = T::read(text);
        if read.is_none() {
            self.members.push((Cow::Borrowed(member), text));
        }
        read
    }

    /// Takes a value out, which must be there.
    pub(in crate::responses) fn required_value<T: JsonValue>(&mut self, member: &'static str) -> Result<T, Malformed> {
        let text = self.take(member).ok_or_else(|| Malformed::missing(&self.kind, member))?;
        T::read(text).ok_or_else(|| Malformed::wrong_type(&self.kind, member))
    }

    /// Takes an array out and reads each element, if it is there.
    pub(crate) fn optional_list<T>(
        &mut self,
        member: &'static str,
        each: impl Fn(&str) -> Result<T, Malformed>,
    ) -> Result<Option<Vec<T>>, Malformed> {
        let Some(text) = self.take(member) else { return Ok(None) };
        let elements = elements(text).map_err(|_| Malformed::wrong_type(&self.kind, member))?;
        elements.into_iter().map(each).collect::<Result<_, _>>().map(Some)
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

    /// The members of an object, the values as text.
    pub(crate) fn pairs(text: &'a str) -> Result<Vec<(Cow<'a, str>, &'a str)>, Malformed> {
        let mut pairs = Vec::new();
        each_member(text, |key, value| pairs.push((key, value)))?;
        Ok(pairs)
    }

    /// Every pair of an object of strings.
    pub(crate) fn strings(json: &'a str) -> Result<Vec<(String, String)>, Malformed> {
        let read = |(key, value): (Cow<'a, str>, &str)| match lenient::read(value) {
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

/// The value of a member of an object, as text. `null` counts as missing. Of a member that is repeated, the last one counts.
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

/// The elements of an array, as text.
pub(crate) fn elements(text: &str) -> Result<Vec<&str>, Malformed> {
    let mut elements = Vec::new();
    each_element(text, |element| elements.push(element))?;
    Ok(elements)
}

//! Writes JSON objects member by member, in the order and with the omissions of the protocol.

use alloc::vec::Vec;

use crate::responses::json::escape;
pub(crate) use crate::responses::json::escape::string;
use crate::responses::json::raw::RawJson;

/// Unknown members, in the order of arrival.
pub type ExtraMembers = Vec<(alloc::string::String, RawJson<'static>)>;

/// The text between a member and the value of the next one, made by [`member!`].
#[derive(Clone, Copy)]
pub(crate) struct Member(pub &'static str);

/// The text up to and with the first member, made by [`beginning!`].
#[derive(Clone, Copy)]
pub(crate) struct Beginning(pub &'static str);

/// The text in front of the value of a member that is not the first: a comma, the name and a colon, put together by the compiler.
macro_rules! member {
    ($($name:tt)*) => {
        $crate::responses::json::object_writer::Member(concat!(",\"", $($name)*, "\":"))
    };
}

/// The beginning of an object with this `type`, put together by the compiler.
macro_rules! beginning {
    ($kind:literal) => {
        $crate::responses::json::object_writer::Beginning(concat!("{\"type\":\"", $kind, "\""))
    };
}

pub(crate) use {beginning, member};

/// An object in progress.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> Object<'o> {
    pub(crate) fn new(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Begins an object with its `type`.
    #[inline]
    pub(crate) fn typed(Beginning(text): Beginning, out: &'o mut Vec<u8>) -> Self {
        out.extend_from_slice(text.as_bytes());
        Self { out, empty: false }
    }

    /// Begins a member that is not the first; the caller then writes its value to the result.
    #[inline]
    pub(crate) fn member(&mut self, Member(text): Member) -> &mut Vec<u8> {
        debug_assert!(!self.empty, "a comma is in front of the member");
        self.out.extend_from_slice(text.as_bytes());
        self.out
    }

    /// Begins a member; the caller then writes its value to the result.
    pub(crate) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        escape::key(key, core::mem::take(&mut self.empty), self.out);
        self.out
    }

    pub(crate) fn string(&mut self, key: &str, value: &str) {
        string(value, self.key(key));
    }

    pub(crate) fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.string(key, value);
        }
    }

    /// Writes a member that is `null` when unset.
    pub(crate) fn nullable(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.string(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// Writes a member whose value is JSON text.
    pub(crate) fn raw(&mut self, key: &str, value: &str) {
        self.key(key).extend_from_slice(value.as_bytes());
    }

    pub(crate) fn boolean(&mut self, key: &str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    pub(crate) fn integer(&mut self, key: &str, value: i64) {
        integer(value, self.key(key));
    }

    pub(crate) fn array<T>(&mut self, key: &str, values: impl IntoIterator<Item = T>, each: impl Fn(T, &mut Vec<u8>)) {
        array(values, self.key(key), each);
    }

    pub(crate) fn extra(&mut self, extra: &ExtraMembers) {
        for (key, value) in extra {
            self.raw(key, value.as_str());
        }
    }

    pub(crate) fn end(self) {
        self.out.push(b'}');
    }

    /// Writes the members that are left, and ends the object.
    #[inline]
    pub(crate) fn end_with(mut self, write: impl FnOnce(&mut Self)) {
        write(&mut self);
        self.end();
    }
}

/// Writes an integer.
pub(crate) fn integer(value: i64, out: &mut Vec<u8>) {
    // The digits of the longest one.
    let mut digits = [0; 19];
    let (mut at, mut left) = (digits.len(), value.unsigned_abs());
    loop {
        at -= 1;
        digits[at] = b"0123456789"[(left % 10) as usize];
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes a whole object.
pub(crate) fn object(write: impl FnOnce(&mut Object<'_>)) -> RawJson<'static> {
    let mut out = Vec::new();
    let mut object = Object::new(&mut out);
    write(&mut object);
    object.end();
    RawJson::built(alloc::string::String::from_utf8(out).expect("JSON is written as UTF-8"))
}

pub(crate) fn array<T>(values: impl IntoIterator<Item = T>, out: &mut Vec<u8>, each: impl Fn(T, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        each(value, out);
    }
    out.push(b']');
}

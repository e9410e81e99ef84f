//! `JsonValue`: types that read and write one value of JSON.

use alloc::string::String;
use alloc::vec::Vec;

use super::iter::list;
use super::lenient;
use super::object_writer::{array, string};
use super::raw::RawJson;

/// A value that is one member of a declared object.
pub(in crate::responses) trait JsonValue: Sized {
    /// Reads the value, unless the text is of another type.
    fn read(json: &str) -> Option<Self>;

    /// Appends the value.
    fn write(&self, out: &mut Vec<u8>);
}

impl JsonValue for String {
    fn read(json: &str) -> Option<Self> {
        json.starts_with('"').then(|| lenient::read(json).ok())?
    }

    fn write(&self, out: &mut Vec<u8>) {
        string(self, out);
    }
}

impl JsonValue for bool {
    fn read(json: &str) -> Option<Self> {
        json.parse().ok()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl JsonValue for i64 {
    fn read(json: &str) -> Option<Self> {
        json.parse().ok()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(alloc::format!("{self}").as_bytes());
    }
}

impl JsonValue for f64 {
    fn read(json: &str) -> Option<Self> {
        json.parse().ok().filter(|number: &Self| number.is_finite())
    }

    /// A number that JSON does not allow is written as `null`.
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(serde_json::to_string(self).expect("a number can be serialized").as_bytes());
    }
}

impl JsonValue for RawJson<'static> {
    fn read(json: &str) -> Option<Self> {
        Some(RawJson::trusted(json).into_owned())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_str().as_bytes());
    }
}

impl<T: JsonValue> JsonValue for Vec<T> {
    fn read(json: &str) -> Option<Self> {
        list(json, T::read)
    }

    fn write(&self, out: &mut Vec<u8>) {
        array(self, out, T::write);
    }
}

//! Decoding of long strings in steps.
//!
//! serde_json decodes a string with escapes into a buffer whose capacity doubles, and then copies it. It also writes a string
//! that it did not expect into its error. Either takes several times the memory of the string.

use alloc::string::String;
use core::fmt;

use memchr::memchr;
use serde_core::Deserializer;
use serde_core::de::{DeserializeOwned, Visitor};
use serde_core::forward_to_deserialize_any;

use super::escape;

/// The length in bytes from which on a string is decoded in steps.
pub(super) const LONG: usize = 4 * 1024;

/// Why a long string is not a value of the requested type.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The type is not made of a string.
    Type,
    /// The type needs the JSON text.
    NeedsJson,
}

/// Parses a string as `T`. Returns `None` if the text is not one string. `short` decodes a string of about [`LONG`] bytes.
pub(super) fn read<T: DeserializeOwned>(
    json: &str,
    short: impl Fn(&str) -> Option<String>,
) -> Option<Result<T, Unreadable>> {
    decode(json, short).map(|text| T::deserialize(LongString(text)))
}

/// Decodes a string in steps. The result takes at most the memory of the text.
fn decode(json: &str, short: impl Fn(&str) -> Option<String>) -> Option<String> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    let bytes = inner.as_bytes();
    let (mut out, mut quoted) = (String::new(), String::new());
    out.reserve_exact(decoded_len(bytes));
    let mut at = 0;
    while at < inner.len() {
        let (mut end, mut has_escapes) = (at, false);
        let step = inner.len().min(at + LONG);
        while end < step {
            match memchr(b'\\', &bytes[end..step]) {
                Some(plain) => {
                    end += plain;
                    end += escape::length_and_replacement(&bytes[end..]).0;
                    has_escapes = true;
                }
                None => end = step,
            }
        }
        while end < inner.len() && !inner.is_char_boundary(end) {
            end += 1;
        }
        quoted.clear();
        quoted.push('"');
        quoted.push_str(inner.get(at..end)?);
        quoted.push('"');
        // A string with escapes cannot be borrowed. To try would format all of it into an error.
        let borrowed = if has_escapes { None } else { serde_json::from_str::<&str>(&quoted).ok() };
        match borrowed {
            Some(text) => out.push_str(text),
            None => out.push_str(&short(&quoted)?),
        }
        at = end;
    }
    Some(out)
}

/// Returns the maximum length of the decoded text: `\n` stands for 1 byte, `\uXXXX` for at most 3, and a pair of surrogates for 4.
fn decoded_len(bytes: &[u8]) -> usize {
    let (mut length, mut rest) = (0, bytes);
    while let Some(plain) = memchr(b'\\', rest) {
        let escape = escape::length_and_replacement(&rest[plain..]).0;
        length += plain + if escape == 2 { 1 } else { escape / 2 };
        rest = rest.get(plain + escape..).unwrap_or_default();
    }
    length + rest.len()
}

/// A decoded string as the value from which a type is made.
struct LongString(String);

impl<'de> Deserializer<'de> for LongString {
    type Error = Unreadable;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_string(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_some(self)
    }

    /// `RawValue` is read as such a structure.
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, _: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable::NeedsJson)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Unreadable> {
        Err(Unreadable::NeedsJson)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value is a string")
    }
}

impl core::error::Error for Unreadable {}

impl serde_core::de::Error for Unreadable {
    /// The message, which contains the string, is not formatted.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Type
    }
}

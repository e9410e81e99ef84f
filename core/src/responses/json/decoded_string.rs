//! Decoding of strings, without more memory than that of the result if they are not short.
//!
//! serde_json decodes a string with escapes into a buffer whose capacity doubles, and then copies it. It also writes a string
//! that it did not expect into its error. Either takes several times the memory of the string.

use alloc::string::String;
use core::fmt;
use core::ops::Range;

use serde_core::Deserializer;
use serde_core::de::{DeserializeOwned, Visitor};
use serde_core::forward_to_deserialize_any;

use super::escape;
use super::plain::plain;

/// The length in bytes up to which a string gets as much memory as its JSON text has, which is never shorter: to look for its escapes first
/// would take longer than it saves.
const SHORT: usize = 64;

/// Why a string is not a value of the requested type.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The type is not made of a string.
    Type,
    /// The type needs the JSON text.
    NeedsJson,
}

/// Parses a string as `T`. Returns `None` if the text is not one string.
pub(super) fn read<T: DeserializeOwned>(json: &str) -> Option<Result<T, Unreadable>> {
    decode(json, 0..json.len()).map(|text| T::deserialize(DecodedString(text)))
}

/// Decodes the string at this place in a text. A lone surrogate becomes U+FFFD. Returns `None` if what is there is not one string.
///
/// Its end is found like every other quote: to cut it off from the rest of the text would leave a few bytes to be searched one by one.
pub(in crate::responses) fn decode(text: &str, place: Range<usize>) -> Option<String> {
    let start = place.start + 1;
    let inner = text.get(place)?.strip_prefix('"')?.strip_suffix('"')?;
    let (bytes, end) = (text.as_bytes(), start + inner.len());
    let (mut out, mut at) = (String::new(), start);
    out.reserve_exact(if inner.len() <= SHORT { inner.len() } else { escape::decoded_len(inner) });
    loop {
        let stop = plain(bytes, at);
        out.push_str(text.get(at..stop)?);
        if stop == end {
            return Some(out);
        }
        let (length, character) = escape::decode(bytes.get(stop..end)?)?;
        out.push(character);
        at = stop + length;
    }
}

/// A decoded string as the value from which a type is made.
struct DecodedString(String);

impl<'de> Deserializer<'de> for DecodedString {
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

//! Headers, as pairs of names and values or as members of a JSON object.

use alloc::borrow::Cow;
use alloc::string::String;

use super::json::iter::{first_string, members};
use super::limits;

/// Names and values of header fields.
pub type HeaderPairs<'a> = &'a [(&'a str, &'a str)];

/// Returns a header's first value, if it is visible ASCII (`docs/protocol.md` §2.1).
pub(in crate::responses) fn field<'a>(fields: HeaderPairs<'a>, name: &str) -> Option<&'a str> {
    let (_, value) = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    visible(value)
}

/// Returns the value, if it is visible ASCII.
pub(in crate::responses) fn visible(value: &str) -> Option<&str> {
    Some(value).filter(|value| value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')))
}

/// Returns the pairs of an object that contains headers, up to their limits, with each value as JSON text.
pub(in crate::responses) fn json_fields(headers: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    members(headers).take(limits::EVENT_HEADERS).filter(|(_, value)| value.len() <= limits::EVENT_HEADER)
}

/// Returns the first valid value of a header with one of these names, in an object that contains headers. The value is
/// a string, or an array whose first element, at any depth, is one (`docs/protocol.md` §5.5, §8; `docs/differences.md`
/// row 22).
pub(in crate::responses) fn json_field(headers: &str, names: &[&str]) -> Option<String> {
    let mut named = json_fields(headers).filter(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    named.find_map(|(_, value)| first_string(value))
}

//! Headers, as pairs of names and values or as members of a JSON object.

use alloc::string::String;

use super::json::lenient;
use super::json::members::Members;
use super::json::scan::Cursor;

/// Names and values of header fields.
pub type HeaderPairs<'a> = &'a [(&'a str, &'a str)];

/// A header's first value, if it is visible ASCII (`docs/protocol.md` §2.1).
pub(in crate::responses) fn field<'a>(fields: HeaderPairs<'a>, name: &str) -> Option<&'a str> {
    let (_, value) = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(*value).filter(|value| value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')))
}

/// The maximum number of headers of an event that are looked at (`docs/limits.md`).
pub(in crate::responses) const MAX_JSON_PAIRS: usize = 128;

/// The first readable value of a header with one of these names, in an object that contains headers. The value is a string, or an
/// array whose first element, at any depth, is one (`docs/protocol.md` §5.5, §8; `docs/differences.md` row 22).
pub(in crate::responses) fn json_field(headers: &str, names: &[&str]) -> Option<String> {
    let pairs = Members::pairs(headers).ok()?;
    let looked_at = pairs.iter().take(MAX_JSON_PAIRS);
    let mut named = looked_at.filter(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    named.find_map(|(_, value)| first_string(value))
}

/// The string that a value is, or that is first in the arrays that it consists of. The other elements are not parsed.
fn first_string(value: &str) -> Option<String> {
    let first = value.trim_start_matches(|c: char| c == '[' || c.is_ascii_whitespace());
    let mut cursor = Cursor::new(first);
    cursor.peek().filter(|byte| *byte == b'"')?;
    cursor.string().ok()?;
    lenient::read(&first[..cursor.at]).ok()
}

//! Headers, as pairs of names and values or as members of a JSON object.

use alloc::string::String;

use super::json::members::Members;

/// Names and values of header fields.
pub type HeaderPairs<'a> = &'a [(&'a str, &'a str)];

/// A header's first value, if it is visible ASCII (`docs/protocol.md` §2.1).
pub(in crate::responses) fn field<'a>(fields: HeaderPairs<'a>, name: &str) -> Option<&'a str> {
    let (_, value) = fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(*value).filter(|value| value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')))
}

/// The first readable value of a header with one of these names, in an object that contains headers. The value is a string, or an
/// array whose first element, at any depth, is one (`docs/protocol.md` §5.5, §8; `docs/differences.md` row 22).
pub(in crate::responses) fn json_field(headers: &str, names: &[&str]) -> Option<String> {
    let pairs = Members::pairs(headers).ok()?;
    let mut named = pairs.iter().filter(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)));
    named.find_map(|(_, value)| first_string(value))
}

fn first_string(value: &str) -> Option<String> {
    let mut value = value;
    loop {
        match value.trim_start().strip_prefix('[') {
            None => return serde_json::from_str(value).ok(),
            Some(_) => {
                let elements: alloc::vec::Vec<&serde_json::value::RawValue> = serde_json::from_str(value).ok()?;
                value = elements.first()?.get();
            }
        }
    }
}

//! JSON strings, escaped.

use alloc::vec::Vec;

/// Writes a JSON string. Text without characters to escape, the usual case, is copied at once.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    if text.bytes().any(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')) {
        // Serializing a string cannot fail.
        out.extend_from_slice(serde_json::to_string(text).expect("a string can be serialized").as_bytes());
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

/// The escape of U+FFFD.
const REPLACEMENT: &str = "\\ufffd";

/// Returns the length of an escape, or of a pair of surrogates, and the escape that replaces a lone surrogate.
pub(super) fn length_and_replacement(bytes: &[u8]) -> (usize, Option<&'static str>) {
    match code_unit(bytes) {
        Some(0xD800..=0xDBFF) if matches!(bytes.get(6..).and_then(code_unit), Some(0xDC00..=0xDFFF)) => (12, None),
        Some(0xD800..=0xDFFF) => (6, Some(REPLACEMENT)),
        Some(_) => (6, None),
        None => (2, None),
    }
}

/// Returns the code unit of an escape `\uXXXX`.
pub(in crate::responses) fn code_unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

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

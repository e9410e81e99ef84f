//! The characters of tokens and field values (RFC 9110 §5.5, §5.6).

/// Returns whether a byte is a character of a token (RFC 9110 §5.6.2).
pub(crate) const fn is_token(byte: u8) -> bool {
    matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        || byte.is_ascii_alphanumeric()
}

/// Returns whether a byte may be in a field value (RFC 9110 §5.5): visible, opaque, space or tab.
pub(super) const fn is_value(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// Returns the bytes without surrounding optional white space (RFC 9110 §5.6.3).
pub(super) const fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

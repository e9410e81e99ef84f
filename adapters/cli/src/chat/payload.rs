//! Payloads in lines of JSON.

use std::io::{self, Write};

/// Writes a payload as it came, but for what would keep the line from being one line of JSON: line breaks, which JSON has between
/// its tokens only, become spaces, and an escape of a lone surrogate becomes that of U+FFFD, as everywhere else.
pub(super) fn write(payload: &str, out: &mut dyn Write) -> io::Result<()> {
    let bytes = payload.as_bytes();
    let (mut at, mut written) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        let (length, replacement): (usize, Option<&[u8]>) = match byte {
            b'\n' | b'\r' => (1, Some(b" ")),
            b'\\' => match unit(&bytes[at..]) {
                Some(0xD800..=0xDBFF) if matches!(unit(&bytes[at + 6..]), Some(0xDC00..=0xDFFF)) => (12, None),
                Some(0xD800..=0xDFFF) => (6, Some(b"\\ufffd")),
                Some(_) => (6, None),
                None => (2, None),
            },
            _ => (1, None),
        };
        if let Some(replacement) = replacement {
            out.write_all(&bytes[written..at])?;
            out.write_all(replacement)?;
            written = at + length;
        }
        at += length;
    }
    out.write_all(&bytes[written..])
}

/// Returns the code unit of the escape `\uXXXX` at the beginning.
fn unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    fn written(payload: &str) -> String {
        let mut out = Vec::new();
        super::write(payload, &mut out).expect("a vector");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn write_replaces_lone_surrogates_and_line_breaks_only() {
        for payload in [r#"{"a":1e999,"a":NaN,"b":"\\ud800\ud83d\ude00\n\u0041"}"#, "", "{", r#""\"#, r#""\u12"#] {
            assert_eq!(written(payload), payload);
        }
        let lone = r#"["\ud83d","\ude00\ud83d","\ud83d\ud83d\ude00","\\\ud83d"]"#;
        assert_eq!(written(lone), r#"["\ufffd","\ufffd\ufffd","\ufffd\ud83d\ude00","\\\ufffd"]"#);
        assert_eq!(written("{\r\n\"a\":\n1}"), "{  \"a\": 1}");
    }
}

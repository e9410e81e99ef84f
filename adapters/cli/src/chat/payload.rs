//! Payloads in lines of JSON.

use std::io::{self, Write};

use turnwire::responses::replace_lone_surrogates;

/// Writes a payload as it came, but for what would keep the line from being one line of JSON: line breaks, which JSON has between
/// its tokens only, become spaces, and an escape of a lone surrogate becomes that of U+FFFD, as everywhere else.
pub(super) fn write(payload: &str, out: &mut dyn Write) -> io::Result<()> {
    let payload = replace_lone_surrogates(payload);
    let mut lines = payload.split(['\n', '\r']);
    out.write_all(lines.next().unwrap_or_default().as_bytes())?;
    for line in lines {
        out.write_all(b" ")?;
        out.write_all(line.as_bytes())?;
    }
    Ok(())
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

//! Parsing of text that is nearly JSON (`docs/differences.md` row 45): escapes of lone surrogates, and the numbers
//! `NaN`, `Infinity` and `-Infinity`, which JavaScript and Python servers write.

use alloc::borrow::Cow;
use alloc::string::String;

use serde_core::de::DeserializeOwned;

use super::decoded_string::{self, Unreadable};
use super::escape;

/// Numbers that JSON does not allow.
pub(super) const NOT_NUMBERS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];

/// The length in bytes up to which a string may be a part of an error.
const SHORT: usize = 4 * 1024;

/// Parses a value. Lone surrogates become U+FFFD, and numbers that JSON does not allow become `null`.
pub(in crate::responses) fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    match decoded_string::read(text) {
        Some(Ok(value)) => Ok(value),
        Some(Err(why @ Unreadable::Type)) if text.len() > SHORT => Err(serde_core::de::Error::custom(why)),
        Some(Err(Unreadable::Type | Unreadable::NeedsJson)) | None => read_json(text),
    }
}

/// Does the same, with serde_json alone.
fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(text).or_else(|error| match repair(text) {
        Some(repaired) => serde_json::from_str(&repaired),
        None => Err(error),
    })
}

/// Replaces each escape of a lone surrogate by that of U+FFFD, and each number that JSON does not allow by `null`.
/// Returns `None` if nothing was replaced.
pub(in crate::responses) fn repair(text: &str) -> Option<String> {
    if !["\\ud", "\\uD", "NaN", "Infinity"].iter().any(|sign| text.contains(sign)) {
        return None;
    }
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at, mut in_string) = (String::new(), 0, 0, false);
    while let Some(byte) = bytes.get(at) {
        let (length, replacement) = match byte {
            b'"' => {
                in_string = !in_string;
                (1, None)
            }
            b'\\' if in_string => escape::length_and_replacement(&bytes[at..]),
            b'N' | b'I' | b'-' if !in_string => {
                let word = NOT_NUMBERS.into_iter().find(|word| bytes[at..].starts_with(word));
                word.map_or((1, None), |word| (word.len(), Some("null")))
            }
            _ => (1, None),
        };
        if let Some(replacement) = replacement {
            out.push_str(&text[copied..at]);
            out.push_str(replacement);
            copied = at + length;
        }
        at += length;
    }
    if copied == 0 {
        return None;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Some(out)
}

/// Replaces each escape of a lone surrogate by that of U+FFFD, wherever in the text it is, and changes nothing else. The text
/// need not be JSON.
///
/// ```
/// use turnwire::responses::replace_lone_surrogates;
///
/// assert_eq!(replace_lone_surrogates(r#"["\ud83d","\ud83d\ude00"]"#), r#"["\ufffd","\ud83d\ude00"]"#);
/// ```
#[must_use]
pub fn replace_lone_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(next) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'\\')) {
        at += next;
        let (length, replacement) = escape::length_and_replacement(&bytes[at..]);
        if let Some(replacement) = replacement {
            out.push_str(&text[copied..at]);
            out.push_str(replacement);
            copied = at + length;
        }
        at += length;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(out)
}

/// Parses a count: an integer, a number without fraction, or a string of decimal digits. `None` for everything else.
#[inline]
pub(in crate::responses) fn count(text: &str) -> Option<i64> {
    // Fewer digits than those of the greatest number, so that the sum does not overflow.
    if !(1..=18).contains(&text.len()) {
        return count_of_any_form(text);
    }
    let mut count = 0;
    for byte in text.bytes() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return count_of_any_form(text);
        }
        count = count * 10 + i64::from(digit);
    }
    Some(count)
}

#[inline(never)]
fn count_of_any_form(text: &str) -> Option<i64> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim();
    if let Ok(count) = text.parse::<i64>() {
        return Some(count);
    }
    // 2^53: integers up to it are exact.
    let number = text.parse::<f64>().ok().filter(|number| number.abs() <= 9_007_199_254_740_992.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number is in the range of the integers that a float holds"
    )]
    let whole = number as i64;
    #[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "the integer is at most 2^53")]
    let is_whole = whole as f64 == number;
    is_whole.then_some(whole)
}

/// Returns the text of a JSON string, or the JSON text of another value.
pub(in crate::responses) fn text_or_json(json: &str) -> String {
    read(json).unwrap_or_else(|_| json.into())
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn lone_surrogates_are_replaced_and_pairs_kept() {
        let read = |text: &str| read::<String>(text).expect("a string");
        assert_eq!(read(r#""Hi\ud83d""#), "Hi\u{FFFD}");
        assert_eq!(read(r#""\ude00Hi""#), "\u{FFFD}Hi");
        assert_eq!(read(r#""\ud83d\ud83d\ude00""#), "\u{FFFD}\u{1F600}");
        assert_eq!(read(r#""\\ud83d \ud83d""#), "\\ud83d \u{FFFD}");
        assert_eq!(repair(r#""\ud83d\ude00 \\ud83d""#), None);
    }

    #[test]
    fn numbers_that_json_does_not_have_are_null() {
        let text = r#"{"a":NaN,"b":[-Infinity,Infinity,-1],"c":"NaN \" Infinity"}"#;
        let repaired = repair(text).expect("something to replace");
        assert_eq!(repaired, r#"{"a":null,"b":[null,null,-1],"c":"NaN \" Infinity"}"#);
    }

    #[test]
    fn counts_are_whole_numbers_in_any_form() {
        for (text, expected) in [
            ("3", Some(3)),
            ("3.0", Some(3)),
            ("3e2", Some(300)),
            ("\"3\"", Some(3)),
            ("\"3.0\"", Some(3)),
            ("-1", Some(-1)),
            ("3.5", None),
            ("1e300", None),
            ("NaN", None),
            ("null", None),
            ("[3]", None),
            ("\"three\"", None),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn string_is_decoded_as_serde_json_decodes_it() {
        for piece in ["x", "\\n", "a\\\"", "\\u00e9\u{e9}", "\\ud83d\\ude00", "\\ud83d", "\u{1F600}\\\\", "\\/ \\b"] {
            for (shift, length) in (0..13).flat_map(|shift| [(shift, 20), (shift, 3 * SHORT)]) {
                let json = format!("\"{}{}\"", "y".repeat(shift), piece.repeat(length / piece.len()));
                let expected = read_json::<String>(&json).expect("a string");
                assert_eq!(read::<String>(&json).expect("a string"), expected, "{piece} {shift}");
                assert_eq!(read::<Option<String>>(&json).expect("a string"), Some(expected));
                assert!(read::<serde_json::Value>(&json).is_ok(), "{piece}");
            }
        }
    }

    #[test]
    fn long_text_that_is_no_string_is_rejected() {
        let long = "x".repeat(2 * SHORT);
        for json in [
            format!("\"{long}"),
            format!("\"{long}\\\""),
            format!("\"{long}\"{long}\""),
            format!("\"{long}\n\""),
            format!("\"{long}\\x\""),
            format!("\"{long}\\u12\""),
        ] {
            assert!(read::<String>(&json).is_err(), "{}", &json[2 * SHORT..]);
        }
        assert!(read::<f64>(&format!("\"{long}\"")).is_err());
    }
}

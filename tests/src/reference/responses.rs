//! Reference implementation of the event scanner: serde_json parses the text, repaired beforehand, and every member is
//! a separate value.

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// An event's top level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Its `type`.
    pub kind: String,
    /// Its members, as JSON texts.
    pub members: Vec<(String, String)>,
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            members.push((key, value.get().to_owned()));
        }
        Ok(members)
    }
}

/// Returns the deepest nesting of brackets outside strings.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for c in text.chars() {
        match (quoted, c) {
            (true, _) if escaped => escaped = false,
            (true, '\\') => escaped = true,
            (_, '"') => quoted = !quoted,
            (false, '[' | '{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The types of the terminal events.
const ENDS: [&str; 5] =
    ["response.completed", "response.done", "response.failed", "response.incomplete", "response.cancelled"];

/// Returns whether a payload that cannot be parsed still counts as a terminal event: it contains such a `type`.
#[must_use]
pub fn is_unreadable_end(text: &str) -> bool {
    ENDS.iter()
        .any(|kind| text.contains(&format!("\"type\":\"{kind}\"")) || text.contains(&format!("\"type\": \"{kind}\"")))
}

/// Decodes the code unit of the escape at the start of the text.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4).filter(|digits| !digits.starts_with('+'))?, 16).ok()
}

/// Replaces each lone surrogate by U+FFFD, and numbers that JSON does not allow by `null`.
#[must_use]
pub fn repaired(text: &str) -> String {
    let (mut out, mut rest, mut quoted) = (String::new(), text, false);
    while let Some(first) = rest.chars().next() {
        let word = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| !quoted && rest.starts_with(word));
        let length = match (word, quoted.then(|| unit(rest)).flatten()) {
            (Some(word), _) => {
                out.push_str("null");
                word.len()
            }
            (None, Some(0xD800..=0xDBFF)) if rest.get(6..).and_then(unit).is_some_and(|low| low & 0xFC00 == 0xDC00) => {
                out.push_str(&rest[..12]);
                12
            }
            (None, Some(0xD800..=0xDFFF)) => {
                out.push_str("\\ufffd");
                6
            }
            (None, _) => {
                quoted ^= first == '"';
                let escape =
                    if quoted && first == '\\' { rest[1..].chars().next().map_or(0, char::len_utf8) } else { 0 };
                let length = first.len_utf8() + escape;
                out.push_str(&rest[..length]);
                length
            }
        };
        rest = &rest[length..];
    }
    out
}

/// Parses the top level of an event, or returns `None`. Its values are [`repaired`].
#[must_use]
pub fn outside(text: &str) -> Option<Outside> {
    let text = repaired(text);
    let mut reader = serde_json::Deserializer::from_str(&text);
    let mut members = reader.deserialize_map(Members).ok()?;
    reader.end().ok()?;
    // The object itself is one level more than the scanner counts.
    if depth(&text) > 129 {
        return None;
    }
    // Of a duplicate member, the last one counts.
    let last = |name: &str| members.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let has = |name: &&str| last(name).is_some_and(|value| value != "null");
    let kind: String = match last("type") {
        Some(kind) => serde_json::from_str(kind).ok()?,
        None => {
            ["error", "message", "code", "detail", "details"].iter().find(|name| has(name)).map(|_| "error".into())?
        }
    };
    if ENDS.contains(&&*kind) && !has(&"response") {
        members.push(("response".into(), text.trim().into()));
    }
    Some(Outside { kind, members })
}

//! The slow twin of the event scanner: serde_json does all of the reading, and every member is a value of its own.

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// An event's outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Its `type`.
    pub kind: String,
    /// Its members, as text.
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

/// The deepest nesting of brackets, outside of strings.
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

/// The outside of an event, unless it is none. `known`: the members that may not stand there twice.
#[must_use]
pub fn outside(text: &str, known: &[&str]) -> Option<Outside> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Members).ok()?;
    reader.end().ok()?;
    // The object itself is one level more than what the scanner counts.
    if depth(text) > 129 {
        return None;
    }
    let count = |name: &str| members.iter().filter(|(key, _)| key == name).count();
    if count("type") > 1 || known.iter().any(|name| count(name) > 1) {
        return None;
    }
    let get = |name: &str| members.iter().find(|(key, value)| key == name && value != "null");
    let kind = match members.iter().find(|(key, _)| key == "type") {
        Some((_, kind)) => serde_json::from_str(kind).ok()?,
        None => get("error").map(|_| "error".to_owned())?,
    };
    Some(Outside { kind, members })
}

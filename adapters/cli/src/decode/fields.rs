//! The typed members of a payload, as they are printed.

use core::fmt;
use std::borrow::Cow;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Restricts the members of `typed` to those that `wire` has: a request that is serialized again also has the members that clients
/// always send.
pub(super) fn on_wire(typed: &str, wire: &str) -> String {
    let mut out = String::with_capacity(wire.len());
    restrict(typed, wire, &mut out);
    out
}

fn restrict(typed: &str, wire: &str, out: &mut String) {
    if let (Some(typed), Some(wire)) = (members(typed), members(wire)) {
        let shared = typed.iter().filter_map(|(key, value)| {
            let same = wire.iter().rev().find(|(other, _)| other == key)?;
            Some((key, value, same.1))
        });
        out.push('{');
        for (at, (key, value, wire)) in shared.enumerate() {
            out.push_str(if at == 0 { "" } else { "," });
            out.push_str(&serde_json::Value::from(key.as_str()).to_string());
            out.push(':');
            restrict(value.get(), wire.get(), out);
        }
        out.push('}');
        return;
    }
    match (elements(typed), elements(wire)) {
        (Some(typed), Some(wire)) if typed.len() == wire.len() => {
            out.push('[');
            for (at, (value, wire)) in typed.iter().zip(wire).enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                restrict(value.get(), wire.get(), out);
            }
            out.push(']');
        }
        (None, None) if members(typed).is_none() && members(wire).is_none() => out.push_str(typed),
        // A shorthand, such as a string for an array of items.
        _ => out.push_str(wire),
    }
}

fn elements(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

/// Returns the members of an object, in order; `None` if the text is not an object.
fn members(json: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(Members).ok()
}

/// Makes JSON fit on one line and strict: line breaks between its tokens become spaces, and the numbers that JSON does not have
/// (`NaN`, `Infinity`) become `null`. The payload itself is printed beside it as it came.
pub(super) fn one_line(json: &str) -> Cow<'_, str> {
    let strict = serde_json::from_str::<&RawValue>(json).is_ok();
    if strict && !json.contains(['\n', '\r']) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(['"', '\n', '\r', 'N', 'I', '-']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let names = ["-Infinity", "Infinity", "NaN"];
        let (taken, written) = if rest.starts_with('"') {
            let end = string_end(rest);
            (end, &rest[..end])
        } else if let Some(name) = names.into_iter().find(|name| rest.starts_with(name)) {
            (name.len(), "null")
        } else if rest.starts_with(['\n', '\r']) {
            (1, " ")
        } else {
            (1, &rest[..1])
        };
        out.push_str(written);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Returns where the string at the beginning of `json` ends.
fn string_end(json: &str) -> usize {
    let mut escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(json.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::{on_wire, one_line};

    #[test]
    fn on_wire_keeps_only_what_was_sent() {
        let typed = r#"{"model":"m","input":[{"type":"message","content":[{"a":1,"b":null}],"id":"x"}],"store":false}"#;
        let wire = r#"{"input":[{"content":[{"a":1}],"type":"message"}],"model":"m"}"#;
        let kept = r#"{"model":"m","input":[{"type":"message","content":[{"a":1}]}]}"#;
        assert_eq!(on_wire(typed, wire), kept);
        assert_eq!(on_wire(r#"{"input":[{"type":"message"}]}"#, r#"{"input":"hi"}"#), r#"{"input":"hi"}"#);
        assert_eq!(on_wire(typed, typed), typed);
    }

    #[test]
    fn one_line_changes_nothing_inside_strings() {
        let json = "{\"NaN\":\n[NaN,-Infinity,Infinity,-1,\"a\\\"NaN\\\\\",\r\n1]}";
        assert_eq!(one_line(json), "{\"NaN\": [null,null,null,-1,\"a\\\"NaN\\\\\",  1]}");
        assert_eq!(one_line("{\"a\":\"I-N\"}"), "{\"a\":\"I-N\"}");
    }
}

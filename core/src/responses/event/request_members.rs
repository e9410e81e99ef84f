//! The members of a response object that repeat its request, as the public API sends them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::json::iter::{elements, members};
use crate::responses::json::object_writer::Object;
use crate::responses::json::raw::RawJson;

/// The members, each with its value when the request does not have it.
const DEFAULTS: [(&str, &str); 22] = [
    ("previous_response_id", "null"),
    ("instructions", "null"),
    ("tools", "[]"),
    ("tool_choice", "\"auto\""),
    ("parallel_tool_calls", "true"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("truncation", "\"disabled\""),
    ("temperature", "1.0"),
    ("top_p", "1.0"),
    ("top_logprobs", "0"),
    ("presence_penalty", "0.0"),
    ("frequency_penalty", "0.0"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("store", "true"),
    ("background", "false"),
    ("service_tier", "\"default\""),
    ("metadata", "{}"),
    ("user", "null"),
    ("safety_identifier", "null"),
    ("prompt_cache_key", "null"),
];

/// The members that a response object has only if its request has them.
const OPTIONAL: [&str; 3] = ["conversation", "prompt", "prompt_cache_retention"];

/// The maximum length of a repeated value, in bytes. The response object is in three events of each stream.
const MAX_VALUE: usize = 64 * 1024;

/// The members of a request that its response repeats.
#[derive(Clone, Default)]
pub(super) struct RequestMembers(Vec<(&'static str, String)>);

impl RequestMembers {
    /// Parses a request. A member that cannot be parsed, is `null` or is longer than [`MAX_VALUE`] counts as missing.
    pub(super) fn read(request: &str) -> Self {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for (name, value) in members(request) {
            let known = DEFAULTS.iter().map(|(name, _)| *name).chain(OPTIONAL).find(|known| *known == name);
            let Some(known) = known else { continue };
            if value.len() > MAX_VALUE || value == "null" || RawJson::new(value).is_err() {
                continue;
            }
            found.retain(|(name, _)| *name != known);
            found.push((known, complete(known, value)));
        }
        Self(found)
    }

    /// Sets the response that the response continues.
    pub(super) fn set_previous_response(&mut self, id: &str) {
        const NAME: &str = "previous_response_id";
        self.0.retain(|(name, _)| *name != NAME);
        self.0.push((NAME, RawJson::string(id).as_str().into()));
    }

    /// Writes the members, with the values of the public API for those that the request does not have.
    pub(super) fn write(&self, response: &mut Object<'_>) {
        let given = |name: &str| self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        for (name, default) in DEFAULTS {
            response.raw(name, given(name).unwrap_or(default));
        }
        for (name, value) in OPTIONAL.iter().filter_map(|name| Some((name, given(name)?))) {
            response.raw(name, value);
        }
    }
}

/// Returns a value as a response object contains it: with the members that a request may omit.
fn complete(name: &str, value: &str) -> String {
    match name {
        "text" => with_missing(value, &[("format", r#"{"type":"text"}"#)]),
        "reasoning" => with_missing(value, &[("effort", "null"), ("summary", "null")]),
        "service_tier" if value == "\"auto\"" => "\"default\"".into(),
        "tools" if value.starts_with('[') => {
            let mut out = String::from("[");
            for (at, tool) in elements(value).enumerate() {
                if at > 0 {
                    out.push(',');
                }
                if members(tool).any(|(name, value)| name == "type" && value == "\"function\"") {
                    let missing = [("description", "null"), ("parameters", "null"), ("strict", "null")];
                    out.push_str(&with_missing(tool, &missing));
                } else {
                    out.push_str(tool);
                }
            }
            out.push(']');
            out
        }
        _ => value.into(),
    }
}

/// Adds missing members to an object. A value that is not an object is unchanged.
fn with_missing(object: &str, missing: &[(&str, &str)]) -> String {
    let Some(inner) = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { return object.into() };
    let mut out = String::from("{");
    out.push_str(inner.trim());
    for (name, value) in missing {
        if members(object).any(|(present, _)| present == *name) {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        out.push('"');
        out.push_str(name);
        out.push_str("\":");
        out.push_str(value);
    }
    out.push('}');
    out
}

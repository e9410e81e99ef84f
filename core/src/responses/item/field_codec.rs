//! Parsing and writing of each kind of member of an item.
//!
//! Parsing is lenient (`docs/differences.md` row 46): a missing member is unset, and a value of another type is kept as
//! its JSON text, or among the unknown members.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::item::part::{ContentPart, ToolOutput};
use crate::responses::json::iter::list;
use crate::responses::json::lenient::{self, text_or_json};
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{Member, Object, array, string};
use crate::responses::json::raw::RawJson;

/// Parses and writes one kind of member.
pub(in crate::responses) trait FieldCodec {
    /// The type of the member.
    type Value: PartialEq;

    /// Takes the member out of the parsed members.
    fn read(members: &mut Members<'_>, key: &'static str) -> Result<Self::Value, Malformed>;

    /// Writes the member, which is not the first.
    fn write(object: &mut Object<'_>, member: Member, value: &Self::Value);

    /// Returns whether two members are equal, apart from unknown members of their parts.
    fn are_equal(this: &Self::Value, other: &Self::Value) -> bool {
        this == other
    }
}

/// A required string.
pub(in crate::responses) struct Text;

impl FieldCodec for Text {
    type Value = String;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<String, Malformed> {
        members.required(key)
    }

    #[inline]
    fn write(object: &mut Object<'_>, member: Member, value: &String) {
        string(value, object.member(member));
    }
}

/// A string that is omitted when unset. A value of another type stays among the unknown members.
pub(in crate::responses) struct OptionalText;

impl FieldCodec for OptionalText {
    type Value = Option<String>;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<Option<String>, Malformed> {
        members.optional_text(key)
    }

    #[inline]
    fn write(object: &mut Object<'_>, member: Member, value: &Option<String>) {
        if let Some(value) = value {
            string(value, object.member(member));
        }
    }
}

/// A string that is `null` when unset.
pub(in crate::responses) struct NullableText;

impl FieldCodec for NullableText {
    type Value = Option<String>;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<Option<String>, Malformed> {
        members.optional(key)
    }

    #[inline]
    fn write(object: &mut Object<'_>, member: Member, value: &Option<String>) {
        match value {
            Some(value) => string(value, object.member(member)),
            None => object.member(member).extend_from_slice(b"null"),
        }
    }
}

/// A string written by a model. A value of another type is kept as its JSON text, and a missing one is empty.
pub(in crate::responses) struct ModelText;

impl FieldCodec for ModelText {
    type Value = String;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<String, Malformed> {
        Ok(members.take(key).map_or_else(String::new, text_or_json))
    }

    #[inline]
    fn write(object: &mut Object<'_>, member: Member, value: &String) {
        string(value, object.member(member));
    }
}

/// Parses the id of an item. A number becomes its text.
pub(in crate::responses) fn read_id(members: &mut Members<'_>) -> Result<Option<String>, Malformed> {
    let Some(json) = members.take("id") else { return Ok(None) };
    match json.as_bytes() {
        [b'"' | b'-' | b'0'..=b'9', ..] => Ok(Some(text_or_json(json))),
        _ => Err(Malformed::wrong_type(members.kind(), "id")),
    }
}

/// Any required JSON.
pub(in crate::responses) struct Raw;

impl FieldCodec for Raw {
    type Value = RawJson<'static>;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<RawJson<'static>, Malformed> {
        members.required_raw(key)
    }

    #[inline]
    fn write(object: &mut Object<'_>, member: Member, value: &RawJson<'static>) {
        object.member(member).extend_from_slice(value.as_str().as_bytes());
    }
}

/// Any JSON, omitted when unset.
pub(in crate::responses) struct OptionalRaw;

impl FieldCodec for OptionalRaw {
    type Value = Option<RawJson<'static>>;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<Option<RawJson<'static>>, Malformed> {
        members.optional_raw(key)
    }

    #[inline]
    fn write(object: &mut Object<'_>, member: Member, value: &Option<RawJson<'static>>) {
        if let Some(value) = value {
            object.member(member).extend_from_slice(value.as_str().as_bytes());
        }
    }
}

/// A required array of any JSON.
pub(in crate::responses) struct RawArray;

impl FieldCodec for RawArray {
    type Value = Vec<RawJson<'static>>;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<Vec<RawJson<'static>>, Malformed> {
        members.required_list(key, |element| Ok(RawJson::trusted(element).into_owned()))
    }

    #[inline]
    fn write(object: &mut Object<'_>, member: Member, value: &Vec<RawJson<'static>>) {
        array(value, object.member(member), |raw, out| out.extend_from_slice(raw.as_str().as_bytes()));
    }
}

/// An array of parts. A missing one is empty; a single part, or a summary that is a string, becomes one part.
pub(in crate::responses) struct Parts;

impl FieldCodec for Parts {
    type Value = Vec<ContentPart>;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<Vec<ContentPart>, Malformed> {
        let Some(json) = members.take(key) else { return Ok(Vec::new()) };
        let text = (members.kind() == "reasoning").then_some("summary_text");
        parts(json, text).ok_or_else(|| Malformed::wrong_type(members.kind(), key))
    }

    #[inline]
    fn write(object: &mut Object<'_>, member: Member, value: &Vec<ContentPart>) {
        array(value, object.member(member), ContentPart::encode);
    }

    fn are_equal(this: &Vec<ContentPart>, other: &Vec<ContentPart>) -> bool {
        equal_parts(this, other)
    }
}

/// The content of a reasoning item (`docs/protocol.md` §3.4.1).
pub(in crate::responses) struct ReasoningContent;

impl FieldCodec for ReasoningContent {
    type Value = Option<Vec<ContentPart>>;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<Option<Vec<ContentPart>>, Malformed> {
        let Some(json) = members.take(key) else { return Ok(None) };
        let read = parts(json, Some("reasoning_text"));
        read.map(Some).ok_or_else(|| Malformed::wrong_type(members.kind(), key))
    }

    #[inline]
    fn write(object: &mut Object<'_>, member: Member, value: &Option<Vec<ContentPart>>) {
        match value {
            None => object.member(member).extend_from_slice(b"null"),
            Some(parts) if parts.iter().all(|part| part.is_text("text")) => {}
            Some(parts) => array(parts, object.member(member), ContentPart::encode),
        }
    }

    fn are_equal(this: &Self::Value, other: &Self::Value) -> bool {
        match (this, other) {
            (Some(this), Some(other)) => equal_parts(this, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

fn equal_parts(this: &[ContentPart], other: &[ContentPart]) -> bool {
    this.len() == other.len() && this.iter().zip(other).all(|(this, other)| this.is_written_as(other))
}

/// Reads parts: an array, one part, or a string where `text` names the type of its part.
fn parts(json: &str, text: Option<&'static str>) -> Option<Vec<ContentPart>> {
    match (json.as_bytes().first()?, text) {
        (b'[', _) => list(json, |part| Some(ContentPart::read(part))),
        (b'{', _) => Some(alloc::vec![ContentPart::read(json)]),
        (b'"', Some(kind)) => Some(alloc::vec![ContentPart::text_of(kind, lenient::read(json).ok()?)]),
        _ => None,
    }
}

/// The output of a tool.
pub(in crate::responses) struct Output;

impl FieldCodec for Output {
    type Value = ToolOutput;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<ToolOutput, Malformed> {
        let json = members.take(key).ok_or_else(|| Malformed::missing(members.kind(), key))?;
        Ok(ToolOutput::parse(json))
    }

    #[inline]
    fn write(object: &mut Object<'_>, member: Member, value: &ToolOutput) {
        value.encode(object.member(member));
    }

    fn are_equal(this: &ToolOutput, other: &ToolOutput) -> bool {
        match (this, other) {
            (ToolOutput::Parts(this), ToolOutput::Parts(other)) => equal_parts(this, other),
            (ToolOutput::Text(this), ToolOutput::Text(other)) => this == other,
            (ToolOutput::Parts(_), ToolOutput::Text(_)) | (ToolOutput::Text(_), ToolOutput::Parts(_)) => false,
        }
    }
}

//! Queries of the client layer: whether an event contains output, and which previous response its response names.

use alloc::borrow::Cow;
use alloc::string::String;

use super::class::EventClass;
use super::envelope::{Envelope, Member};
use super::response_members::ResponseMember;
use crate::responses::json::iter::elements;
use crate::responses::json::lenient;
use crate::responses::json::members::member;
use crate::responses::limits;

impl<'a> Envelope<'a> {
    /// Returns whether the event contains output: a delta, a text, a call or a finished item. A message or a reasoning
    /// item that was only added and has no text does not count, nor does a part without text ([docs/differences.md row
    /// 42](crate::docs::differences)).
    pub(crate) fn has_output(&self) -> bool {
        if self.class() != EventClass::Output {
            return false;
        }
        match self.kind() {
            "response.output_item.added" => self.raw(Member::item).is_some_and(item_has_output),
            "response.content_part.added"
            | "response.content_part.done"
            | "response.reasoning_summary_part.added"
            | "response.reasoning_summary_part.done" => self.raw(Member::part).is_some_and(part_has_output),
            "response.output_text.done"
            | "response.reasoning_text.done"
            | "response.reasoning.done"
            | "response.reasoning_summary_text.done"
            | "response.reasoning_summary.done" => self.raw(Member::text).is_some_and(is_not_empty),
            "response.refusal.done" => self.raw(Member::refusal).is_some_and(is_not_empty),
            _ => true,
        }
    }

    /// Returns the number of the event in its response.
    pub(crate) fn sequence_number(&self) -> Option<i64> {
        self.integer_opt(Member::sequence_number)
    }

    /// Returns the `id` of the `response`.
    pub(crate) fn id_of_response(&self) -> Option<Cow<'a, str>> {
        id(self.response_member(ResponseMember::Id)?)
    }

    /// Returns the `id` of the `item`.
    pub(crate) fn id_of_item(&self) -> Option<Cow<'a, str>> {
        id(member(self.item()?, "id")?)
    }

    /// Returns the previous response that the event's `response` names.
    pub(crate) fn echoed_previous_response(&self) -> Option<String> {
        lenient::read(self.response_member(ResponseMember::PreviousResponseId)?).ok()
    }
}

/// Returns an id, unless it is longer than one that is kept.
fn id(id: &str) -> Option<Cow<'_, str>> {
    if id.len() > limits::RESPONSE_ID {
        return None;
    }
    let text = id.strip_prefix('"')?.strip_suffix('"')?;
    if text.contains('\\') { lenient::read(id).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(text)) }
}

/// Returns whether an item that was added contains output. A call does, because its name is output.
fn item_has_output(item: &str) -> bool {
    let kind: Option<String> = member(item, "type").and_then(|kind| lenient::read(kind).ok());
    match kind.as_deref() {
        Some("message" | "reasoning") => {
            ["content", "summary"].into_iter().filter_map(|name| member(item, name)).any(content_has_output)
        }
        Some(_) => true,
        None => false,
    }
}

/// Returns whether the content of an item contains output: a text, or a part with one.
fn content_has_output(content: &str) -> bool {
    if content.starts_with('[') { elements(content).any(part_has_output) } else { is_not_empty(content) }
}

/// Returns whether a part contains output: a text or a refusal that is not empty, or any other part.
fn part_has_output(part: &str) -> bool {
    let texts = ["text", "refusal", "transcript"].map(|name| member(part, name));
    if texts.iter().any(Option::is_some) {
        return texts.into_iter().flatten().any(is_not_empty);
    }
    let kind: Option<String> = member(part, "type").and_then(|kind| lenient::read(kind).ok());
    !matches!(kind.as_deref(), None | Some("output_text" | "refusal" | "summary_text" | "reasoning_text" | "text"))
}

/// Returns whether a JSON value is neither `null` nor empty.
fn is_not_empty(value: &str) -> bool {
    !matches!(value.trim(), "" | "null" | "\"\"" | "[]" | "{}")
}

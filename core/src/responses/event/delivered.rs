//! `DeliveredOutput`: how much of a response's output has been delivered, so that the rest can be made of the whole response.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::envelope::{Envelope, Member};
use crate::responses::json::iter::elements;
use crate::responses::json::lenient;
use crate::responses::json::members::member;
use crate::responses::json::object_writer::Object;

/// The maximum number of parts and of finished items, out of order, that are kept of one response.
const MAX_TRACKED: usize = 1024;

/// A text of the output that servers send in deltas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PartKind {
    Text,
    Refusal,
    Reasoning,
    Summary,
    Arguments,
    Input,
}

impl PartKind {
    const ALL: [Self; 6] = [Self::Text, Self::Refusal, Self::Reasoning, Self::Summary, Self::Arguments, Self::Input];

    /// The types of its deltas and of its end, without the last segment.
    const fn event(self) -> &'static str {
        match self {
            Self::Text => "response.output_text",
            Self::Refusal => "response.refusal",
            Self::Reasoning => "response.reasoning_text",
            Self::Summary => "response.reasoning_summary_text",
            Self::Arguments => "response.function_call_arguments",
            Self::Input => "response.custom_tool_call_input",
        }
    }

    /// The member of a delta that names the part, if an item has several.
    const fn index(self) -> Option<(Member, &'static str)> {
        match self {
            Self::Text | Self::Refusal | Self::Reasoning => Some((Member::content_index, "content_index")),
            Self::Summary => Some((Member::summary_index, "summary_index")),
            Self::Arguments | Self::Input => None,
        }
    }

    /// The kind of a part of a message or of a reasoning item.
    fn of_part(part: &str) -> Option<(Self, &'static str)> {
        match string(part, "type")?.as_str() {
            "output_text" => Some((Self::Text, "text")),
            "refusal" => Some((Self::Refusal, "refusal")),
            "reasoning_text" => Some((Self::Reasoning, "text")),
            "summary_text" => Some((Self::Summary, "text")),
            _ => None,
        }
    }
}

/// How much of a response's output has been delivered. It keeps lengths, and no text.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeliveredOutput {
    /// All items before this one are finished.
    finished_below: i64,
    /// Further items that are finished.
    finished: BTreeSet<i64>,
    /// The delivered lengths of the texts of other items, in bytes.
    parts: BTreeMap<(i64, PartKind, i64), usize>,
    /// There are more than can be kept.
    is_full: bool,
}

impl DeliveredOutput {
    /// Records an event that is delivered.
    pub(crate) fn record(&mut self, envelope: &Envelope<'_>) {
        // A server that sends no index sends one item after the other.
        let index = envelope.integer_opt(Member::output_index).unwrap_or(self.finished_below);
        if envelope.is_done_item() {
            return self.finish(index);
        }
        let Some((kind, is_end)) = text_event(envelope.kind()) else { return };
        let part = kind.index().and_then(|(member, _)| envelope.integer_opt(member)).unwrap_or_default();
        let delta = if is_end { usize::MAX } else { envelope.string_opt(Member::delta).map_or(0, |text| text.len()) };
        if self.parts.len() >= MAX_TRACKED {
            self.is_full = true;
        } else {
            let length = self.parts.entry((index, kind, part)).or_default();
            *length = length.saturating_add(delta);
        }
    }

    fn finish(&mut self, index: i64) {
        self.parts.retain(|(item, ..), _| *item != index);
        if index == self.finished_below {
            self.finished_below += 1;
            while self.finished.remove(&self.finished_below) {
                self.finished_below += 1;
            }
        } else if index > self.finished_below {
            self.is_full |= self.finished.len() >= MAX_TRACKED;
            if !self.is_full {
                self.finished.insert(index);
            }
        }
    }

    /// Returns the events that are missing for this output: what is left of each text, and each item that is not finished. None if
    /// it is not known what is missing.
    pub(super) fn missing(&self, output: &[&str]) -> Vec<String> {
        let mut events = Vec::new();
        if self.is_full {
            return events;
        }
        for (index, item) in (0_i64..).zip(output) {
            if index < self.finished_below || self.finished.contains(&index) {
                continue;
            }
            self.missing_texts(index, item, &mut events);
            events
                .push(alloc::format!(r#"{{"type":"response.output_item.done","output_index":{index},"item":{item}}}"#));
        }
        events
    }

    fn missing_texts(&self, index: i64, item: &str, events: &mut Vec<String>) {
        let id = string(item, "id");
        let mut add = |kind: PartKind, part: i64, text: Option<String>| {
            let Some(text) = text else { return };
            let from = self.parts.get(&(index, kind, part)).copied().unwrap_or_default();
            let Some(rest) = text.get(from..).filter(|rest| !rest.is_empty()) else { return };
            let mut out = Vec::new();
            let mut object = Object::new(&mut out);
            object.string("type", &alloc::format!("{}.delta", kind.event()));
            object.optional("item_id", id.as_deref());
            object.integer("output_index", index);
            if let Some((_, name)) = kind.index() {
                object.integer(name, part);
            }
            object.string("delta", rest);
            object.end();
            events.push(String::from_utf8(out).expect("JSON is written as UTF-8"));
        };
        match string(item, "type").as_deref() {
            Some("function_call") => add(PartKind::Arguments, 0, string(item, "arguments")),
            Some("custom_tool_call") => add(PartKind::Input, 0, string(item, "input")),
            Some("message" | "reasoning") => {
                for list in ["summary", "content"].into_iter().filter_map(|name| member(item, name)) {
                    for (at, part) in (0_i64..).zip(elements(list)) {
                        if let Some((kind, name)) = PartKind::of_part(part) {
                            add(kind, at, string(part, name));
                        }
                    }
                }
            }
            Some(_) | None => {}
        }
    }
}

/// Returns the kind of the text that an event of this type continues or ends.
fn text_event(event: &str) -> Option<(PartKind, bool)> {
    let (name, last) = event.rsplit_once('.')?;
    let is_end = match last {
        "delta" => false,
        "done" => true,
        _ => return None,
    };
    PartKind::ALL.into_iter().find(|kind| kind.event() == name).map(|kind| (kind, is_end))
}

fn string(object: &str, name: &str) -> Option<String> {
    lenient::read(member(object, name)?).ok()
}

//! `DeliveredOutput`: how much of a response's output has been delivered, so that the rest can be made of the whole response.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use core::fmt::{self, Write as _};
use core::ops::Range;

use super::envelope::{Envelope, Member};
use crate::buffer::make_room;
use crate::responses::json::escape;
use crate::responses::json::iter::{element_range, member_range};
use crate::responses::json::lenient;
use crate::responses::json::members::member;
use crate::responses::limits;

/// The maximum number of parts and of finished items, out of order, that are kept of one response, and of parts of one item whose rests
/// are delivered.
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
        let text = || envelope.raw(Member::delta).and_then(|delta| Some(&delta[unquoted(delta, 0..delta.len())?]));
        let delta = if is_end { usize::MAX } else { text().map_or(0, escape::decoded_len) };
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

    /// Returns whether it is known what has been delivered.
    pub(super) const fn is_known(&self) -> bool {
        !self.is_full
    }

    /// Returns whether the finished item was delivered.
    pub(super) fn is_finished(&self, index: i64) -> bool {
        index < self.finished_below || self.finished.contains(&index)
    }

    /// Returns what is missing of the texts of an item. Nothing if it has too many: the item itself contains them.
    pub(super) fn missing_texts(&self, index: i64, item: &str) -> VecDeque<MissingText> {
        let mut missing = VecDeque::new();
        for (kind, part, text) in texts(item).take(MAX_TRACKED + 1) {
            let from = self.parts.get(&(index, kind, part)).copied().unwrap_or_default();
            let rest = escape::position_of_decoded(&item[text.clone()], from).map(|at| text.start + at..text.end);
            if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
                missing.push_back(MissingText { kind, part, rest });
            }
        }
        if missing.len() > MAX_TRACKED {
            missing.clear();
        }
        missing
    }
}

/// What is missing of a text of an item.
#[derive(Clone, Debug)]
pub(super) struct MissingText {
    kind: PartKind,
    part: i64,
    /// Where in the item it is, without quotes.
    rest: Range<usize>,
}

impl MissingText {
    /// Writes the delta that delivers it.
    pub(super) fn write(&self, index: i64, item: &str, out: &mut String) {
        let rest = &item[self.rest.clone()];
        // As JSON.
        let id = member(item, "id").filter(|id| id.starts_with('"') && id.len() <= limits::ITEM_ID).unwrap_or_default();
        let kind = self.kind.event();
        make_room(out, kind.len() + id.len() + rest.len() + 128);
        let mut write = || {
            write!(out, r#"{{"type":"{kind}.delta""#)?;
            if !id.is_empty() {
                write!(out, r#","item_id":{id}"#)?;
            }
            write!(out, r#","output_index":{index}"#)?;
            if let Some((_, name)) = self.kind.index() {
                write!(out, r#","{name}":{}"#, self.part)?;
            }
            write!(out, r#","delta":"{rest}"}}"#)
        };
        let written: fmt::Result = write();
        debug_assert!(written.is_ok(), "a string takes any text");
    }
}

/// Returns the texts of an item: the kind of each, its index, and where in the item it is, without quotes.
fn texts(item: &str) -> impl Iterator<Item = (PartKind, i64, Range<usize>)> {
    let kind = string(item, "type");
    let of_item = match kind.as_deref() {
        Some("function_call") => Some((PartKind::Arguments, "arguments")),
        Some("custom_tool_call") => Some((PartKind::Input, "input")),
        Some(_) | None => None,
    };
    let one = of_item.and_then(|(kind, name)| Some((kind, 0, unquoted(item, member_range(item, name)?)?)));
    let lists: &[&str] = match kind.as_deref() {
        Some("message" | "reasoning") => &["summary", "content"],
        Some(_) | None => &[],
    };
    let of_parts = lists.iter().filter_map(|name| member_range(item, name)).flat_map(move |list| {
        let mut behind = 0;
        let parts = core::iter::from_fn(move || {
            let part = element_range(&item[list.clone()], behind)?;
            behind = part.end;
            Some(list.start + part.start..list.start + part.end)
        });
        (0_i64..).zip(parts).filter_map(|(at, range)| {
            let part = &item[range.clone()];
            let (kind, name) = PartKind::of_part(part)?;
            let text = member_range(part, name)?;
            Some((kind, at, unquoted(item, range.start + text.start..range.start + text.end)?))
        })
    });
    one.into_iter().chain(of_parts)
}

/// Returns where the text of a string is. `None` if the value is no string.
fn unquoted(item: &str, value: Range<usize>) -> Option<Range<usize>> {
    item[value.clone()].starts_with('"').then(|| value.start + 1..value.end - 1)
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

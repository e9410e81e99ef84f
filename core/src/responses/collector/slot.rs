//! `Slot`: the received parts of one item.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::piece::{Piece, Target};
use crate::responses::event::DeltaJoiner;
use crate::responses::item::{
    CodeInterpreterCall, ContentPart, CustomToolCall, FunctionCall, Item, Message, Reasoning,
};
use crate::responses::limits;

/// The received parts of one item of the output.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The index in the output.
    pub(super) index: Option<i64>,
    id: Option<String>,
    call_id: Option<String>,
    name: Option<String>,
    /// The item as it was added, or as it was finished. None if it is done without being part of the output.
    item: Option<Item>,
    is_done: bool,
    /// Texts and refusals, by their index.
    content: BTreeMap<i64, (Target, String)>,
    summaries: BTreeMap<i64, String>,
    reasoning: BTreeMap<i64, String>,
    /// Arguments, input or code.
    input: Option<(Target, String)>,
    /// The joiners of the texts that end with half of a surrogate pair.
    joiners: BTreeMap<(Target, i64), DeltaJoiner>,
}

impl Slot {
    pub(super) fn new(index: Option<i64>, id: Option<&str>) -> Self {
        Self {
            index,
            id: id.map(Into::into),
            call_id: None,
            name: None,
            item: None,
            is_done: false,
            content: BTreeMap::new(),
            summaries: BTreeMap::new(),
            reasoning: BTreeMap::new(),
            input: None,
            joiners: BTreeMap::new(),
        }
    }

    /// Returns whether the item is finished.
    pub(super) const fn is_done(&self) -> bool {
        self.is_done
    }

    /// Returns the `type` of the item, if known.
    pub(super) fn kind(&self) -> Option<&str> {
        if let Some(item) = &self.item {
            return Some(item.kind());
        }
        let is_reasoning = !self.summaries.is_empty() || !self.reasoning.is_empty();
        match self.input.as_ref().map(|(target, _)| *target) {
            Some(Target::Arguments) => Some("function_call"),
            Some(Target::Input) => Some("custom_tool_call"),
            Some(Target::Code) => Some("code_interpreter_call"),
            Some(Target::McpArguments) => Some("mcp_call"),
            Some(Target::Text | Target::Refusal | Target::Summary | Target::Reasoning) | None => {
                if is_reasoning {
                    Some("reasoning")
                } else {
                    (!self.content.is_empty()).then_some("message")
                }
            }
        }
    }

    /// Returns the number of received parts.
    pub(super) fn parts(&self) -> usize {
        self.content.len() + self.summaries.len() + self.reasoning.len()
    }

    /// Sets the added or finished item. A finished one replaces all earlier parts, and stays.
    pub(super) fn set(&mut self, item: Item, is_done: bool) {
        if self.is_done {
            return;
        }
        self.item = Some(item);
        self.is_done = is_done;
        if is_done {
            self.content.clear();
            self.summaries.clear();
            self.reasoning.clear();
            self.input = None;
            self.joiners.clear();
        }
    }

    /// Marks the item as interrupted: it is not part of the output.
    pub(super) fn remove(&mut self) {
        *self = Self { is_done: true, ..Self::new(self.index, None) };
    }

    /// Adds a text. `payload`: the payload of its event.
    pub(super) fn add(&mut self, piece: &Piece<'_>, payload: Option<&str>) {
        if self.is_done {
            return;
        }
        if let (Some(call_id), None) = (piece.call_id.filter(limits::is_item_id), &self.call_id) {
            self.call_id = Some(call_id.into());
        }
        if let (Some(name), None) = (piece.name.filter(limits::is_item_id), &self.name) {
            self.name = Some(name.into());
        }
        let text = match piece.target {
            Target::Text | Target::Refusal => {
                let (target, text) = self.content.entry(piece.place).or_insert((piece.target, String::new()));
                *target = piece.target;
                text
            }
            Target::Summary => self.summaries.entry(piece.place).or_default(),
            Target::Reasoning => self.reasoning.entry(piece.place).or_default(),
            Target::Arguments | Target::Input | Target::Code | Target::McpArguments => {
                &mut self.input.get_or_insert((piece.target, String::new())).1
            }
        };
        let place = (piece.target, piece.place);
        let mut joiner = self.joiners.remove(&place).unwrap_or_default();
        if piece.is_whole {
            text.clear();
            text.push_str(&piece.text);
            return;
        }
        joiner.append_delta(text, &piece.text, payload);
        if joiner.is_split() {
            self.joiners.insert(place, joiner);
        }
    }

    /// Returns the item so far. `is_whole`: whether the response is complete, so that the item must be complete. `None`
    /// if nothing was received.
    pub(super) fn into_item(self, is_whole: bool) -> Option<Item> {
        if self.is_done {
            return self.item;
        }
        let status = |status: Option<String>| match (is_whole, status.as_deref()) {
            (false, _) => Some("incomplete".into()),
            (true, Some("in_progress")) => Some("completed".into()),
            (true, _) => status,
        };
        let Self { id, call_id, name, item, content, summaries, reasoning, input, .. } = self;
        let mut item = match item {
            Some(item) => item,
            None => {
                let target = input.as_ref().map(|(target, _)| *target);
                let is_reasoning = !summaries.is_empty() || !reasoning.is_empty();
                let call_id = call_id.or_else(|| id.clone()).unwrap_or_default();
                begun(id, &call_id, &name.unwrap_or_default(), target, is_reasoning)?
            }
        };
        if let Item::Message(message) = &mut item {
            if !content.is_empty() {
                message.content = content.into_values().map(part).collect();
            }
            message.status = status(message.status.take());
            let is_empty = message.content.is_empty();
            return (!is_empty).then_some(item);
        }
        if let Item::Reasoning(known) = &mut item {
            if !summaries.is_empty() {
                known.summary = summaries.into_values().map(|text| ContentPart::summary_text(&text)).collect();
            }
            if !reasoning.is_empty() {
                known.content = Some(reasoning.into_values().map(|text| ContentPart::reasoning_text(&text)).collect());
            }
            known.status = status(known.status.take());
            return Some(item);
        }
        let text = input.map(|(_, text)| text);
        if let Item::FunctionCall(call) = &mut item {
            call.arguments = text.unwrap_or_else(|| core::mem::take(&mut call.arguments));
            call.status = status(call.status.take());
        } else if let Item::CustomToolCall(call) = &mut item {
            call.input = text.unwrap_or_else(|| core::mem::take(&mut call.input));
            call.status = status(call.status.take());
        } else if let Item::McpCall(call) = &mut item {
            call.arguments = text.unwrap_or_else(|| core::mem::take(&mut call.arguments));
        } else if let Item::CodeInterpreterCall(call) = &mut item {
            call.code = text.or_else(|| call.code.take());
        }
        Some(item)
    }
}

/// Returns an item that was not added, built from its received parts.
fn begun(id: Option<String>, call_id: &str, name: &str, target: Option<Target>, is_reasoning: bool) -> Option<Item> {
    let mut item = match target {
        Some(Target::Arguments) => Item::FunctionCall(FunctionCall::new(call_id, name, "")),
        Some(Target::Input) => Item::CustomToolCall(CustomToolCall::new(call_id, name, "")),
        Some(Target::Code) => Item::CodeInterpreterCall(CodeInterpreterCall::new()),
        // A call without its server and its tool is useless.
        Some(Target::McpArguments) => return None,
        Some(Target::Text | Target::Refusal | Target::Summary | Target::Reasoning) | None if is_reasoning => {
            Item::Reasoning(Reasoning::new(Vec::new()))
        }
        Some(Target::Text | Target::Refusal | Target::Summary | Target::Reasoning) | None => {
            Item::Message(Message::new("assistant", Vec::new()))
        }
    };
    item.set_id(id);
    Some(item)
}

fn part((target, text): (Target, String)) -> ContentPart {
    if target == Target::Refusal { ContentPart::refusal(&text) } else { ContentPart::output_text(&text) }
}

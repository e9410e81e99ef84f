//! Merges the items of earlier events with those of the terminal event.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::slot::Slot;
use crate::responses::item::{ContentPart, Item};

/// An item of an earlier event.
struct Known {
    index: Option<i64>,
    is_done: bool,
    item: Option<Item>,
}

/// Returns the output, each item once. A finished item is kept, and an unfinished one is replaced by that of the
/// terminal event. Items that only the terminal event has keep its order; items of earlier events only precede the next
/// common item.
pub(super) fn merge(mut slots: Vec<Slot>, output: Vec<Item>, is_whole: bool) -> Vec<Item> {
    if slots.iter().all(|slot| slot.index.is_some()) {
        slots.sort_by_key(|slot| slot.index);
    }
    let mut known: Vec<Known> = slots
        .into_iter()
        .map(|slot| Known { index: slot.index, is_done: slot.is_done(), item: slot.into_item(is_whole) })
        .collect();
    let (mut by_id, mut by_call, mut by_index) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (at, known) in known.iter().enumerate() {
        let Some(item) = &known.item else { continue };
        if let Some(id) = item.id() {
            by_id.entry(String::from(id)).or_insert(at);
        }
        if let Some(call) = call_of(item) {
            by_call.entry(call).or_insert(at);
        }
        if let Some(index) = known.index {
            by_index.entry(index).or_insert(at);
        }
    }
    let mut merged = Vec::with_capacity(known.len().max(output.len()));
    let mut next = 0;
    for (place, item) in output.into_iter().enumerate() {
        let place = i64::try_from(place).ok();
        let named = item.id().and_then(|id| by_id.get(id)).or_else(|| by_call.get(&call_of(&item)?));
        let named = named.copied().filter(|at| known[*at].item.is_some());
        let placed = || place.and_then(|place| by_index.get(&place)).copied().filter(|at| is_same(&known[*at], &item));
        let following =
            || (next..known.len()).find(|at| known[*at].item.is_some()).filter(|at| is_same(&known[*at], &item));
        let Some(at) = named.or_else(placed).or_else(following) else {
            merged.push(item);
            continue;
        };
        for earlier in known.iter_mut().take(at).skip(next) {
            merged.extend(earlier.item.take());
        }
        next = next.max(at + 1);
        let is_done = known[at].is_done;
        let own = known[at].item.take().filter(|own| is_done && (!is_other(own) || is_other(&item)));
        merged.push(own.unwrap_or(item));
    }
    merged.extend(known.into_iter().filter_map(|known| known.item));
    merged
}

const fn is_other(item: &Item) -> bool {
    matches!(item, Item::Other { .. })
}

/// Returns the identity of a call: its type and the call's id.
fn call_of(item: &Item) -> Option<(&'static str, String)> {
    if let Item::FunctionCall(call) = item {
        return Some(("function_call", call.call_id.clone()));
    }
    if let Item::CustomToolCall(call) = item {
        return Some(("custom_tool_call", call.call_id.clone()));
    }
    None
}

/// Returns whether an item of the terminal event equals an earlier one, under another id or without one.
fn is_same(known: &Known, item: &Item) -> bool {
    let Some(own) = &known.item else { return false };
    if own.kind() != item.kind() {
        return false;
    }
    let (own_text, text) = (text_of(own), text_of(item));
    if own.id().is_none() || item.id().is_none() {
        return !known.is_done || own_text == text || own_text.is_none();
    }
    match (own_text, text) {
        (Some(own), Some(text)) => own == text || (!known.is_done && text.starts_with(&own)),
        _ => false,
    }
}

/// Returns the content of an item, without its id.
fn text_of(item: &Item) -> Option<String> {
    if let Item::Message(message) = item {
        let texts = message.content.iter().filter_map(|part| {
            if let ContentPart::Refusal { refusal, .. } = part { Some(refusal.as_str()) } else { part.text() }
        });
        return Some(texts.collect());
    }
    if let Item::Reasoning(reasoning) = item {
        return Some(reasoning.summary.iter().filter_map(ContentPart::text).collect());
    }
    if let Item::FunctionCall(call) = item {
        return Some(alloc::format!("{}\n{}", call.name, call.arguments));
    }
    if let Item::CustomToolCall(call) = item {
        return Some(alloc::format!("{}\n{}", call.name, call.input));
    }
    None
}

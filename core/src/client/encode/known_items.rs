//! `KnownItems`: the items that the server knows of a conversation, to be compared with those of the next request.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::responses::Item;
use crate::responses::request::{Input, ItemEncoding};

/// The length in bytes of the texts of those items of a request that are written, at most. Longer ones stay as they are: writing them takes
/// time, and what is beside their texts is little.
const MAX_WRITTEN: usize = 16 * 1024;

/// The items of a request and of its response.
///
/// What the application shares takes no memory here, and is compared by its address. Of other items the JSON is kept, which takes a
/// fraction of the memory of short items.
#[derive(Debug, Default)]
pub(super) struct KnownItems {
    parts: Box<[Part]>,
    len: usize,
}

/// Consecutive items.
#[derive(Debug)]
enum Part {
    Items(Input),
    /// Each as JSON.
    Texts(Box<[Box<str>]>),
}

impl KnownItems {
    /// Creates the items of a request, and behind them those of its response, which are JSON.
    pub(super) fn new(input: Input, response: Vec<Box<str>>) -> Self {
        let len = input.len() + response.len();
        let (mut parts, mut items, mut texts, mut left) = (Vec::new(), Input::new(), Vec::new(), MAX_WRITTEN);
        for part in input.into_parts() {
            match part.and_then(|own| write(own, &mut left).map_err(Input::from)) {
                Ok(mut written) => {
                    flush(&mut parts, &mut items, &mut Vec::new());
                    texts.append(&mut written);
                }
                Err(part) => {
                    flush(&mut parts, &mut Input::new(), &mut texts);
                    items.append(part);
                }
            }
        }
        flush(&mut parts, &mut items, &mut Vec::new());
        texts.extend(response);
        flush(&mut parts, &mut Input::new(), &mut texts);
        Self { parts: parts.into_boxed_slice(), len }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether an input begins with these items. An item that is equal as JSON is the same.
    pub(super) fn are_prefix_of(&self, input: &Input) -> bool {
        let (mut at, mut written) = (0, Vec::new());
        input.len() >= self.len
            && self.parts.iter().all(|part| {
                let from = at;
                match part {
                    Part::Items(items) => {
                        at += items.len();
                        input.continues_with(from, items, Item::equals_for_incremental)
                    }
                    Part::Texts(texts) => {
                        at += texts.len();
                        let mut pairs = texts.iter().zip(input.iter_from(from));
                        pairs.all(|(known, item)| is_written_as(item, known, &mut written))
                    }
                }
            })
    }
}

/// Adds a part of the items, and one of the texts, unless there are none.
fn flush(parts: &mut Vec<Part>, items: &mut Input, texts: &mut Vec<Box<str>>) {
    if !items.is_empty() {
        parts.push(Part::Items(core::mem::take(items)));
    }
    if !texts.is_empty() {
        parts.push(Part::Texts(core::mem::take(texts).into_boxed_slice()));
    }
}

/// Writes each item as JSON. Returns the items if their texts are longer than what is left, or of unknown length.
fn write(items: Vec<Item>, left: &mut usize) -> Result<Vec<Box<str>>, Vec<Item>> {
    let length = items.iter().try_fold(0, |sum: usize, item| Some(sum.saturating_add(item.text_length()?)));
    let Some(rest) = length.and_then(|length| left.checked_sub(length)) else { return Err(items) };
    *left = rest;
    Ok(items.iter().map(|item| item.to_json().into_boxed_str()).collect())
}

/// Returns whether an item is equal to one that was written or received as this text.
fn is_written_as(item: &Item, known: &str, written: &mut Vec<u8>) -> bool {
    written.clear();
    item.encode_for(ItemEncoding::EVERYTHING, written);
    written == known.as_bytes() || Item::parse_or_other(known).equals_for_incremental(item)
}

//! The value at a position in a payload.

use alloc::borrow::Cow;

use super::members::{ESCAPED, Span};
use crate::responses::json::lenient;

/// Returns the text of a value. `null` counts as missing.
#[inline]
pub(super) fn raw_at(text: &str, (start, end): Span) -> Option<&str> {
    text.get(start as usize..(end & !ESCAPED) as usize).filter(|text| !text.is_empty() && *text != "null")
}

/// Parses a JSON string, borrowed if it has no escapes.
#[inline]
pub(super) fn text_at(text: &str, position: Span) -> Option<Cow<'_, str>> {
    match plain_text_at(text, position) {
        Some(text) => Some(Cow::Borrowed(text)),
        None if position.1 & ESCAPED == 0 => None,
        None => escaped_text_at(text, position),
    }
}

/// Returns the contents of a string without escapes; `None` for every other value.
#[inline]
fn plain_text_at(text: &str, (start, end): Span) -> Option<&str> {
    // A value that begins with a quote is a string, and ends with one. What is no value has no such first byte: a payload is an object.
    // The end of a string with escapes is behind every payload.
    let contents = text.get(start as usize + 1..(end as usize).wrapping_sub(1))?;
    (text.as_bytes()[start as usize] == b'"').then_some(contents)
}

/// Parses a string with escapes.
#[inline(never)]
fn escaped_text_at(text: &str, (start, end): Span) -> Option<Cow<'_, str>> {
    lenient::read(text.get(start as usize..(end & !ESCAPED) as usize)?).ok().map(Cow::Owned)
}

/// Parses an integer of any form, as [`lenient::count`] does.
#[inline(never)]
pub(super) fn integer_at(text: &str, (start, end): Span) -> Option<i64> {
    lenient::count(text.get(start as usize..(end & !ESCAPED) as usize)?)
}

//! The value at a position in a payload.

use alloc::borrow::Cow;
use alloc::string::String;

use super::members::{ESCAPED, Span};
use super::position::Position;
use crate::responses::json::{decoded_string, lenient};

/// Returns the text of a value. `null` counts as missing.
#[inline]
pub(super) fn raw_at(text: &str, (start, end): Span) -> Option<&str> {
    slice(text, start as usize, (end & !ESCAPED) as usize).filter(|text| !text.is_empty() && *text != "null")
}

/// Parses a JSON string, borrowed if it has no escapes.
#[inline(always)]
pub(super) fn text_at<P: Position>(text: &str, position: P) -> Option<Cow<'_, str>> {
    match plain_text_at(text, position) {
        Some(text) => Some(Cow::Borrowed(text)),
        None if position.is_escaped() => escaped_text_at(text, position.span()).map(Cow::Owned),
        None => None,
    }
}

/// Returns the contents of a string without escapes; `None` for every other value.
#[inline(always)]
fn plain_text_at<P: Position>(text: &str, position: P) -> Option<&str> {
    let (start, end) = position.contents();
    let contents = slice(text, start, end)?;
    // A value that begins with a quote is a string, and ends with one. What is no value has no such first byte: a payload is an object.
    (text.as_bytes()[start - 1] == b'"').then_some(contents)
}

/// Parses a string with escapes. If it returned a `Cow`, those of strings without escapes would be put together in memory, too.
#[inline(never)]
fn escaped_text_at(text: &str, (start, end): Span) -> Option<String> {
    decoded_string::decode(text, start as usize..(end & !ESCAPED) as usize)
}

/// Parses an integer of any form, as [`lenient::count`] does.
#[inline(never)]
pub(super) fn integer_at(text: &str, (start, end): Span) -> Option<i64> {
    lenient::count(text.get(start as usize..(end & !ESCAPED) as usize)?)
}

/// Does what `text.get(start..end)` does, which the compiler would call.
#[inline(always)]
fn slice(text: &str, start: usize, end: usize) -> Option<&str> {
    let (front, _) = text.split_at_checked(end)?;
    Some(front.split_at_checked(start)?.1)
}

//! The event that is being read: its fields as far as they are known, and how they become text.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use memchr::memchr;

use super::input::Input;
use super::text::Text;

/// The fields of the event that is being read, as far as they are not in the current input.
pub(super) struct Block {
    pub(super) data: Text,
    /// Data lines so far; their values are in `data`, but for a lone one that is still in the input.
    pub(super) lines: usize,
    pub(super) name: Text,
    /// The pending ID, when this event has set one.
    pub(super) id: Vec<u8>,
    pub(super) id_set: bool,
    /// The value of an unfinished `id` line.
    pub(super) next_id: Vec<u8>,
    /// The digits of an unfinished `retry` line; `None` when they are none.
    pub(super) retry: Option<u64>,
    /// The event was given out, and its buffers are to be emptied.
    pub(super) given: bool,
}

/// The values of the current block that lie whole in the current input. A value that is none is in its buffer, as far as there
/// is any of it.
#[derive(Default)]
pub(super) struct Spans {
    pub(super) data: Option<Range<usize>>,
    pub(super) name: Option<Range<usize>>,
}

impl Block {
    pub(super) const fn new() -> Self {
        Self {
            data: Text::new(),
            lines: 0,
            name: Text::new(),
            id: Vec::new(),
            id_set: false,
            next_id: Vec::new(),
            retry: None,
            given: false,
        }
    }

    /// The next event begins. Most leave nothing in the buffers.
    #[inline]
    pub(super) fn empty(&mut self) {
        if self.data.come() > 0 {
            self.data.clear();
        }
        if self.name.come() > 0 {
            self.name.clear();
        }
        self.id.clear();
        self.next_id.clear();
        (self.lines, self.id_set, self.retry, self.given) = (0, false, None, false);
    }

    /// Whether nothing of an event has come.
    #[inline]
    pub(super) const fn is_fresh(&self) -> bool {
        self.lines == 0 && self.name.come() == 0 && !self.id_set
    }

    /// What is kept of an event that is not finished, in bytes as they came.
    pub(super) const fn buffered(&self) -> usize {
        match self.given {
            true => 0,
            false => self.data.come() + self.name.come() + self.id.len() + self.next_id.len(),
        }
    }

    /// The input ends inside a block: what of the block lies in it is copied.
    #[inline]
    pub(super) fn spill(&mut self, bytes: &[u8], spans: &mut Spans) {
        self.spill_data(bytes, spans);
        if let Some(span) = spans.name.take() {
            self.name.clear();
            self.name.push(&bytes[span]);
        }
    }

    /// A lone data line in the input is copied, for another will be joined to it.
    pub(super) fn spill_data(&mut self, bytes: &[u8], spans: &mut Spans) {
        if let Some(span) = spans.data.take() {
            self.data.push(&bytes[span]);
        }
    }

    /// Joins another line to the data, which is in the buffer.
    pub(super) fn join(&mut self) {
        self.data.end();
        self.data.push(b"\n");
    }

    /// An ID that holds a NUL is ignored, and what was set before it stays.
    pub(super) fn id_line(&mut self) {
        if memchr(0, &self.next_id).is_none() {
            mem::swap(&mut self.id, &mut self.next_id);
            self.id_set = true;
        }
    }

    pub(super) fn retry_digits(&mut self, piece: &[u8]) {
        for byte in piece {
            self.retry = Some(match (self.retry.unwrap_or(0), byte) {
                (value, b'0'..=b'9') if value != NOT_DIGITS => {
                    value.saturating_mul(10).saturating_add(u64::from(byte - b'0')).min(NOT_DIGITS - 1)
                }
                _ => NOT_DIGITS,
            });
        }
    }
}

/// Stands for a `retry` value that holds something else than digits.
pub(super) const NOT_DIGITS: u64 = u64::MAX;

/// The value, if it lies in the input and is text as it is; otherwise it is in the buffer afterwards.
#[inline]
pub(super) fn settle<'i>(buffer: &mut Text, span: Option<&Range<usize>>, input: &mut Input<'i>) -> Option<&'i str> {
    if let Some(Range { start, end }) = span {
        if let Some(text) = input.text(*start..*end) {
            return Some(text);
        }
        buffer.clear();
        buffer.push(&input.bytes()[*start..*end]);
    }
    buffer.end();
    None
}

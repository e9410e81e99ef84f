//! The fields of the event that is being received, and how they become text.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use memchr::memchr;

use super::input::Input;
use super::utf8_buffer::Utf8Buffer;

/// Stands for a `retry` value that contains something other than digits.
pub(super) const NOT_DIGITS: u64 = u64::MAX;

/// The fields so far of the event that is being received, except those that are still in the input.
pub(super) struct EventBuffer {
    pub(super) data: Utf8Buffer,
    /// The number of data lines. Their values are in `data`; that of a single line may still be in the input.
    pub(super) lines: usize,
    pub(super) event_type: Utf8Buffer,
    /// The ID that this event sets, if `id_set`.
    pub(super) id: Vec<u8>,
    pub(super) id_set: bool,
    /// The value of an incomplete `id` line.
    pub(super) next_id: Vec<u8>,
    /// The value of an incomplete `retry` line; `None` without any digit.
    pub(super) retry: Option<u64>,
    /// Whether the event was dispatched, so that the buffers are to be emptied.
    pub(super) dispatched: bool,
}

/// The values of the current event that are whole in the current input. A value that is `None` is in its buffer, as far as
/// it has arrived.
#[derive(Default)]
pub(super) struct BorrowedFields {
    pub(super) data: Option<Range<usize>>,
    pub(super) event_type: Option<Range<usize>>,
}

impl EventBuffer {
    pub(super) const fn new() -> Self {
        Self {
            data: Utf8Buffer::new(),
            lines: 0,
            event_type: Utf8Buffer::new(),
            id: Vec::new(),
            id_set: false,
            next_id: Vec::new(),
            retry: None,
            dispatched: false,
        }
    }

    /// Empties the buffers for the next event. After most events, they are empty already.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.data.received_len() > 0 {
            self.data.clear();
        }
        if self.event_type.received_len() > 0 {
            self.event_type.clear();
        }
        self.id.clear();
        self.next_id.clear();
        (self.lines, self.id_set, self.retry, self.dispatched) = (0, false, None, false);
    }

    /// Returns whether no field of an event has arrived.
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.lines == 0 && self.event_type.received_len() == 0 && !self.id_set
    }

    /// Returns the number of received bytes that are kept of an incomplete event.
    pub(super) const fn buffered(&self) -> usize {
        match self.dispatched {
            true => 0,
            false => self.data.received_len() + self.event_type.received_len() + self.id.len() + self.next_id.len(),
        }
    }

    /// Copies the fields that are in the input, because it ends before the event does.
    #[inline]
    pub(super) fn copy_from_input(&mut self, bytes: &[u8], fields: &mut BorrowedFields) {
        self.copy_data(bytes, fields);
        if let Some(span) = fields.event_type.take() {
            self.event_type.clear();
            self.event_type.push_lossy(&bytes[span]);
        }
    }

    /// Copies a single data line that is in the input, because another line follows it.
    pub(super) fn copy_data(&mut self, bytes: &[u8], fields: &mut BorrowedFields) {
        if let Some(span) = fields.data.take() {
            self.data.push_lossy(&bytes[span]);
        }
    }

    /// Appends the LF that joins another line to the data. The data must be in the buffer.
    pub(super) fn append_newline(&mut self) {
        self.data.end();
        self.data.push_lossy(b"\n");
    }

    /// Ends an `id` line. An ID that contains NUL is ignored, and the one before it stays.
    pub(super) fn end_id(&mut self) {
        if memchr(0, &self.next_id).is_none() {
            mem::swap(&mut self.id, &mut self.next_id);
            self.id_set = true;
        }
    }

    /// Appends a piece of a `retry` value.
    pub(super) fn push_retry(&mut self, piece: &[u8]) {
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

/// Returns the value if it is in the input and valid UTF-8. Otherwise it is in `buffer` afterwards.
#[inline]
pub(super) fn borrow_or_copy<'i>(
    buffer: &mut Utf8Buffer,
    span: Option<&Range<usize>>,
    input: &mut Input<'i>,
) -> Option<&'i str> {
    if let Some(Range { start, end }) = span {
        if let Some(text) = input.text(*start..*end) {
            return Some(text);
        }
        buffer.clear();
        buffer.push_lossy(&input.bytes()[*start..*end]);
    }
    buffer.end();
    None
}

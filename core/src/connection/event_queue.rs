//! Events that wait to be polled: records in order, their texts side by side in one arena, so that a delta costs no allocation
//! once the arena is warm.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

/// Spent bytes below this much are not worth moving the rest for.
const COMPACT: usize = 64 * 1024;

/// Where a record's bytes lie, counted from the first that was ever pushed.
pub(super) type Span = Range<usize>;

#[derive(Debug)]
pub(crate) struct EventQueue<T> {
    records: VecDeque<(T, Span)>,
    /// The record that is lent.
    borrowed: Option<T>,
    bytes: Vec<u8>,
    /// Bytes that were cut off the front of `bytes` so far.
    arena_base: usize,
    /// Where the polled records' bytes end.
    polled_end: usize,
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        Self { records: VecDeque::new(), borrowed: None, bytes: Vec::new(), arena_base: 0, polled_end: 0 }
    }
}

impl<T> EventQueue<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes that wait to be polled, the records themselves counted too.
    pub(crate) fn backlog(&self) -> usize {
        self.arena_base + self.bytes.len() - self.polled_end + self.records.len() * size_of::<(T, Span)>()
    }

    pub(crate) fn push(&mut self, record: T, bytes: &[u8]) {
        self.compact();
        let start = self.arena_base + self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.records.push_back((record, start..start + bytes.len()));
    }

    /// The next record and its bytes. When there is none, nothing is lent any more, either.
    pub(crate) fn pop(&mut self) -> Option<(&mut T, &[u8])> {
        let Some((record, span)) = self.records.pop_front() else {
            self.borrowed = None;
            return None;
        };
        self.polled_end = span.end;
        let bytes = &self.bytes[span.start - self.arena_base..span.end - self.arena_base];
        Some((self.borrowed.insert(record), bytes))
    }

    /// Forgets bytes that were polled. Each byte is moved at most as often as bytes are pushed, so the work stays linear.
    fn compact(&mut self) {
        let done = self.polled_end - self.arena_base;
        if done == self.bytes.len() {
            self.bytes.clear();
        } else if done >= COMPACT && done > self.bytes.len() / 2 {
            self.bytes.drain(..done);
        } else {
            return;
        }
        self.arena_base = self.polled_end;
    }
}

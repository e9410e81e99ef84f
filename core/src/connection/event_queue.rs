//! A queue of events that wait to be polled. Records are in order, and their bytes are in one arena, so that queueing
//! an event costs no allocation once the arena has grown.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

/// Minimum number of polled bytes for which the rest of the arena is moved to its front.
const COMPACT: usize = 64 * 1024;

/// The position of a record's bytes, counted from the first byte that was ever pushed.
pub(super) type Span = Range<usize>;

/// A queue of records, each with bytes.
#[derive(Debug)]
pub(crate) struct EventQueue<T> {
    records: VecDeque<(T, Span)>,
    /// The record that [`pop`](Self::pop) has returned a reference to.
    borrowed: Option<T>,
    bytes: Vec<u8>,
    /// The position of the first byte of `bytes`.
    arena_base: usize,
    /// The position at which the bytes of the polled records end.
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

    /// The number of bytes that wait to be polled, including the size of the records.
    pub(crate) fn backlog(&self) -> usize {
        self.arena_base + self.bytes.len() - self.polled_end + self.records.len() * size_of::<(T, Span)>()
    }

    pub(crate) fn push(&mut self, record: T, bytes: &[u8]) {
        self.compact();
        let start = self.arena_base + self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.records.push_back((record, start..start + bytes.len()));
    }

    /// Takes the next record and its bytes. Drops the previous record.
    pub(crate) fn pop(&mut self) -> Option<(&mut T, &[u8])> {
        let Some((record, span)) = self.records.pop_front() else {
            self.borrowed = None;
            return None;
        };
        self.polled_end = span.end;
        let bytes = &self.bytes[span.start - self.arena_base..span.end - self.arena_base];
        Some((self.borrowed.insert(record), bytes))
    }

    /// Removes polled bytes. It moves at most half of the bytes, and only after as many were polled, so the total work
    /// is linear.
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

//! A queue of events that wait to be polled. Records are in order, and their texts are in one arena, so that queueing
//! an event costs no allocation once the arena has grown, and polling it no second validation of its text.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

/// Minimum number of polled bytes for which the rest of the arena is moved to its front, and the capacity in bytes that
/// an empty arena keeps.
const COMPACT: usize = crate::buffer::RETAINED;

/// Number of records for which an empty queue keeps room.
const RECORDS: usize = 64;

/// What a record has beside itself.
#[derive(Debug)]
enum Content {
    /// A text in the arena, at this position, counted from the first byte that was ever pushed.
    Text(Range<usize>),
    /// Bytes in a buffer of their own, which the pusher gave away.
    Body(Vec<u8>),
}

/// What a polled record has beside itself: a text or a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polled<'q> {
    /// The text; empty if there is a body.
    pub(crate) text: &'q str,
    /// The body; empty if there is a text.
    pub(crate) body: &'q [u8],
}

/// A queue of records, each with a text or a body.
#[derive(Debug)]
pub(crate) struct EventQueue<T> {
    records: VecDeque<(T, Content)>,
    /// The record that [`pop`](Self::pop) has returned a reference to, and its own buffer.
    borrowed: Option<(T, Vec<u8>)>,
    arena: String,
    /// The position of the first byte of `arena`.
    arena_base: usize,
    /// The position at which the bytes of the polled records end.
    polled_end: usize,
    /// The number of bytes in buffers of waiting records.
    owned: usize,
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        Self { records: VecDeque::new(), borrowed: None, arena: String::new(), arena_base: 0, polled_end: 0, owned: 0 }
    }
}

impl<T> EventQueue<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns the number of bytes that wait to be polled, including the size of the records.
    pub(crate) fn backlog(&self) -> usize {
        let in_arena = self.arena_base + self.arena.len() - self.polled_end;
        in_arena + self.owned + self.records.len() * size_of::<(T, Content)>()
    }

    #[inline]
    pub(crate) fn push(&mut self, record: T, text: &str) {
        self.compact();
        let start = self.arena_base + self.arena.len();
        self.arena.push_str(text);
        self.records.push_back((record, Content::Text(start..start + text.len())));
    }

    /// Pushes a record with a body, which is not copied.
    pub(crate) fn push_owned(&mut self, record: T, body: Vec<u8>) {
        self.owned += body.capacity();
        self.records.push_back((record, Content::Body(body)));
    }

    /// Takes the next record and what it has beside itself. Drops the previous record.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(&mut T, Polled<'_>)> {
        self.borrowed = None;
        self.compact();
        let (record, content) = self.records.pop_front()?;
        match content {
            Content::Text(span) => {
                self.polled_end = span.end;
                let text = &self.arena[span.start - self.arena_base..span.end - self.arena_base];
                Some((&mut self.borrowed.insert((record, Vec::new())).0, Polled { text, body: &[] }))
            }
            Content::Body(body) => {
                self.owned -= body.capacity();
                let (record, body) = self.borrowed.insert((record, body));
                Some((record, Polled { text: "", body }))
            }
        }
    }

    /// Frees all memory if no record waits. The record that was polled last is no longer borrowed then.
    pub(crate) fn release_memory(&mut self) {
        if self.records.is_empty() {
            *self = Self { arena_base: self.polled_end, polled_end: self.polled_end, ..Self::default() };
        }
    }

    /// Removes polled bytes. It moves at most half of the bytes, and only after as many were polled, so the total work
    /// is linear.
    fn compact(&mut self) {
        let done = self.polled_end - self.arena_base;
        if done == self.arena.len() {
            self.arena.clear();
            self.arena.shrink_to(COMPACT);
        } else if done >= COMPACT && done > self.arena.len() / 2 {
            self.arena.drain(..done);
            self.arena.shrink_to(2 * self.arena.len() + COMPACT);
        } else {
            return;
        }
        self.arena_base = self.polled_end;
        if self.records.is_empty() {
            self.records.shrink_to(RECORDS);
        }
    }
}

//! A queue of events that wait to be polled. Records are in order, and their texts are in one arena, so that queueing
//! an event costs no allocation once the arena has grown, and polling it no second validation of its text.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// Minimum number of polled bytes for which the rest of the arena is moved to its front, and the capacity in bytes that
/// an empty arena keeps.
const COMPACT: usize = crate::buffer::RETAINED;

/// Number of records for which an empty queue keeps room.
const RECORDS: usize = 64;

/// What a record has beside itself.
#[derive(Debug)]
enum Content {
    /// A text of this length in the arena, behind that of the record before.
    Text(usize),
    /// Bytes in a buffer of their own, which the pusher gave away.
    Body(Box<[u8]>),
    /// So many bytes that the record itself holds.
    InRecord(usize),
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
    /// [`pop`](Self::pop) has returned a reference to the first record. It no longer waits.
    is_first_polled: bool,
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
        Self {
            records: VecDeque::new(),
            is_first_polled: false,
            arena: String::new(),
            arena_base: 0,
            polled_end: 0,
            owned: 0,
        }
    }
}

impl<T> EventQueue<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting() == 0
    }

    fn waiting(&self) -> usize {
        self.records.len() - usize::from(self.is_first_polled)
    }

    /// Returns the number of bytes that wait to be polled, including the size of the records.
    pub(crate) fn backlog(&self) -> usize {
        let in_arena = self.arena_base + self.arena.len() - self.polled_end;
        in_arena + self.owned + self.waiting() * size_of::<(T, Content)>()
    }

    #[expect(
        clippy::inline_always,
        reason = "the record is built in its place instead of being moved, which takes 2 ns"
    )]
    #[inline(always)]
    pub(crate) fn push(&mut self, record: T, text: &str) {
        self.compact();
        self.arena.push_str(text);
        self.records.push_back((record, Content::Text(text.len())));
    }

    /// Pushes a record with a body, which is not copied into the arena.
    pub(crate) fn push_owned(&mut self, record: T, body: Vec<u8>) {
        self.owned += body.len();
        self.records.push_back((record, Content::Body(body.into_boxed_slice())));
    }

    /// Pushes a record that holds so many bytes itself.
    pub(crate) fn push_holding(&mut self, record: T, bytes: usize) {
        self.owned += bytes;
        self.records.push_back((record, Content::InRecord(bytes)));
    }

    /// Takes the next record and what it has beside itself. Drops the previous record.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<(&mut T, Polled<'_>)> {
        self.pop_unless(|_| false)
    }

    /// Does what [`pop`](Self::pop) does, but leaves the record in the queue if it `stays`, because it stands for more than one event.
    #[inline]
    pub(crate) fn pop_unless(&mut self, stays: impl FnOnce(&T) -> bool) -> Option<(&mut T, Polled<'_>)> {
        if core::mem::take(&mut self.is_first_polled) {
            self.records.pop_front();
        }
        self.compact();
        let (record, content) = self.records.front_mut()?;
        if stays(record) {
            return Some((record, Polled { text: "", body: &[] }));
        }
        self.is_first_polled = true;
        match content {
            Content::Text(length) => {
                let start = self.polled_end - self.arena_base;
                self.polled_end += *length;
                let text = &self.arena[start..start + *length];
                Some((record, Polled { text, body: &[] }))
            }
            Content::Body(body) => {
                self.owned -= body.len();
                Some((record, Polled { text: "", body }))
            }
            Content::InRecord(bytes) => {
                self.owned -= *bytes;
                Some((record, Polled { text: "", body: &[] }))
            }
        }
    }

    /// Frees all memory if no record waits. The record that was polled last is no longer borrowed then.
    pub(crate) fn release_memory(&mut self) {
        if self.is_empty() {
            *self = Self { arena_base: self.polled_end, polled_end: self.polled_end, ..Self::default() };
        }
    }

    /// Gives back all memory but that of the record that waits, if there is at most one. The record that was polled before it is no
    /// longer borrowed then.
    pub(crate) fn release_around_last(&mut self) {
        match self.waiting() {
            0 => return self.release_memory(),
            1 => {}
            _ => return,
        }
        if core::mem::take(&mut self.is_first_polled) {
            self.records.pop_front();
        }
        self.arena.drain(..self.polled_end - self.arena_base);
        self.arena.shrink_to_fit();
        self.arena_base = self.polled_end;
        self.records.shrink_to_fit();
    }

    /// Removes polled bytes, if there are enough of them.
    #[inline]
    fn compact(&mut self) {
        let done = self.polled_end - self.arena_base;
        if (done > 0 && (done >= COMPACT || done == self.arena.len())) || self.records.is_empty() {
            self.remove_polled(done);
        }
    }

    /// Removes polled bytes. It moves at most half of the bytes, and only after as many were polled, so the total work
    /// is linear.
    #[inline(never)]
    fn remove_polled(&mut self, done: usize) {
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
        if self.records.is_empty() && self.records.capacity() > 2 * RECORDS {
            self.records.shrink_to(RECORDS);
        }
    }
}

//! A client's connection, and a whole client: bytes of HTTP or WebSocket in, typed events out, with deadlines, request states and
//! limits.

use std::hint::black_box;

use crate::contest::Row;
pub use crate::wire::Wire;
use crate::wire::{ReadSize, Seen};
use crate::workload::READ;

/// The limit's row.
pub const NEWLINES: &str = "limit: newlines by memchr";

/// The limit's row with permessage-deflate.
pub const INFLATE: &str = "limit: the payloads inflated";

impl Wire {
    /// Returns rows that process all of it. `expected`: the counts, which the limit does not find by itself.
    #[must_use]
    pub fn rows(&self, expected: Seen) -> Vec<Row<'_, Seen>> {
        vec![
            Row::new(NEWLINES, move || self.newlines(expected)),
            Row::new("connection, 16 KiB a read", || self.run()),
            Row::new("client, 16 KiB a read", || self.run_client(ReadSize::Large)),
            Row::new("client, one event a read", || self.run_client(ReadSize::OneEvent)),
            Row::new("client, events delivered at once, 16 KiB a read", || self.run_delivered()),
        ]
    }

    /// Returns rows that process all of it with permessage-deflate. `expected`: the counts, which the limit does not find by itself.
    #[must_use]
    pub fn deflated_rows(&self, expected: Seen) -> Vec<Row<'_, Seen>> {
        let inflate = move || {
            black_box(self.inflate());
            expected
        };
        vec![
            Row::new(INFLATE, inflate),
            Row::new("connection, 16 KiB a read", || self.run()),
            Row::new("client, 16 KiB a read", || self.run_client(ReadSize::Large)),
            Row::new("client, one event a read", || self.run_client(ReadSize::OneEvent)),
            Row::new("client, events delivered at once, 16 KiB a read", || self.run_delivered()),
        ]
    }

    /// The newline search over the same bytes, in reads of 16 KiB.
    fn newlines(&self, expected: Seen) -> Seen {
        for read in self.responses.iter().flat_map(|response| response.chunks(READ)) {
            for at in memchr::memchr_iter(b'\n', black_box(read)) {
                black_box(at);
            }
        }
        expected
    }
}

//! Decoded events, and what the end of a stream discards.

use core::fmt;

use crate::hidden::Hidden;

/// An event, as WHATWG HTML §9.2.6 dispatches it. `Debug` shows its type, and the lengths of its data and ID.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The event type; `message` if the stream named none.
    pub event_type: &'a str,
    /// The data lines, joined with LF.
    pub data: &'a str,
    /// The last event ID: the value of `Last-Event-ID` with which a new connection continues after this event.
    pub id: &'a str,
    /// Whether invalid UTF-8 in the data was replaced by U+FFFD.
    pub had_invalid_utf8: bool,
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("event_type", &self.event_type)
            .field("data", &Hidden(self.data.len()))
            .field("id", &Hidden(self.id.len()))
            .field("had_invalid_utf8", &self.had_invalid_utf8)
            .finish()
    }
}

/// What was incomplete at the end of the stream and was discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discarded {
    /// Nothing: the stream ended between two events.
    Nothing,
    /// A line, or fields without data.
    Line,
    /// An event without the blank line that ends it.
    Event {
        /// The number of bytes of its data that had arrived.
        data: usize,
    },
}

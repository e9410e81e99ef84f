//! What bounds an event stream, and what it is when a bound was passed.

use core::fmt;

/// What bounds an event stream.
///
/// ```
/// use turnwire::sse::{Decoder, Error, Input, Limits};
///
/// let limits = Limits { data: 1024, ..Limits::default() };
/// let stream = format!("data: {}\n\n", "x".repeat(1025));
/// let mut decoder = Decoder::new(limits);
/// let result = decoder.decode(&mut Input::new(stream.as_bytes()));
/// assert!(matches!(result, Err(Error::DataTooLong { limit: 1024, .. })));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one event's data, joining LFs counted: 16 MiB.
    pub data: usize,
    /// Bytes of one line that is kept, its end not counted: 16 MiB and room for the field's name. Lines that no field begins
    /// are not kept and may be of any length.
    pub line: usize,
    /// Bytes of an event's name: 1 KiB.
    pub name: usize,
    /// Bytes of an ID: 4 KiB.
    pub id: usize,
    /// Data lines of one event, empty ones counted: 65 536.
    pub lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let data = 16 * 1024 * 1024;
        Self { data, line: data + "data: ".len(), name: 1024, id: 4 * 1024, lines: 64 * 1024 }
    }
}

/// A limit was passed. Fatal and sticky: going on would mean to drop an event silently, and it might be the last one.
/// However the bytes are cut into reads, the error is the same; of two limits that one line passes, the first counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// A line passed [`Limits::line`].
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
        /// The offset in the stream of the first byte beyond it.
        offset: u64,
    },
    /// An event's data passed [`Limits::data`].
    DataTooLong {
        /// The limit in bytes.
        limit: usize,
        /// The offset in the stream of the first byte beyond it; of the line's first byte when a joining LF is beyond it.
        offset: u64,
    },
    /// An event has more data lines than [`Limits::lines`].
    TooManyLines {
        /// The limit in lines.
        limit: usize,
        /// The offset in the stream of the first line beyond it.
        offset: u64,
    },
    /// An event's name passed [`Limits::name`].
    NameTooLong {
        /// The limit in bytes.
        limit: usize,
        /// The offset in the stream of the first byte beyond it.
        offset: u64,
    },
    /// An ID passed [`Limits::id`].
    IdTooLong {
        /// The limit in bytes.
        limit: usize,
        /// The offset in the stream of the first byte beyond it.
        offset: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong { limit, offset } => {
                write!(f, "a line is longer than {limit} bytes, at byte {offset} of the stream")
            }
            Self::DataTooLong { limit, offset } => {
                write!(f, "an event's data is longer than {limit} bytes, at byte {offset} of the stream")
            }
            Self::TooManyLines { limit, offset } => {
                write!(f, "an event has more than {limit} data lines, at byte {offset} of the stream")
            }
            Self::NameTooLong { limit, offset } => {
                write!(f, "an event's name is longer than {limit} bytes, at byte {offset} of the stream")
            }
            Self::IdTooLong { limit, offset } => {
                write!(f, "an id is longer than {limit} bytes, at byte {offset} of the stream")
            }
        }
    }
}

impl core::error::Error for Error {}

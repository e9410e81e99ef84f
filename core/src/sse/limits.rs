//! The limits of an event stream, and the errors of passing them.

use core::fmt;

/// The limits of an event stream.
///
/// ```
/// use turnwire::sse::{Decoder, Error, Input, Limits};
///
/// let limits = Limits::default().with_data(1024);
/// let stream = format!("data: {}\n\n", "x".repeat(1025));
/// let mut decoder = Decoder::new(limits);
/// let result = decoder.decode(&mut Input::new(stream.as_bytes()));
/// assert!(matches!(result, Err(Error::DataTooLong { limit: 1024, .. })));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Maximum size of one event's data in bytes, including joining LFs. Default: 16 MiB.
    pub data: usize,
    /// Maximum size in bytes of one line with a known field, without its end. Default: 16 MiB and six bytes for the
    /// field's name. Other lines are not kept and may have any length.
    pub line: usize,
    /// Maximum size of an event type in bytes. Default: 1 KiB.
    pub name: usize,
    /// Maximum size of an ID in bytes. Default: 4 KiB.
    pub id: usize,
    /// Maximum number of data lines of one event, including empty ones. Default: 65 536.
    pub lines: usize,
}

impl Limits {
    /// The default limits.
    #[must_use]
    pub const fn new() -> Self {
        let data = 16 * 1024 * 1024;
        Self { data, line: data + "data: ".len(), name: 1024, id: 4 * 1024, lines: 64 * 1024 }
    }

    /// Sets the maximum size of one event's data. Raises that of a line if such data needs it.
    #[must_use]
    pub const fn with_data(mut self, bytes: usize) -> Self {
        let line = bytes.saturating_add("data: ".len());
        self.data = bytes;
        if self.line < line {
            self.line = line;
        }
        self
    }

    /// Sets the maximum size of one line.
    #[must_use]
    pub const fn with_line(mut self, bytes: usize) -> Self {
        self.line = bytes;
        self
    }

    /// Sets the maximum size of an event type.
    #[must_use]
    pub const fn with_name(mut self, bytes: usize) -> Self {
        self.name = bytes;
        self
    }

    /// Sets the maximum size of an ID.
    #[must_use]
    pub const fn with_id(mut self, bytes: usize) -> Self {
        self.id = bytes;
        self
    }

    /// Sets the maximum number of data lines of one event.
    #[must_use]
    pub const fn with_lines(mut self, lines: usize) -> Self {
        self.lines = lines;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}

/// A limit was passed. The error is final: continuing would drop an event silently, and that could be the last one.
///
/// It does not depend on how the bytes are split into reads. If a line passes two limits, the first byte beyond either
/// decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// A line is longer than [`Limits::line`].
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
        /// The offset in the stream of the first byte beyond the limit.
        offset: u64,
    },
    /// An event's data is longer than [`Limits::data`].
    DataTooLong {
        /// The limit in bytes.
        limit: usize,
        /// The offset in the stream of the first byte beyond the limit; of the line's first byte if a joining LF is beyond it.
        offset: u64,
    },
    /// An event has more data lines than [`Limits::lines`].
    TooManyLines {
        /// The limit in lines.
        limit: usize,
        /// The offset in the stream of the first line beyond the limit.
        offset: u64,
    },
    /// An event type is longer than [`Limits::name`].
    NameTooLong {
        /// The limit in bytes.
        limit: usize,
        /// The offset in the stream of the first byte beyond the limit.
        offset: u64,
    },
    /// An ID is longer than [`Limits::id`].
    IdTooLong {
        /// The limit in bytes.
        limit: usize,
        /// The offset in the stream of the first byte beyond the limit.
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
                write!(f, "an event type is longer than {limit} bytes, at byte {offset} of the stream")
            }
            Self::IdTooLong { limit, offset } => {
                write!(f, "an ID is longer than {limit} bytes, at byte {offset} of the stream")
            }
        }
    }
}

impl core::error::Error for Error {}

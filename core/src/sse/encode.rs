//! Encoding of events.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use memchr::{memchr, memchr_iter, memchr2};

use crate::hidden::Hidden;

/// An event to encode. `Debug` shows its type, and the lengths of its data and ID.
///
/// ```
/// use turnwire::sse::{OutgoingEvent, encode_event};
///
/// let mut out = Vec::new();
/// encode_event(&OutgoingEvent::data("one\ntwo").named("note"), &mut out)?;
/// assert_eq!(out, b"event: note\ndata: one\ndata: two\n\n");
/// # Ok::<(), turnwire::sse::EncodeError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct OutgoingEvent<'a> {
    /// The event type; `None` means `message`.
    pub event_type: Option<&'a str>,
    /// The data; each LF in it begins another line. Without data, no event is dispatched: only the ID and the reconnection
    /// time are set.
    pub data: Option<&'a str>,
    /// The last event ID from this event on. An empty one resets it.
    pub id: Option<&'a str>,
    /// The reconnection time, rounded down to milliseconds.
    pub retry: Option<Duration>,
}

impl<'a> OutgoingEvent<'a> {
    /// Creates a `message` with this data.
    #[must_use]
    pub const fn data(data: &'a str) -> Self {
        Self { event_type: None, data: Some(data), id: None, retry: None }
    }

    /// Sets the event type.
    #[must_use]
    pub const fn named(mut self, event: &'a str) -> Self {
        self.event_type = Some(event);
        self
    }
}

impl fmt::Debug for OutgoingEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingEvent")
            .field("event_type", &self.event_type)
            .field("data", &self.data.map(|data| Hidden(data.len())))
            .field("id", &self.id.map(|id| Hidden(id.len())))
            .field("retry", &self.retry)
            .finish()
    }
}

/// The reason why an event cannot be encoded: a decoder would read something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeError {
    /// The event type is empty, which reads as `message`, contains a CR or LF, or comes without data.
    Event,
    /// The data contains a CR, which reads as an LF.
    Data,
    /// The ID contains a CR, LF or NUL.
    Id,
    /// The reconnection time has more milliseconds than a decoder can represent.
    Retry,
    /// The comment contains a CR or LF.
    Comment,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "the event type is empty, contains a line end or has no data",
            Self::Data => "the data contains a carriage return",
            Self::Id => "the ID contains a line end or a NUL",
            Self::Retry => "the reconnection time is too long",
            Self::Comment => "the comment contains a line end",
        })
    }
}

impl core::error::Error for EncodeError {}

/// Appends an event and the blank line that ends it.
///
/// # Errors
///
/// [`EncodeError`] if a decoder would read something else. Nothing was appended.
pub fn encode_event(event: &OutgoingEvent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let lines = check(event)?;
    if let Some(name) = event.event_type {
        field(EVENT, name.as_bytes(), out);
    }
    if let Some(id) = event.id {
        field(b"id: ", id.as_bytes(), out);
    }
    if let Some(retry) = event.retry {
        field(b"retry: ", alloc::format!("{}", retry.as_millis()).as_bytes(), out);
    }
    data(event.data, lines, out);
    out.push(b'\n');
    Ok(())
}

/// An event with a type and data, to be written behind its length.
#[cfg(feature = "connection")]
#[derive(Clone, Copy)]
pub(crate) struct SizedEvent<'a> {
    event_type: &'a str,
    data: &'a str,
    lines: usize,
}

#[cfg(feature = "connection")]
impl<'a> SizedEvent<'a> {
    /// Checks the event as [`encode_event`] does.
    pub(crate) fn new(event_type: &'a str, data: &'a str) -> Result<Self, EncodeError> {
        let lines = check(&OutgoingEvent::data(data).named(event_type))?;
        Ok(Self { event_type, data, lines })
    }

    /// Returns the number of bytes that [`encode`](Self::encode) appends.
    pub(crate) const fn length(self) -> usize {
        // Each line of the data but the last has a line end already.
        EVENT.len() + self.event_type.len() + 1 + self.lines * DATA.len() + self.data.len() + 2
    }

    #[inline]
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        field(EVENT, self.event_type.as_bytes(), out);
        data(Some(self.data), self.lines, out);
        out.push(b'\n');
    }
}

const EVENT: &[u8] = b"event: ";
const DATA: &[u8] = b"data: ";

/// Returns the number of lines of the data, if a decoder would read what the event says.
fn check(event: &OutgoingEvent<'_>) -> Result<usize, EncodeError> {
    let has_line_end = |text: &str| memchr2(b'\r', b'\n', text.as_bytes()).is_some();
    if event.event_type.is_some_and(|name| name.is_empty() || has_line_end(name) || event.data.is_none()) {
        return Err(EncodeError::Event);
    }
    let lines = match event.data.map(str::as_bytes) {
        None => 0,
        Some(data) => match memchr2(b'\r', b'\n', data) {
            None => 1,
            Some(at) if memchr(b'\r', &data[at..]).is_some() => return Err(EncodeError::Data),
            Some(at) => 1 + memchr_iter(b'\n', &data[at..]).count(),
        },
    };
    if event.id.is_some_and(|id| has_line_end(id) || id.contains('\0')) {
        return Err(EncodeError::Id);
    }
    match event.retry.map(|retry| u64::try_from(retry.as_millis())) {
        Some(Err(_) | Ok(u64::MAX)) => Err(EncodeError::Retry),
        Some(Ok(_)) | None => Ok(lines),
    }
}

/// Appends the data, of which the number of lines is known.
#[inline]
fn data(data: Option<&str>, lines: usize, out: &mut Vec<u8>) {
    match data {
        Some(data) if lines == 1 => field(DATA, data.as_bytes(), out),
        data => {
            for line in data.into_iter().flat_map(|data| data.split('\n')) {
                field(DATA, line.as_bytes(), out);
            }
        }
    }
}

/// Appends a comment, which decoders skip: a keep-alive.
///
/// # Errors
///
/// [`EncodeError::Comment`] if the text contains a line end. Nothing was appended.
pub fn encode_comment(text: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if memchr2(b'\r', b'\n', text.as_bytes()).is_some() {
        return Err(EncodeError::Comment);
    }
    field(b": ", text.as_bytes(), out);
    Ok(())
}

/// What [`encode_comment`] appends for an empty text: the shortest keep-alive.
#[cfg(feature = "connection")]
pub(crate) const EMPTY_COMMENT: &[u8] = b": \n";

/// Appends a line. Inline, because names are constants, of which a copy is one instruction.
#[inline]
fn field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.push(b'\n');
}

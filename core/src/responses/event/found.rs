//! What the scan of a payload has found, kept beside a payload that waits to be polled, so that it is not scanned again.

use alloc::boxed::Box;

use super::envelope::Envelope;
use super::members::{ESCAPED, INLINE, Span, Spans};
use super::server_event::ServerEvent;
use super::table::EventType;
use crate::responses::json::malformed::Malformed;

/// The flag of an escaped string in the end of a short span.
const SHORT_ESCAPED: u16 = 1 << 15;

/// The length of the payloads whose positions fit into 15 bits.
const SHORT: usize = SHORT_ESCAPED as usize;

/// The type of a payload and the positions of its members, without the payload.
#[derive(Debug)]
pub(crate) struct Found {
    event_type: EventType,
    spans: FoundSpans,
}

#[derive(Debug)]
enum FoundSpans {
    Short { present: u64, at: [(u16, u16); INLINE] },
    Long(Box<Spans>),
}

impl Found {
    /// Keeps what an envelope has found. Returns `None` if the payload has to be scanned again: it has many members, an unknown `type`
    /// or none, or cannot be parsed.
    #[inline]
    pub(crate) fn of(envelope: &Envelope<'_>) -> Option<Self> {
        let Spans { present, at, all: None } = &envelope.spans else { return None };
        if envelope.event_type == EventType::Other || !envelope.has_type() {
            return None;
        }
        let spans = if envelope.text().len() < SHORT {
            FoundSpans::Short { present: *present, at: at.map(short) }
        } else {
            FoundSpans::Long(Box::new(envelope.spans.clone()))
        };
        Some(Self { event_type: envelope.event_type, spans })
    }

    /// Parses the payload that this was found in.
    ///
    /// # Errors
    ///
    /// As [`ServerEvent::read`].
    #[inline]
    pub(crate) fn read<'a>(&self, text: &'a str) -> Result<ServerEvent<'a>, Malformed> {
        let spans = match &self.spans {
            FoundSpans::Short { present, at } => Spans { present: *present, at: at.map(long), all: None },
            FoundSpans::Long(spans) => Spans::clone(spans),
        };
        ServerEvent::read(&Envelope::known(text, self.event_type, spans))
    }
}

/// Shortens a span of a short payload.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a position in a short payload fits into 15 bits, and the flag is moved"
)]
const fn short((start, end): Span) -> (u16, u16) {
    (start as u16, end as u16 | (end >> 16) as u16)
}

fn long((start, end): (u16, u16)) -> Span {
    let flag = if end & SHORT_ESCAPED == 0 { 0 } else { ESCAPED };
    (u32::from(start), u32::from(end & !SHORT_ESCAPED) | flag)
}

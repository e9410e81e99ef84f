//! What the scan of a payload has found, kept beside a payload that waits to be polled, so that it is not scanned again.

use alloc::borrow::Cow;
use alloc::boxed::Box;

use super::envelope::Envelope;
use super::fields::{FIELDS, Positions};
use super::position::{SHORT_ESCAPED, short};
use super::server_event::ServerEvent;
use super::table::EventType;
use crate::responses::json::malformed::Malformed;

/// The length from which on positions do not fit into 15 bits, of which all ones are no position.
const SHORT: usize = SHORT_ESCAPED as usize - 1;

/// The positions in a short payload: of each member the start and the end.
pub(super) type ShortPositions = [[u16; 2]; FIELDS];

/// The type of a payload and the positions of its members, without the payload.
#[derive(Debug)]
pub(crate) struct Found {
    event_type: EventType,
    positions: FoundPositions,
}

#[derive(Debug)]
enum FoundPositions {
    Short(ShortPositions),
    Long(Box<Positions>),
}

impl Found {
    /// Keeps what an envelope has found. Returns `None` if the payload has to be scanned again: it has an unknown `type` or none, or
    /// cannot be parsed.
    #[inline]
    pub(crate) fn of(envelope: &Envelope<'_>) -> Option<Self> {
        if envelope.event_type == EventType::Other || !envelope.has_type() {
            return None;
        }
        let positions = envelope.positions();
        let positions = if envelope.text().len() < SHORT {
            FoundPositions::Short(positions.map(short))
        } else {
            FoundPositions::Long(Box::new(positions))
        };
        Some(Self { event_type: envelope.event_type, positions })
    }

    /// The members of a payload of a known type, shorter than 32 KiB, are at these positions.
    #[inline]
    pub(super) const fn at(event_type: EventType, positions: ShortPositions) -> Self {
        Self { event_type, positions: FoundPositions::Short(positions) }
    }

    /// Returns the `type` of the payload.
    pub(crate) const fn kind(&self) -> &'static str {
        self.event_type.name()
    }

    /// Parses the payload that this was found in, as [`ServerEvent::read`] does, and returns what `made` makes of the result, with the event
    /// in its place.
    #[inline]
    pub(crate) fn read<'a, T>(&self, text: &'a str, made: impl Fn(Result<ServerEvent<'a>, Malformed>) -> T) -> T {
        match &self.positions {
            FoundPositions::Short(positions) => {
                ServerEvent::read_at(self.event_type, Cow::default, text, positions, made)
            }
            FoundPositions::Long(positions) => {
                ServerEvent::read_at(self.event_type, Cow::default, text, positions, made)
            }
        }
    }
}

//! What the scan of a payload has found, kept beside a payload that waits to be polled, so that it is not scanned again.

use alloc::borrow::Cow;
use alloc::boxed::Box;

use super::envelope::Envelope;
use super::fields::{FIELDS, Positions};
use super::position::{Position as _, SHORT_ESCAPED, short};
use super::server_event::ServerEvent;
use super::table::EventType;
use crate::responses::json::malformed::Malformed;

/// The length from which on positions do not fit into 15 bits, of which all ones are no position.
const SHORT: usize = SHORT_ESCAPED as usize - 1;

/// The positions in a short payload: of each member the start and the end.
type ShortPositions = [[u16; 2]; FIELDS];

/// The type of a payload and the positions of its members, without the payload.
#[derive(Debug)]
pub(crate) enum Found {
    Short(ShortFound),
    Long(LongFound),
}

/// What is found in a payload shorter than 32 KiB of a known type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortFound {
    pub(super) event_type: EventType,
    pub(super) positions: ShortPositions,
}

/// What is found in a longer payload.
#[derive(Debug)]
pub(crate) struct LongFound {
    event_type: EventType,
    positions: Box<Positions>,
}

impl Found {
    /// Keeps what an envelope has found. Returns `None` if the payload has to be scanned again: it has an unknown `type` or none, or
    /// cannot be parsed.
    #[inline]
    pub(crate) fn of(envelope: &Envelope<'_>) -> Option<Self> {
        let event_type = envelope.event_type;
        if event_type == EventType::Other || !envelope.has_type() {
            return None;
        }
        let positions = envelope.positions();
        Some(if envelope.text().len() < SHORT {
            Self::Short(ShortFound { event_type, positions: positions.map(short) })
        } else {
            Self::Long(LongFound { event_type, positions: Box::new(positions) })
        })
    }

    /// Parses the payload that this was found in.
    ///
    /// # Errors
    ///
    /// As [`ServerEvent::read`].
    pub(crate) fn read<'a>(&self, text: &'a str) -> Result<ServerEvent<'a>, Malformed> {
        match self {
            Self::Short(found) => found.read(text, Ok, Err),
            Self::Long(LongFound { event_type, positions }) => {
                ServerEvent::read_at(*event_type, &Cow::default(), text, positions)
            }
        }
    }
}

impl ShortFound {
    /// Nothing is found yet.
    pub(crate) const NOTHING: Self = Self { event_type: EventType::Other, positions: [[0; 2]; FIELDS] };

    /// Returns the `type` of the payload.
    pub(crate) const fn kind(&self) -> &'static str {
        self.event_type.name()
    }

    /// Parses a payload of any type.
    #[inline(never)]
    pub(super) fn read_other<'a>(&self, text: &'a str) -> Result<ServerEvent<'a>, Malformed> {
        ServerEvent::read_at(self.event_type, &Cow::default(), text, &self.positions.map(|position| position.span()))
    }
}

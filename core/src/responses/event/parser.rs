//! `EventParser`: parses the events of one stream.

use core::fmt;

use super::server_event::ServerEvent;
use super::shapes::Shapes;
use crate::responses::json::malformed::Malformed;

/// Parses the events of one stream, with the same results as [`ServerEvent::parse`]. It remembers the shapes of a few deltas, at most
/// 7 KiB, so that a delta that differs from one of them only in some values takes a fraction of the time.
///
/// ```
/// use turnwire::responses::{EventData, EventParser};
///
/// let mut parser = EventParser::new();
/// for payload in [
///     r#"{"type":"response.output_text.delta","item_id":"msg_a","delta":"Hel"}"#,
///     r#"{"type":"response.output_text.delta","item_id":"msg_a","delta":"lo"}"#,
/// ] {
///     let event = parser.parse(payload)?;
///     assert!(matches!(event.data, EventData::OutputTextDelta { .. }));
/// }
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Default)]
pub struct EventParser {
    shapes: Shapes,
}

impl EventParser {
    /// Creates a parser that remembers nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { shapes: Shapes::new() }
    }

    /// Parses a payload.
    ///
    /// # Errors
    ///
    /// As [`ServerEvent::parse`]. The next payload can be parsed.
    #[inline]
    pub fn parse<'a>(&mut self, payload: &'a str) -> Result<ServerEvent<'a>, Malformed> {
        self.parse_named(payload, "")
    }

    /// Parses a payload of an event stream. `event_type` is the event type (WHATWG HTML §9.2), or empty.
    ///
    /// # Errors
    ///
    /// As [`ServerEvent::parse_named`]. The next payload can be parsed.
    #[inline]
    pub fn parse_named<'a>(&mut self, payload: &'a str, event_type: &'a str) -> Result<ServerEvent<'a>, Malformed> {
        self.shapes.parse(payload, event_type)
    }
}

/// Shows nothing of the payloads.
impl fmt::Debug for EventParser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventParser").field("shapes", &self.shapes).finish()
    }
}

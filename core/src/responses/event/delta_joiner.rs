//! `DeltaJoiner`: joins a surrogate pair that a server split over two deltas
//! ([docs/differences.md](crate::docs::differences), row 45).

use alloc::string::String;

use super::server_event::ServerEvent;
use super::table::EventData;
use crate::responses::json::escape::code_unit;
use crate::responses::json::members::member;

/// What a lone surrogate is read as.
const REPLACEMENT: char = '\u{fffd}';

/// Appends deltas to a text, and joins a surrogate pair that two of them share.
///
/// Servers in JavaScript and Python split an emoji into the escapes of its two surrogates, at the end of one delta and at the
/// beginning of the next. In each event by itself, a lone surrogate is U+FFFD. A joiner belongs to one text: a part of an item, or
/// the arguments of a call.
///
/// ```
/// use turnwire::responses::{DeltaJoiner, ServerEvent};
///
/// let (mut joiner, mut text) = (DeltaJoiner::new(), String::new());
/// for delta in [r"Hi \ud83d", r"\ude00!"] {
///     let payload = format!(r#"{{"type":"response.output_text.delta","delta":"{delta}"}}"#);
///     let event = ServerEvent::parse(&payload)?;
///     joiner.append(&mut text, &event);
/// }
/// assert_eq!(text, "Hi 😀!");
/// # Ok::<(), turnwire::responses::Malformed>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeltaJoiner {
    /// The high surrogate at the end of the text, in whose place is U+FFFD.
    high: Option<u16>,
}

impl DeltaJoiner {
    /// Creates a joiner for a text that is empty, or ends with a whole character.
    #[must_use]
    pub const fn new() -> Self {
        Self { high: None }
    }

    /// Appends the delta of an event. An event without a delta changes nothing.
    ///
    /// `text` must end with what was appended before.
    pub fn append(&mut self, text: &mut String, event: &ServerEvent<'_>) {
        self.append_delta(text, event.data.delta().unwrap_or_default(), event.raw());
    }

    /// Returns whether the text ends with the U+FFFD of a surrogate whose other half may follow. An application that shows the text
    /// as it comes waits for it.
    #[must_use]
    pub const fn is_split(&self) -> bool {
        self.high.is_some()
    }

    /// Appends a delta. `payload`: the payload from which it was read.
    pub(in crate::responses) fn append_delta(&mut self, text: &mut String, delta: &str, payload: Option<&str>) {
        if delta.is_empty() {
            return;
        }
        let halves = Halves::of(delta, payload);
        let joined = match (self.high, halves.low) {
            (Some(high), Some(low)) if text.ends_with(REPLACEMENT) => char::decode_utf16([high, low]).next(),
            _ => None,
        };
        self.high = halves.high;
        match joined {
            Some(Ok(joined)) => {
                text.pop();
                text.push(joined);
                text.push_str(&delta[REPLACEMENT.len_utf8()..]);
            }
            Some(Err(_)) | None => text.push_str(delta),
        }
    }
}

impl EventData<'_> {
    /// Returns the text of a delta.
    fn delta(&self) -> Option<&str> {
        let (Self::OutputTextDelta { delta, .. }
        | Self::RefusalDelta { delta, .. }
        | Self::FunctionCallArgumentsDelta { delta, .. }
        | Self::CustomToolCallInputDelta { delta, .. }
        | Self::ReasoningSummaryTextDelta { delta, .. }
        | Self::ReasoningTextDelta { delta, .. }
        | Self::CodeInterpreterCallCodeDelta { delta, .. }
        | Self::McpCallArgumentsDelta { delta, .. }
        | Self::AudioTranscriptDelta { delta, .. }) = self
        else {
            return None;
        };
        Some(delta)
    }
}

/// Half pairs at both ends of a delta.
#[derive(Clone, Copy, Debug, Default)]
struct Halves {
    /// A low surrogate at its beginning.
    low: Option<u16>,
    /// A high surrogate at its end.
    high: Option<u16>,
}

impl Halves {
    fn of(delta: &str, payload: Option<&str>) -> Self {
        // Almost all deltas end here.
        if !delta.starts_with(REPLACEMENT) && !delta.ends_with(REPLACEMENT) {
            return Self::default();
        }
        let json = payload.and_then(|payload| member(payload, "delta"));
        let Some(text) = json.and_then(|json| json.strip_prefix('"')?.strip_suffix('"')) else {
            return Self::default();
        };
        let bytes = text.as_bytes();
        let last = bytes.len().checked_sub(6).and_then(|at| bytes.get(at..));
        Self {
            low: code_unit(bytes).filter(|unit| matches!(unit, 0xDC00..=0xDFFF)),
            // The delta ends with U+FFFD, so these bytes are an escape, and no text behind an escaped backslash.
            high: last
                .and_then(code_unit)
                .filter(|unit| matches!(unit, 0xD800..=0xDBFF) && delta.ends_with(REPLACEMENT)),
        }
    }
}

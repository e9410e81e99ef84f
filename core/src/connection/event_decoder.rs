//! `EventDecoder`: from the bytes of an event stream to typed events.

use core::fmt;

use crate::hidden::Hidden;
use crate::responses::{Malformed, ServerEvent, Shapes, ShortFound};
use crate::sse::{Decoder, Discarded, Error, Input, Limits};

/// Decodes the typed events of one event stream, for applications whose HTTP is that of another library. It has no deadlines and knows no
/// requests: a [`ClientConnection`](super::ClientConnection) has both.
///
/// The events are those that a [`Decoder`] and [`ServerEvent::parse_named`] find. It remembers the shapes of a few deltas, at most 7 KiB: one
/// that repeats them except for its values is found and parsed in one pass.
///
/// ```
/// use turnwire::connection::{EventDecoder, StreamEvent};
/// use turnwire::responses::EventData;
/// use turnwire::sse::{Input, Limits};
///
/// let body = [
///     "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hel\"}\n\nevent: resp",
///     "onse.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"lo\"}\n\ndata: [DONE]\n\n",
/// ];
/// let (mut decoder, mut text) = (EventDecoder::new(Limits::default()), String::new());
/// for read in body {
///     let mut input = Input::new(read.as_bytes());
///     while let Some(event) = decoder.decode(&mut input)? {
///         match event {
///             StreamEvent::Server(event) => {
///                 if let EventData::OutputTextDelta { delta, .. } = &event.data {
///                     text += delta;
///                 }
///             }
///             StreamEvent::Malformed { malformed, text } => eprintln!("{malformed}: {text}"),
///             _ => {}
///         }
///     }
/// }
/// assert_eq!(text, "Hello");
/// # Ok::<(), turnwire::sse::Error>(())
/// ```
pub struct EventDecoder {
    framing: Decoder,
    shapes: Shapes,
}

/// What an [`EventDecoder`] has decoded. It borrows from the input or from the decoder. `Debug` shows the lengths of payloads.
#[non_exhaustive]
pub enum StreamEvent<'a> {
    /// An event of a response.
    Server(ServerEvent<'a>),
    /// A payload that is not a valid event. The stream goes on.
    Malformed {
        /// The reason why it cannot be read.
        malformed: Malformed,
        /// The payload.
        text: &'a str,
    },
    /// Data that some servers send and that are no event: none, or the `[DONE]` after the last event.
    Marker(&'a str),
}

impl EventDecoder {
    /// Creates a decoder at the start of a stream.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { framing: Decoder::new(limits), shapes: Shapes::new() }
    }

    /// Decodes up to the end of the next event. Returns `None` when all input is consumed.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    #[inline]
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut Input<'i>) -> Result<Option<StreamEvent<'s>>, Error> {
        let mut found = ShortFound::NOTHING;
        if let Some((_, shape)) = self.shapes.recent()
            && let Some(text) = self.framing.decode_known(input, |bytes| shape.line_length(bytes, &mut found))
        {
            let event = |event| Ok(Some(StreamEvent::Server(event)));
            return found.read(text, event, |malformed| Ok(Some(StreamEvent::Malformed { malformed, text })));
        }
        let Some(event) = self.framing.decode(input)? else { return Ok(None) };
        Ok(Some(parse(&mut self.shapes, event.data, event.event_type)))
    }

    /// Returns the state of the framing: the last event ID, the reconnection time, the number of consumed bytes.
    #[must_use]
    pub const fn framing(&self) -> &Decoder {
        &self.framing
    }

    /// Ends the stream, and prepares for the next one, as [`Decoder::finish`] does.
    pub fn finish(&mut self) -> Discarded {
        self.framing.finish()
    }
}

impl From<Decoder> for EventDecoder {
    /// Goes on where this decoder is, such as at the start of [a resumed stream](Decoder::resuming).
    fn from(framing: Decoder) -> Self {
        Self { framing, shapes: Shapes::new() }
    }
}

/// Returns whether these are data of an event stream that are no event.
pub(super) fn is_marker(data: &str) -> bool {
    matches!(data, "" | "[DONE]")
}

/// Parses data that repeat no earlier ones. A function of its own keeps the usual path short.
#[inline(never)]
fn parse<'a>(shapes: &mut Shapes, data: &'a str, event_type: &'a str) -> StreamEvent<'a> {
    if is_marker(data) {
        return StreamEvent::Marker(data);
    }
    match shapes.parse(data, event_type) {
        Ok(event) => StreamEvent::Server(event),
        Err(malformed) => StreamEvent::Malformed { malformed, text: data },
    }
}

impl fmt::Debug for EventDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventDecoder").field("framing", &self.framing).field("shapes", &self.shapes).finish()
    }
}

impl fmt::Debug for StreamEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(event) => f.debug_tuple("Server").field(event).finish(),
            Self::Malformed { malformed, text } => {
                let mut shown = f.debug_struct("Malformed");
                shown.field("malformed", malformed).field("text", &Hidden(text.len())).finish()
            }
            Self::Marker(data) => f.debug_tuple("Marker").field(data).finish(),
        }
    }
}

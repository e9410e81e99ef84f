//! The event stream decoder.

use alloc::string::String;
use core::fmt;
use core::ops::Range;
use core::time::Duration;

use super::event::{Discarded, Event};
use super::event_buffer::{BorrowedFields, EventBuffer, borrow_or_copy};
use super::field::{Field, PartialLine};
use super::input::Input;
use super::limits::{Error, Limits};
use super::line_decoder::LineDecoder;
use super::predict::{DATA, Predicted, PrefixPredictor};
use crate::truncate::truncated;

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Decodes one event stream. `Debug` shows its progress, and nothing of the content.
///
/// ```
/// use turnwire::sse::{Decoder, Input, Limits};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let mut input = Input::new(b"id: 7\ndata: hello\n\ndata: the next event is incomp");
/// let event = decoder.decode(&mut input)?.expect("one event is complete");
/// assert_eq!((event.event_type, event.data), ("message", "hello"));
/// assert!(decoder.decode(&mut input)?.is_none());
/// assert_eq!(decoder.last_event_id(), "7");
/// # Ok::<(), turnwire::sse::Error>(())
/// ```
pub struct Decoder {
    lines: LineDecoder,
    /// The number of received bytes of a byte order mark; 3 once it is complete or cannot come any more.
    bom: usize,
    predictor: PrefixPredictor,
    last_id: String,
    /// The number of consumed bytes of the stream.
    offset: u64,
    failed: Option<Error>,
}

impl Decoder {
    /// Creates a decoder at the start of a stream, with an empty last event ID.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            lines: LineDecoder::new(limits),
            bom: 0,
            predictor: PrefixPredictor::new(),
            last_id: String::new(),
            offset: 0,
            failed: None,
        }
    }

    /// Creates a decoder for a resumed stream. `id` is the last event ID until the stream sets another. It is truncated to
    /// [`Limits::id`], between two characters.
    #[must_use]
    pub fn resuming(limits: Limits, id: &str) -> Self {
        let mut decoder = Self::new(limits);
        decoder.last_id.push_str(truncated(id, limits.id));
        decoder
    }

    /// Decodes up to the end of the next event. Returns `None` when all input is consumed. The event borrows from the input or
    /// from the decoder; the input may outlive it.
    ///
    /// # Errors
    ///
    /// [`Error`] if a limit is passed. All events before it have been returned. Every later call returns the same error and
    /// consumes nothing.
    #[expect(clippy::inline_always, reason = "a predicted event takes a few nanoseconds, of which a call is one")]
    #[inline(always)]
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut Input<'i>) -> Result<Option<Event<'s>>, Error> {
        if self.lines.event.dispatched {
            self.lines.event.clear();
        }
        if self.predictor.applies {
            if input.at() == input.bytes().len() {
                return Ok(None);
            }
            if let Some(data) = self.decode_predicted(input) {
                let Self { predictor, last_id, .. } = self;
                let event_type = or_message(&predictor.event_type);
                return Ok(Some(Event { event_type, data, id: last_id, had_invalid_utf8: false }));
            }
        }
        self.decode_general(input)
    }

    /// Consumes an event that begins as predicted and is whole in the input, if its data are known: `length` gets the bytes behind the
    /// beginning of the data, and returns the length of the data, which has no line end. Returns the data. Consumes nothing of any
    /// other event, and of no invalid UTF-8.
    ///
    /// So the end of the data need not be searched for.
    #[inline]
    pub(crate) fn decode_known<'i>(
        &mut self,
        input: &mut Input<'i>,
        length: impl FnOnce(&'i [u8]) -> Option<usize>,
    ) -> Option<&'i str> {
        if !self.predictor.applies {
            return None;
        }
        let data = self.predictor.find_known(input.bytes(), input.at(), length)?;
        self.release_event();
        self.take_data(input, data)
    }

    /// Consumes an event that begins as predicted and is whole in the input, and returns its data. Nothing else changes.
    #[inline]
    fn decode_predicted<'i>(&mut self, input: &mut Input<'i>) -> Option<&'i str> {
        let Predicted { data, whole } = self.predictor.find(input.bytes(), input.at())?;
        if !whole {
            self.begin_predicted(input, data);
            return None;
        }
        self.take_data(input, data)
    }

    /// Consumes an event with this data, up to its blank line. Returns the data; `None` if they are not UTF-8.
    #[inline]
    fn take_data<'i>(&mut self, input: &mut Input<'i>, data: Range<usize>) -> Option<&'i str> {
        let end = data.end + 2;
        let data = input.text(data)?;
        self.offset += (end - input.at()) as u64;
        input.move_to(end);
        Some(data)
    }

    /// Consumes the beginning of an event that begins as predicted, and whose data continues behind the input.
    fn begin_predicted(&mut self, input: &mut Input<'_>, data: Range<usize>) {
        self.offset += (data.end - input.at()) as u64;
        input.move_to(data.end);
        self.predictor.applies = false;
        let lines = &mut self.lines;
        lines.partial = PartialLine::Value { field: Field::Data, at_start: false };
        lines.partial_length = DATA.len() + data.len();
        lines.event.lines = 1;
        lines.event.event_type.push_str(&self.predictor.event_type);
        lines.event.data.push_validated(input, data);
    }

    /// Decodes an event that is not whole in the input, or does not begin as predicted.
    #[inline(never)]
    fn decode_general<'s, 'i: 's>(&'s mut self, input: &mut Input<'i>) -> Result<Option<Event<'s>>, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut fields = BorrowedFields::default();
        match self.advance(input, &mut fields) {
            Ok(true) => Ok(Some(self.event(&fields, input))),
            Ok(false) => Ok(None),
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    /// Returns the last event ID, as of the last blank line, even if that dispatched no event.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// Returns the last reconnection time that the stream has set.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.lines.retry
    }

    /// Returns the number of consumed bytes of the stream, including comments. It grows with all activity of the peer.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the number of received bytes that are kept of an incomplete event. Invalid UTF-8 among them takes up to three
    /// times as much memory, because it is replaced.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.lines.event.buffered()
    }

    /// Ends the stream: returns what was incomplete, discards it, and prepares for the next stream as [`reset`](Self::reset)
    /// does.
    pub fn finish(&mut self) -> Discarded {
        let LineDecoder { event, partial, .. } = &mut self.lines;
        if event.dispatched {
            event.clear();
        }
        let between = *partial == PartialLine::Start && matches!(self.bom, 0 | 3);
        let discarded = match event.lines {
            0 if between && event.is_empty() => Discarded::Nothing,
            0 => Discarded::Line,
            1.. => Discarded::Event { data: event.data.received_len() },
        };
        self.reset();
        discarded
    }

    /// Frees the memory of the last event, once it is no longer borrowed.
    pub(crate) fn release_event(&mut self) {
        if self.lines.event.dispatched {
            self.lines.event.clear();
        }
    }

    /// Frees the buffers, between two streams. The next one begins with [`reset`](Self::reset).
    pub(crate) fn release_memory(&mut self) {
        self.lines.event = EventBuffer::new();
    }

    /// Begins the stream of a new connection. The last event ID, the reconnection time and the buffers' memory stay.
    pub fn reset(&mut self) {
        self.lines.reset();
        self.predictor.applies = false;
        (self.bom, self.offset, self.failed) = (0, 0, None);
    }

    /// Consumes input up to the end of an event. Returns `false` when all of it is consumed; the fields of the incomplete event
    /// are copied then.
    fn advance(&mut self, input: &mut Input<'_>, fields: &mut BorrowedFields) -> Result<bool, Error> {
        let (bytes, start) = (input.bytes(), input.at());
        if start == bytes.len() {
            return Ok(false);
        }
        self.predictor.applies = false;
        self.lines.base = self.offset.wrapping_sub(start as u64);
        let mut at = self.skip_bom(bytes, start);
        at = self.lines.resume(bytes, at, fields)?;
        let is_new = self.lines.partial == PartialLine::Start && self.lines.event.is_empty();
        let begin = is_new.then_some(at);
        let dispatched = loop {
            match bytes.get(at) {
                None => break false,
                Some(b'\n' | b'\r') => {
                    at = self.lines.end_line(bytes, at);
                    if self.dispatch(fields) {
                        break true;
                    }
                }
                Some(_) => at = self.lines.decode(bytes, at, fields)?,
            }
        };
        input.move_to(at);
        self.offset += (at - start) as u64;
        if dispatched {
            if let Some(begin) = begin {
                self.predictor.learn(bytes, begin, fields, &self.lines.limits);
            }
            self.predictor.applies = self.predictor.is_known() && !self.lines.skip_lf;
        } else {
            self.lines.event.copy_from_input(bytes, fields);
        }
        Ok(dispatched)
    }

    /// Skips a byte order mark at the start of the stream, however it is split. Bytes that only begin like one begin a line
    /// without a known field.
    #[inline]
    fn skip_bom(&mut self, bytes: &[u8], mut at: usize) -> usize {
        while self.bom < BOM.len() {
            match bytes.get(at) {
                None => break,
                Some(byte) if *byte == BOM[self.bom] => {
                    self.bom += 1;
                    at += 1;
                }
                Some(_) => {
                    if self.bom > 0 {
                        self.lines.partial = PartialLine::Skipped;
                    }
                    self.bom = BOM.len();
                }
            }
        }
        at
    }

    /// Handles a blank line: sets the last event ID. Returns whether there is an event to dispatch, which needs data.
    #[inline]
    fn dispatch(&mut self, fields: &mut BorrowedFields) -> bool {
        let event = &mut self.lines.event;
        if event.id_set {
            event.id_set = false;
            self.last_id.clear();
            self.last_id.push_str(&String::from_utf8_lossy(&event.id));
        }
        if event.lines > 0 {
            event.dispatched = true;
            return true;
        }
        event.event_type.clear();
        fields.event_type = None;
        false
    }

    #[inline]
    fn event<'s, 'i: 's>(&'s mut self, fields: &BorrowedFields, input: &mut Input<'i>) -> Event<'s> {
        if let BorrowedFields { data: Some(data), event_type: Some(name) } = fields {
            // Validates both at once.
            input.text(name.start.min(data.start)..data.end.max(name.end));
        }
        let event = &mut self.lines.event;
        let name = borrow_or_copy(&mut event.event_type, fields.event_type.as_ref(), input);
        let data = borrow_or_copy(&mut event.data, fields.data.as_ref(), input);
        Event {
            event_type: or_message(name.unwrap_or_else(|| event.event_type.as_str())),
            data: data.unwrap_or_else(|| event.data.as_str()),
            id: &self.last_id,
            had_invalid_utf8: data.is_none() && event.data.replaced(),
        }
    }
}

/// Returns an event without a type is a `message`.
#[inline]
const fn or_message(event_type: &str) -> &str {
    if event_type.is_empty() { "message" } else { event_type }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("limits", &self.lines.limits)
            .field("offset", &self.offset)
            .field("buffered", &self.buffered())
            .field("retry", &self.retry())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

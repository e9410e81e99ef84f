//! The event stream decoder.

use alloc::string::String;
use core::fmt;
use core::ops::Range;
use core::time::Duration;

use memchr::memchr2;

use super::block::{Block, Spans, settle};
use super::input::Input;
use super::line::{self, Field, Line};
use super::usual::{Found, Usual};
use super::{Error, Limits};
use crate::hidden::Hidden;

const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// An event, as WHATWG HTML §9.2.6 dispatches it. `Debug` shows the name, and the lengths of data and ID.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The event's name; `message` when the stream gave none.
    pub event_type: &'a str,
    /// The data lines, joined with LF.
    pub data: &'a str,
    /// The last event ID at this event: what to send in `Last-Event-ID` when reconnecting behind it.
    pub id: &'a str,
    /// Whether invalid UTF-8 in the data was replaced by U+FFFD.
    pub had_invalid_utf8: bool,
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("event_type", &self.event_type)
            .field("data", &Hidden(self.data.len()))
            .field("id", &Hidden(self.id.len()))
            .field("had_invalid_utf8", &self.had_invalid_utf8)
            .finish()
    }
}

/// What the end of the stream cut off and discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discarded {
    /// Nothing: the stream ended between events.
    Nothing,
    /// A line, or fields without data.
    Line,
    /// An event that lacked its blank line.
    Event {
        /// Bytes of data that had come.
        data: usize,
    },
}

/// Decodes one event stream. `Debug` shows how far it is, and nothing of what the stream holds.
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
    pub(super) limits: Limits,
    pub(super) line: Line,
    /// Bytes of the unfinished line.
    pub(super) line_length: usize,
    /// How much of a byte order mark has come; 3 when it has, or never will.
    bom: usize,
    /// The last line ended with CR: an LF that comes next belongs to it.
    skip_lf: bool,
    pub(super) block: Block,
    usual: Usual,
    last_id: String,
    pub(super) retry: Option<Duration>,
    /// How many bytes of the stream have been taken.
    offset: u64,
    /// Where in the stream the current input begins; wraps when the input held something else before the stream.
    pub(super) base: u64,
    failed: Option<Error>,
}

impl Decoder {
    /// A decoder at the start of a stream, with an empty last event ID.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            line: Line::Start,
            line_length: 0,
            bom: 0,
            skip_lf: false,
            block: Block::new(),
            usual: Usual::new(),
            last_id: String::new(),
            retry: None,
            offset: 0,
            base: 0,
            failed: None,
        }
    }

    /// A decoder for a stream that is resumed: `id` is the last event ID until the stream sets another. It is cut at the limit.
    #[must_use]
    pub fn resuming(limits: Limits, id: &str) -> Self {
        let mut decoder = Self::new(limits);
        let cut = (0..=id.len().min(limits.id)).rev().find(|at| id.is_char_boundary(*at)).unwrap_or(0);
        decoder.last_id.push_str(&id[..cut]);
        decoder
    }

    /// Decodes up to the end of the next event. `None`: all of the input was taken. The event borrows from the input or from the
    /// decoder, and the input may outlive it.
    ///
    /// # Errors
    ///
    /// [`Error`] when a limit is passed; sticky, and nothing more is taken. Events before it have been given out.
    #[expect(clippy::inline_always, reason = "the usual event takes a few nanoseconds, of which a call is one")]
    #[inline(always)]
    pub fn decode<'s, 'i: 's>(&'s mut self, input: &mut Input<'i>) -> Result<Option<Event<'s>>, Error> {
        if self.block.given {
            self.block.empty();
        }
        if self.usual.is_next {
            if input.at() == input.bytes().len() {
                return Ok(None);
            }
            if let Some(data) = self.usual(input) {
                let Self { usual, last_id, .. } = self;
                return Ok(Some(Event { event_type: named(&usual.name), data, id: last_id, had_invalid_utf8: false }));
            }
        }
        self.any(input)
    }

    /// Takes an event that begins like the last one and lies whole in the input: its data. Nothing else changes then.
    #[inline]
    fn usual<'i>(&mut self, input: &mut Input<'i>) -> Option<&'i str> {
        let start = input.at();
        let Found { data, whole } = self.usual.find(input.bytes(), start)?;
        if !whole {
            self.usual_cut(input, data);
            return None;
        }
        let end = data.end + 2;
        let data = input.text(data)?;
        input.move_to(end);
        self.offset += (end - start) as u64;
        Some(data)
    }

    /// Takes the beginning of an event that begins like the last one, and whose data the end of the input cuts.
    fn usual_cut(&mut self, input: &mut Input<'_>, data: Range<usize>) {
        self.offset += (data.end - input.at()) as u64;
        input.move_to(data.end);
        self.usual.is_next = false;
        self.line = Line::Value { field: Field::Data, fresh: false };
        self.line_length = b"data: ".len() + data.len();
        self.block.lines = 1;
        self.block.name.push_text(&self.usual.name);
        self.block.data.push_known(input, data);
    }

    /// Takes what does not lie whole in the input, or does not begin like the last event.
    #[inline(never)]
    fn any<'s, 'i: 's>(&'s mut self, input: &mut Input<'i>) -> Result<Option<Event<'s>>, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut spans = Spans::default();
        match self.advance(input, &mut spans) {
            Ok(true) => Ok(Some(self.lend(&spans, input))),
            Ok(false) => Ok(None),
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    /// The last event ID: that of the last blank line, whether or not it dispatched an event.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_id
    }

    /// The reconnection time that the stream asked for last.
    #[must_use]
    pub const fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// How many bytes of the stream have been taken, comments included: any growth is a sign of life.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes are kept of an event that is not finished, as they came: where they are no UTF-8, what replaces them can
    /// be three times as long.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.block.buffered()
    }

    /// The stream has ended: says what that cut off, discards it, and is ready for the next stream as after
    /// [`reset`](Self::reset).
    pub fn finish(&mut self) -> Discarded {
        if self.block.given {
            self.block.empty();
        }
        let between = self.line == Line::Start && matches!(self.bom, 0 | 3);
        let unfinished = match self.block.lines {
            0 if between && self.block.name.come() == 0 && !self.block.id_set => Discarded::Nothing,
            0 => Discarded::Line,
            1.. => Discarded::Event { data: self.block.data.come() },
        };
        self.reset();
        unfinished
    }

    /// Begins the stream of a new connection: the last event ID, the reconnection time and the buffers stay.
    pub fn reset(&mut self) {
        self.block.empty();
        self.usual.is_next = false;
        (self.line, self.line_length, self.bom, self.skip_lf) = (Line::Start, 0, 0, false);
        self.offset = 0;
        self.failed = None;
    }

    /// Takes the input up to the end of a block that is an event. `false`: all of it, and what of the block lies in it is copied.
    fn advance(&mut self, input: &mut Input<'_>, spans: &mut Spans) -> Result<bool, Error> {
        let (bytes, start) = (input.bytes(), input.at());
        if start == bytes.len() {
            return Ok(false);
        }
        self.usual.is_next = false;
        self.base = self.offset.wrapping_sub(start as u64);
        let mut at = self.resume(bytes, start, spans)?;
        let begin = (self.line == Line::Start && self.block.is_fresh()).then_some(at);
        let dispatched = loop {
            match bytes.get(at) {
                None => break false,
                Some(b'\n' | b'\r') => {
                    at = self.end_line(bytes, at);
                    if self.blank_line(spans) {
                        break true;
                    }
                    continue;
                }
                Some(_) => {}
            }
            match memchr2(b'\r', b'\n', &bytes[at..]) {
                Some(length) if self.whole_line(bytes, at..at + length, spans) => {
                    at = self.end_line(bytes, at + length);
                }
                found => {
                    self.line = line::start();
                    if found.is_none() {
                        at = self.field(bytes, at, spans)?;
                    }
                    at = self.go_on(bytes, at, spans)?;
                }
            }
        };
        input.move_to(at);
        self.offset += (at - start) as u64;
        if dispatched {
            if let Some(begin) = begin {
                self.usual.learn(bytes, begin, spans, &self.limits);
            }
            self.usual.is_next = self.usual.is_known() && !self.skip_lf;
        } else {
            self.block.spill(bytes, spans);
        }
        Ok(dispatched)
    }

    /// Goes on where the last input ended: in a byte order mark, behind a CR, inside a line. Most begin at a line's start.
    #[inline]
    fn resume(&mut self, bytes: &[u8], mut at: usize, spans: &mut Spans) -> Result<usize, Error> {
        if self.bom < BOM.len() {
            at = self.skip_bom(bytes, at);
        }
        if self.skip_lf && at < bytes.len() {
            self.skip_lf = false;
            at += usize::from(bytes[at] == b'\n');
        }
        if self.line == Line::Start { Ok(at) } else { self.go_on(bytes, at, spans) }
    }

    /// A byte order mark is passed over, once, however it is cut. What looked like one and is none begins a line of no known
    /// field.
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
                        self.line = Line::Skipped;
                    }
                    self.bom = BOM.len();
                }
            }
        }
        at
    }

    /// Moves behind the line end at `at`, and behind the LF of a CR LF if it is there already.
    #[inline]
    pub(super) const fn end_line(&mut self, bytes: &[u8], at: usize) -> usize {
        if bytes[at] == b'\n' {
            return at + 1;
        }
        if at + 1 == bytes.len() {
            self.skip_lf = true;
            return at + 1;
        }
        if bytes[at + 1] == b'\n' { at + 2 } else { at + 1 }
    }

    /// A line that lies whole in the input. `false`: it passes a limit, and is to be judged byte by byte to tell which one comes
    /// first. Nothing was done with it then.
    #[inline]
    fn whole_line(&mut self, bytes: &[u8], span: Range<usize>, spans: &mut Spans) -> bool {
        let Some((field, value)) = line::split(&bytes[span.clone()]) else { return true };
        if span.len() > self.limits.line {
            return false;
        }
        let value = span.start + value..span.end;
        match field {
            Field::Data => return self.data_line(bytes, value, spans),
            Field::Event if value.len() > self.limits.name => return false,
            Field::Event => spans.name = Some(value),
            Field::Id if value.len() > self.limits.id => return false,
            Field::Id => {
                self.block.next_id.clear();
                self.block.next_id.extend_from_slice(&bytes[value]);
                self.block.id_line();
            }
            Field::Retry => {
                self.block.retry = None;
                self.block.retry_digits(&bytes[value]);
                self.retry_line();
            }
        }
        true
    }

    #[inline]
    fn data_line(&mut self, bytes: &[u8], value: Range<usize>, spans: &mut Spans) -> bool {
        let before = match (self.block.lines, &spans.data) {
            (0, _) => 0,
            (_, Some(first)) => first.len() + 1,
            (_, None) => self.block.data.come() + 1,
        };
        if self.block.lines >= self.limits.lines || before + value.len() > self.limits.data {
            return false;
        }
        self.block.lines += 1;
        if before == 0 {
            spans.data = Some(value);
            return true;
        }
        self.block.spill_data(bytes, spans);
        self.block.join();
        self.block.data.push(&bytes[value]);
        true
    }

    /// Commits the ID, and says whether there is an event to give out; without data there is none.
    #[inline]
    fn blank_line(&mut self, spans: &mut Spans) -> bool {
        if self.block.id_set {
            self.block.id_set = false;
            self.last_id.clear();
            self.last_id.push_str(&String::from_utf8_lossy(&self.block.id));
        }
        if self.block.lines > 0 {
            self.block.given = true;
            return true;
        }
        self.block.name.clear();
        spans.name = None;
        false
    }

    #[inline]
    fn lend<'s, 'i: 's>(&'s mut self, spans: &Spans, input: &mut Input<'i>) -> Event<'s> {
        if let Spans { data: Some(data), name: Some(name) } = spans {
            // One look at both.
            input.text(name.start.min(data.start)..data.end.max(name.end));
        }
        let name = settle(&mut self.block.name, spans.name.as_ref(), input);
        let data = settle(&mut self.block.data, spans.data.as_ref(), input);
        Event {
            event_type: named(name.unwrap_or_else(|| self.block.name.as_str())),
            data: data.unwrap_or_else(|| self.block.data.as_str()),
            id: &self.last_id,
            had_invalid_utf8: data.is_none() && self.block.data.replaced(),
        }
    }
}

#[inline]
const fn named(name: &str) -> &str {
    if name.is_empty() { "message" } else { name }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("limits", &self.limits)
            .field("offset", &self.offset)
            .field("buffered", &self.buffered())
            .field("retry", &self.retry)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

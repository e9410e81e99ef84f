//! Decoding of lines: whole ones at once, and those that a read splits or that pass a limit byte by byte.

use core::ops::Range;
use core::time::Duration;

use memchr::memchr2;

use super::event_buffer::{BorrowedFields, EventBuffer, NOT_DIGITS};
use super::field::{self, Field, PartialLine};
use super::limits::{Error, Limits};

/// Decodes the lines of a stream into the fields of the current event.
pub(super) struct LineDecoder {
    pub(super) limits: Limits,
    pub(super) partial: PartialLine,
    /// The number of received bytes of the incomplete line.
    pub(super) partial_length: usize,
    /// Whether the last line ended with CR at the end of a read, so that an LF that follows belongs to it.
    pub(super) skip_lf: bool,
    pub(super) event: EventBuffer,
    pub(super) retry: Option<Duration>,
    /// The offset in the stream of the current input's first byte. Wraps around if the input began before the stream.
    pub(super) base: u64,
}

impl LineDecoder {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            partial: PartialLine::Start,
            partial_length: 0,
            skip_lf: false,
            event: EventBuffer::new(),
            retry: None,
            base: 0,
        }
    }

    /// Discards the incomplete line and event.
    pub(super) fn reset(&mut self) {
        self.event.clear();
        (self.partial, self.partial_length, self.skip_lf) = (PartialLine::Start, 0, false);
    }

    /// Continues where the last input ended: between the CR and the LF of a line end, or inside a line. Returns the position of
    /// the next line.
    #[inline]
    pub(super) fn resume(&mut self, bytes: &[u8], mut at: usize, fields: &mut BorrowedFields) -> Result<usize, Error> {
        if self.skip_lf && at < bytes.len() {
            self.skip_lf = false;
            at += usize::from(bytes[at] == b'\n');
        }
        if self.partial == PartialLine::Start { Ok(at) } else { self.continue_line(bytes, at, fields) }
    }

    /// Decodes the line at `at`, or the part of it that has arrived. Returns the position behind it.
    #[inline]
    pub(super) fn decode(&mut self, bytes: &[u8], mut at: usize, fields: &mut BorrowedFields) -> Result<usize, Error> {
        match memchr2(b'\r', b'\n', &bytes[at..]) {
            Some(length) if self.decode_whole(bytes, at..at + length, fields) => Ok(self.end_line(bytes, at + length)),
            end => {
                self.partial = PartialLine::NAME;
                if end.is_none() {
                    at = self.decode_name(bytes, at, fields)?;
                }
                self.continue_line(bytes, at, fields)
            }
        }
    }

    /// Returns the position behind the line end at `at`, and behind the LF of a CR LF if it has arrived.
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

    /// Decodes a line that is whole in the input. Returns `false`, and changes nothing, if the line passes a limit: it is then
    /// decoded byte by byte to find the first limit that it passes.
    #[inline]
    fn decode_whole(&mut self, bytes: &[u8], span: Range<usize>, fields: &mut BorrowedFields) -> bool {
        let Some((field, value)) = field::split(&bytes[span.clone()]) else { return true };
        if span.len() > self.limits.line {
            return false;
        }
        let value = span.start + value..span.end;
        match field {
            Field::Data => return self.decode_data(bytes, value, fields),
            Field::Event if value.len() > self.limits.name => return false,
            Field::Event => fields.event_type = Some(value),
            Field::Id if value.len() > self.limits.id => return false,
            Field::Id => {
                self.event.next_id.clear();
                self.event.next_id.extend_from_slice(&bytes[value]);
                self.event.end_id();
            }
            Field::Retry => {
                self.event.retry = None;
                self.event.push_retry(&bytes[value]);
                self.end_retry();
            }
        }
        true
    }

    #[inline]
    fn decode_data(&mut self, bytes: &[u8], value: Range<usize>, fields: &mut BorrowedFields) -> bool {
        let before = match (self.event.lines, &fields.data) {
            (0, _) => 0,
            (_, Some(first)) => first.len() + 1,
            (_, None) => self.event.data.received_len() + 1,
        };
        if self.event.lines >= self.limits.lines || before + value.len() > self.limits.data {
            return false;
        }
        self.event.lines += 1;
        if before == 0 {
            fields.data = Some(value);
            return true;
        }
        self.event.copy_data(bytes, fields);
        self.event.append_newline();
        self.event.data.push_lossy(&bytes[value]);
        true
    }

    /// Continues a line that began in an earlier read, that the end of the input splits, or that passes a limit. Stops at its
    /// end or at that of the input.
    fn continue_line(&mut self, bytes: &[u8], mut at: usize, fields: &mut BorrowedFields) -> Result<usize, Error> {
        while self.partial != PartialLine::Start && at < bytes.len() {
            at = self.continue_line_once(bytes, at, fields)?;
        }
        Ok(at)
    }

    /// Takes the field's name and colon of a line that the end of the input splits, if both have arrived.
    fn decode_name(&mut self, bytes: &[u8], at: usize, fields: &mut BorrowedFields) -> Result<usize, Error> {
        let Some((field, length)) = field::prefix(&bytes[at..]) else { return Ok(at) };
        (self.partial, self.partial_length) = (PartialLine::Value { field, at_start: true }, length);
        self.begin_value(field, bytes, at + length, fields)?;
        Ok(at + length)
    }

    fn continue_line_once(&mut self, bytes: &[u8], at: usize, fields: &mut BorrowedFields) -> Result<usize, Error> {
        if let PartialLine::Name { bytes: name, length } = self.partial {
            let byte = bytes[at];
            if matches!(byte, b'\r' | b'\n') {
                if let Some(field) = field::by_name(&name[..length]) {
                    self.begin_value(field, bytes, at, fields)?;
                    self.end_value(field);
                }
                (self.partial, self.partial_length) = (PartialLine::Start, 0);
                return Ok(self.end_line(bytes, at));
            }
            self.partial = PartialLine::after_name_byte(name, length, byte);
            self.partial_length += 1;
            if let PartialLine::Value { field, .. } = self.partial {
                self.begin_value(field, bytes, at + 1, fields)?;
            }
            return Ok(at + 1);
        }
        let end = memchr2(b'\r', b'\n', &bytes[at..]).map(|length| at + length);
        if let PartialLine::Value { field, at_start } = self.partial {
            let piece = at..end.unwrap_or(bytes.len());
            let space = at_start && bytes[piece.clone()].starts_with(b" ");
            self.partial = PartialLine::Value { field, at_start: at_start && piece.is_empty() };
            self.push_value(field, bytes, piece, space)?;
            if end.is_some() {
                self.end_value(field);
            }
        }
        let Some(end) = end else { return Ok(bytes.len()) };
        (self.partial, self.partial_length) = (PartialLine::Start, 0);
        Ok(self.end_line(bytes, end))
    }

    /// Begins the value of `field`, whose name ends before `at`.
    fn begin_value(&mut self, field: Field, bytes: &[u8], at: usize, fields: &mut BorrowedFields) -> Result<(), Error> {
        let line = self.base.wrapping_add(at as u64) - self.partial_length as u64;
        if self.partial_length > self.limits.line {
            return Err(self.line_too_long(line));
        }
        match field {
            Field::Data => {
                if self.event.lines >= self.limits.lines {
                    return Err(Error::TooManyLines { limit: self.limits.lines, offset: line });
                }
                self.event.lines += 1;
                if self.event.lines == 1 {
                    return Ok(());
                }
                self.event.copy_data(bytes, fields);
                if self.event.data.received_len() >= self.limits.data {
                    return Err(Error::DataTooLong { limit: self.limits.data, offset: line });
                }
                self.event.append_newline();
            }
            Field::Event => {
                self.event.event_type.clear();
                fields.event_type = None;
            }
            Field::Id => self.event.next_id.clear(),
            Field::Retry => self.event.retry = None,
        }
        Ok(())
    }

    /// Appends a piece of a value. `space`: its first byte is the space that is skipped. The limits are checked before anything
    /// is kept. If the piece passes two of them, the error is that of the first byte beyond either.
    fn push_value(&mut self, field: Field, bytes: &[u8], piece: Range<usize>, space: bool) -> Result<(), Error> {
        let start = self.base.wrapping_add(piece.start as u64);
        let line = start - self.partial_length as u64;
        let line_room = self.limits.line - self.partial_length;
        let length = piece.len();
        let value = piece.start + usize::from(space)..piece.end;
        let value_room = match field {
            Field::Data => self.limits.data - self.event.data.received_len(),
            Field::Event => self.limits.name - self.event.event_type.received_len(),
            Field::Id => self.limits.id - self.event.next_id.len(),
            Field::Retry => usize::MAX,
        };
        let allowed = (value.len() > value_room).then(|| value_room + usize::from(space));
        if length > line_room && allowed.is_none_or(|allowed| line_room <= allowed) {
            return Err(self.line_too_long(line));
        }
        if let Some(allowed) = allowed {
            return Err(self.value_too_long(field, start + allowed as u64));
        }
        self.partial_length += length;
        let value = &bytes[value];
        match field {
            Field::Data => self.event.data.push_lossy(value),
            Field::Event => self.event.event_type.push_lossy(value),
            Field::Id => self.event.next_id.extend_from_slice(value),
            Field::Retry => self.event.push_retry(value),
        }
        Ok(())
    }

    const fn line_too_long(&self, line: u64) -> Error {
        Error::LineTooLong { limit: self.limits.line, offset: line + self.limits.line as u64 }
    }

    const fn value_too_long(&self, field: Field, offset: u64) -> Error {
        match field {
            Field::Data | Field::Retry => Error::DataTooLong { limit: self.limits.data, offset },
            Field::Event => Error::NameTooLong { limit: self.limits.name, offset },
            Field::Id => Error::IdTooLong { limit: self.limits.id, offset },
        }
    }

    fn end_value(&mut self, field: Field) {
        match field {
            Field::Data | Field::Event => {}
            Field::Id => self.event.end_id(),
            Field::Retry => self.end_retry(),
        }
    }

    /// Ends a `retry` line. It has an effect only if its value is one or more ASCII digits.
    const fn end_retry(&mut self) {
        if let Some(milliseconds) = self.event.retry
            && milliseconds != NOT_DIGITS
        {
            self.retry = Some(Duration::from_millis(milliseconds));
        }
    }
}
